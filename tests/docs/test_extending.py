"""The page that says where things are says so of things that are there."""

import re
from pathlib import Path

from autograin_cli.potential import bonded_forms, pair_forms

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text()


def test_every_file_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`([a-z_/0-9]+(?:\.py|\.md|/))`", PAGE))
    assert len(named) > 20
    for name in named:
        places = (ROOT / name, ROOT / "src" / "autograin_cli" / name)
        assert any(place.exists() for place in places), name


def test_every_name_that_the_page_sends_to_is_in_the_file_beside_it() -> None:
    pairs = re.findall(r"`([A-Za-z_]+)`(?: there)?,? (?:in|of) `([a-z_/0-9]+\.py)`", PAGE)
    assert len(pairs) > 5
    for name, file in pairs:
        places = (ROOT / file, ROOT / "src" / "autograin_cli" / file)
        text = next(place for place in places if place.exists()).read_text()
        assert re.search(rf"\b{name}\b", text), (name, file)


def test_the_classes_to_be_copied_are_there() -> None:
    assert {"Harmonic", "BondedForm", "form_of"} <= set(vars(bonded_forms))
    assert {"PairSpline", "LennardJones", "pair_form_of"} <= set(vars(pair_forms))
