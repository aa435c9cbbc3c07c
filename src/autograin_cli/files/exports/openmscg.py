"""Mappings as YAML of OpenMSCG."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.exports.naming import plain_names
from autograin_cli.mapping.components import system_of
from autograin_cli.mapping.mapping import Mapping

_EQUAL = 1e-9  # difference of weights that are of one type
_NAME = 64


@dataclass(frozen=True)
class _Site:
    """A bead: its type in the file, where its first atom stands, and its atoms from there."""

    kind: str
    offset: int
    index: tuple[int, ...]
    weights: tuple[float, ...]


def write(artifact: Artifact, folder: Path) -> tuple[str, ...]:
    """Write mapping.yaml: types of sites, and where they stand in a frame of the reference.

    Raises:
        SettingError: the copies of a molecule have their atoms in different orders.
    """
    kinds = iter(_kinds(artifact))
    sites = [
        [_site(mapping, bead, next(kinds)) for bead in range(mapping.n_beads)]
        for mapping in artifact.mappings
    ]
    sites, told = _one_pattern(sites, artifact)
    types = {site.kind: site for row in sites for site in row}
    lines = ["# weights of positions are normalised; forces are summed", "site-types:"]
    for site in types.values():
        lines += [
            f"  {site.kind}:",
            f"    index: [{', '.join(map(str, site.index))}]",
            f"    x-weight: [{', '.join(map(repr, site.weights))}]",
            f"    f-weight: [{', '.join(['1.0'] * len(site.index))}]",
        ]
    lines.append("system:")
    for mapping, row in zip(artifact.mappings, sites, strict=True):
        lines += _groups(mapping, row)
    (folder / "mapping.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return (
        "atoms are counted as in the trajectory that fit-mapping read, after --select",
        *told,
    )


def _kinds(artifact: Artifact) -> Iterator[str]:
    """Type of every bead of one copy of each molecule, as the file has it."""
    system = system_of(artifact.mappings)
    names = dict(zip(system.type_names, plain_names(system.type_names, _NAME), strict=True))
    return (names[kind] for part in system.components for kind in part.bead_types)


def _site(mapping: Mapping, bead: int, kind: str) -> _Site:
    atoms = (mapping.assignment == bead).nonzero().flatten()
    places = _relative(mapping)[atoms]
    offset = int(places.min())
    index = tuple((places - offset).tolist())
    return _Site(kind, offset, index, tuple(mapping.encoder[bead, atoms].tolist()))


def _relative(mapping: Mapping) -> Tensor:
    """Places of the atoms of a copy in the frame, from its first atom, (atoms,).

    Raises:
        SettingError: they differ from copy to copy.
    """
    copies = mapping.molecule.copies
    places = copies - copies.min(1, keepdim=True).values
    if bool((places != places[0]).any()):
        raise SettingError(
            given=f"copies of {mapping.molecule.name} whose atoms stand in different orders",
            expected="one order: OpenMSCG repeats one copy",
            remedy="export it --to votca, which goes by the names of atoms",
        )
    return places[0]


def _one_pattern(
    sites: list[list[_Site]], artifact: Artifact
) -> tuple[list[list[_Site]], tuple[str, ...]]:
    """Give beads of one type that are not the same atoms and weights types of their own."""
    first: dict[str, _Site] = {}
    for row in sites:
        for site in row:
            first.setdefault(site.kind, site)
    unlike = {s.kind for row in sites for s in row if not _alike(s, first[s.kind])}
    if not unlike:
        same = [[_Site(s.kind, s.offset, *_pattern(first[s.kind])) for s in row] for row in sites]
        return same, ()
    beads = [
        f"{s.kind}_{name}" if s.kind in unlike else s.kind
        for row, mapping in zip(sites, artifact.mappings, strict=True)
        for s, name in zip(row, mapping.bead_names, strict=True)
    ]
    distinct = dict(
        zip(dict.fromkeys(beads), plain_names(list(dict.fromkeys(beads)), _NAME), strict=True)
    )
    names = iter(beads)
    named = [
        [_Site(distinct[next(names)], s.offset, s.index, s.weights) for s in row] for row in sites
    ]
    told = (
        f"beads of type {', '.join(sorted(unlike))} became types of their own: OpenMSCG wants the "
        "atoms of a type in one order"
    )
    return named, (told,)


def _pattern(site: _Site) -> tuple[tuple[int, ...], tuple[float, ...]]:
    return site.index, site.weights


def _alike(site: _Site, other: _Site) -> bool:
    if site.index != other.index:
        return False
    return bool((torch.tensor(site.weights) - torch.tensor(other.weights)).abs().max() < _EQUAL)


def _groups(mapping: Mapping, sites: list[_Site]) -> Iterator[str]:
    """Groups of copies that follow one another at even distances."""
    anchors = mapping.molecule.copies.min(1).values.tolist()
    while anchors:
        offset = anchors[1] - anchors[0] if len(anchors) > 1 else 0
        count = 1
        while offset > 0 and count < len(anchors) and anchors[count] == anchors[0] + count * offset:
            count += 1
        yield f"  - anchor: {anchors[0]}"
        yield f"    repeat: {count}"
        yield f"    offset: {max(offset, 0)}"
        yield "    sites:"
        yield from (f"      - [{site.kind}, {site.offset}]" for site in sites)
        anchors = anchors[count:]
