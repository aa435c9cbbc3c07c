"""Write docs/artifacts.md from the schema; with --check only say whether it is up to date."""

import sys
from pathlib import Path

from autograin_cli.files.pages.format_page import schema_page

PAGE = Path(__file__).with_name("artifacts.md")


def main() -> int:
    """Write the page, or compare it."""
    page = schema_page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    print(f"{PAGE.name} is out of date: run python docs/format_page.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
