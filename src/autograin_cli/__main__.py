"""`python -m autograin_cli` is `autograin`."""

from autograin_cli.cli import main

if __name__ == "__main__":
    main()
