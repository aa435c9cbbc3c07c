"""Mappings of OpenMSCG, YAML: types of sites, and where they stand in a frame."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import yaml

from autograin_cli.errors import InputError
from autograin_cli.files.mappings.written import WrittenBead, clear_name, shown

_SITE_KEYS = ("index", "x-weight", "f-weight")
_GROUP_KEYS = ("anchor", "repeat", "offset", "sites", "groups")
_DEEPEST = 8  # groups in groups
_BIASED = 1e-3  # largest deviation of the force of a moved bead, for weights of few digits
_REMEDY = "correct the file: docs/engines.md shows what a mapping may hold"


@dataclass(frozen=True)
class _Site:
    """A type of site: indices counted from its place, weights of its atoms."""

    kind: str
    index: tuple[int, ...]
    weights: tuple[float, ...]


def read_openmscg(text: str, n_atoms: int) -> tuple[WrittenBead, ...]:
    """Read the beads of a frame.

    Args:
        text: of the file.
        n_atoms: in a frame: beads of no more are read.

    Raises:
        InputError: it is not YAML, has a key that is not known or lacks one, or a value is wrong.
    """
    content = _fields(_loaded(text), "the file", ("site-types", "system"), ("site-types", "system"))
    types = content["site-types"]
    if not isinstance(types, dict):
        raise _wrong("site-types", types, "types of sites, each with index and x-weight")
    sites = {name: _site(name, given) for name, given in types.items()}
    _check_distinct(sites)
    beads, n_mapped = [], 0
    for bead in _beads(_items(content["system"], "system"), sites, 0, 0):
        beads.append(bead)
        n_mapped += len(bead.atoms)
        if n_mapped > n_atoms:
            raise InputError(
                given=f"a system whose beads hold more than {n_atoms} atoms",
                expected=f"each of the {n_atoms} atoms of a frame in one bead at most",
                remedy="correct repeat: it counts the copies in the trajectory",
            )
    return tuple(beads)


def _loaded(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        deep = "nested too deeply" if isinstance(error, RecursionError) else ""
        raise InputError(
            given=f"text that is not YAML{where}: {shown(getattr(error, 'problem', deep) or deep)}",
            expected="a mapping of OpenMSCG",
            remedy=_REMEDY,
        ) from error


def _fields(
    given: Any, where: str, known: Sequence[str], needed: Sequence[str]
) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise _wrong(where, given, "keys " + ", ".join(known))
    for key in given:
        if key not in known:
            raise InputError(
                given=f"the key '{shown(key)}' in {where}",
                expected="one of " + ", ".join(known),
                remedy="correct the key, or remove it: it would have no effect",
            )
    for key in needed:
        if key not in given:
            raise InputError(
                given=f"{where} without '{key}'", expected=", ".join(needed), remedy=_REMEDY
            )
    return given


def _site(name: Any, given: Any) -> _Site:
    if not isinstance(name, str):
        raise _wrong("the name of a type of site", name, "text: put it in quotes")
    where = f"site type {shown(name)}"
    fields = _fields(given, where, _SITE_KEYS, _SITE_KEYS[:2])
    index = tuple(_whole(value, f"index of {where}") for value in _items(fields["index"], where))
    if not index:
        raise _wrong(f"index of {where}", "no atoms", "at least one")
    weights = _weights(fields["x-weight"], f"x-weight of {where}", len(index))
    if "f-weight" in fields:
        _check_forces(
            _weights(fields["f-weight"], f"f-weight of {where}", len(index)), weights, where
        )
    return _Site(clear_name(name), index, weights)


def _weights(given: Any, where: str, count: int) -> tuple[float, ...]:
    values = _items(given, where)
    if len(values) != count:
        raise _wrong(where, f"{len(values)} numbers", f"{count}, one for each index")
    for value in values:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value < 1e30 or not isfinite(value):
            raise _wrong(where, value, "a number of 0 or more")
    return tuple(float(value) for value in values)


def _check_forces(forces: Sequence[float], weights: Sequence[float], where: str) -> None:
    """Refuse weights of forces that would bias the force on a bead: W Eᵀ = I."""
    total = sum(weights)
    moved = sum(f * w for f, w in zip(forces, weights, strict=True)) / total if total else 1.0
    if abs(moved - 1) > _BIASED:
        raise InputError(
            given=f"f-weight of {where}, whose mean over x-weight is {moved:.4g}",
            expected="1, as ones give: any other sum of forces is not the force on the bead",
            remedy="give ones as f-weight",
        )


def _check_distinct(sites: Mapping[str, _Site]) -> None:
    names: dict[str, str] = {}
    for given, site in sites.items():
        if site.kind in names:
            raise InputError(
                given=f"site types '{shown(names[site.kind])}' and '{shown(given)}', "
                f"which are both read as {site.kind}",
                expected="names that differ in letters, digits or one of _ . + * '",
                remedy="rename one of them",
            )
        names[site.kind] = given


def _beads(
    groups: Sequence[Any], sites: Mapping[str, _Site], start: int, depth: int
) -> Iterator[WrittenBead]:
    """Beads of groups whose anchors are counted from an atom."""
    if depth > _DEEPEST:
        raise _wrong("system", "groups in groups in groups", f"at most {_DEEPEST} levels")
    for number, group in enumerate(groups, 1):
        where = f"group {number} of the system"
        fields = _fields(group, where, _GROUP_KEYS, _GROUP_KEYS[:3])
        if ("sites" in fields) == ("groups" in fields):
            raise _wrong(where, "both or none of sites and groups", "sites, or groups")
        anchor, repeat, offset = (
            _whole(fields[key], f"{key} of {where}") for key in _GROUP_KEYS[:3]
        )
        inner = _items(fields["sites"] if "sites" in fields else fields["groups"], where)
        if not inner or repeat < 1:
            raise _wrong(where, "nothing", "at least one site, and repeat of 1 or more")
        for copy in range(repeat):
            first = start + anchor + copy * offset
            if "groups" in fields:
                yield from _beads(inner, sites, first, depth + 1)
            else:
                yield from (_bead(item, sites, first, where) for item in inner)


def _bead(given: Any, sites: Mapping[str, _Site], first: int, where: str) -> WrittenBead:
    pair = _items(given, f"a site of {where}")
    if len(pair) != 2 or not isinstance(pair[0], str):
        raise _wrong(f"a site of {where}", f"{len(pair)} items", "[type, offset]")
    if pair[0] not in sites:
        raise _wrong(f"a site of {where}", pair[0], "a type named in site-types")
    site, offset = sites[pair[0]], _whole(pair[1], f"the offset of a site of {where}")
    return WrittenBead(site.kind, tuple(first + offset + i for i in site.index), site.weights)


def _items(given: Any, where: str) -> list[Any]:
    if not isinstance(given, list):
        raise _wrong(where, given, "a list")
    return given


def _whole(given: Any, where: str) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given < 2**31:
        raise _wrong(where, given, "a whole number, 0 or more")
    return given


def _wrong(where: str, given: object, expected: str) -> InputError:
    return InputError(given=f"{where}: {shown(given)}", expected=expected, remedy=_REMEDY)
