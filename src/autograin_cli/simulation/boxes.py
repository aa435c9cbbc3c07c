"""Which molecules are simulated, in which box: what the settings say, or the reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.settings import SimulationSettings
from autograin_cli.system import Configuration, System
from autograin_cli.units import cubic_angstrom_of


@dataclass(frozen=True)
class Reference:
    """What a run may begin from.

    structures: of each component, Å, (beads of a copy, 3).
    molecule_masses: of all atoms of a molecule of each component, u; None where unknown.
    configuration: a frame of the reference; None if there is none.
    """

    structures: tuple[Tensor, ...]
    molecule_masses: tuple[float | None, ...]
    configuration: Configuration | None

    @property
    def box(self) -> Tensor | None:
        """Å, (3, 3), rows are the box vectors; None in vacuum."""
        return None if self.configuration is None else self.configuration.box


@dataclass(frozen=True)
class Contents:
    """Molecules in a box.

    copies: of each component.
    box: Å, (3, 3), rows are the box vectors.
    """

    copies: tuple[int, ...]
    box: Tensor


def asks_for_packing(settings: SimulationSettings) -> bool:
    """Whether the settings ask for other molecules, another density or another box."""
    return any(value is not None for value in (settings.molecules, settings.density, settings.box))


def replicas_of_box(settings: SimulationSettings) -> tuple[int, int, int]:
    """Copies of the reference box along each of its vectors.

    Raises:
        SettingError: it is not three whole numbers, or comes with a setting of another box.
    """
    if settings.replicate is None:
        return (1, 1, 1)
    if asks_for_packing(settings):
        raise SettingError(
            given=f"--replicate {settings.replicate} with --molecules, --density or --box",
            expected="one or the other: copies of the reference box, or a new one",
            remedy="leave --replicate out, or the others",
        )
    numbers = _numbers(settings.replicate)
    if len(numbers) != 3 or any(number != int(number) or number < 1 for number in numbers):
        raise SettingError(
            given=f"--replicate {settings.replicate}",
            expected="three whole numbers above 0 with commas between, one for each box vector",
            remedy="write for example --replicate 2,2,2",
        )
    a, b, c = (int(number) for number in numbers)
    return a, b, c


def contents(system: System, reference: Reference, settings: SimulationSettings) -> Contents:
    """Choose the numbers of molecules and the box, from the settings and the reference.

    Args:
        system: the molecules of the reference.
        reference: its box and masses.
        settings: with molecules, density or box.

    Raises:
        SettingError: they contradict one another, or something that is needed is not known.
    """
    given = _box(settings.box)
    if None not in (settings.molecules, settings.density, given):
        raise SettingError(
            given="--molecules, --density and --box",
            expected="two of them: the third follows",
            remedy="leave one out",
        )
    if settings.density is not None and settings.density <= 0:
        raise SettingError(
            given=f"--density {settings.density:g}",
            expected="a density above 0 g/cm3",
            remedy="leave --density out: then it is that of the reference",
        )
    before = tuple(part.n_copies for part in system.components)
    asked = _copies(system, settings.molecules)
    if given is not None:
        copies = asked or _filling(before, reference, settings, given)
        return Contents(copies, given)
    copies = asked or before
    edge = _volume(copies, before, reference, settings) ** (1 / 3)
    return Contents(copies, edge * torch.eye(3, dtype=torch.float64))


def _volume(
    copies: Sequence[int],
    before: Sequence[int],
    reference: Reference,
    settings: SimulationSettings,
) -> float:
    """Volume of molecules at the density of the settings or of the reference, Å³."""
    if settings.density is not None:
        return cubic_angstrom_of(_mass(copies, reference), settings.density)
    if reference.box is None:
        raise SettingError(
            given="--molecules without --density or --box, and a reference in vacuum",
            expected="a density: the reference has none",
            remedy="give --density in g/cm3, or --box in Å",
        )
    volume = abs(float(torch.linalg.det(reference.box.double())))
    if len(copies) == 1:
        return volume * copies[0] / before[0]
    return volume * _mass(copies, reference) / _mass(before, reference)


def _filling(
    before: Sequence[int], reference: Reference, settings: SimulationSettings, box: Tensor
) -> tuple[int, ...]:
    """Numbers of molecules that fill a box, in the proportions of the reference."""
    share = float(torch.linalg.det(box)) / _volume(before, before, reference, settings)
    return tuple(max(1, round(number * share)) for number in before)


def _mass(copies: Sequence[int], reference: Reference) -> float:
    """Mass of molecules with all their atoms, u."""
    masses = [mass for mass in reference.molecule_masses if mass is not None]
    if len(masses) < len(copies):
        raise SettingError(
            given="a density, and molecules of unknown masses",
            expected="the masses of all atoms of the molecules",
            remedy="give --box instead, or fit the mapping with a --topology that has masses",
        )
    return sum(number * mass for number, mass in zip(copies, masses, strict=True))


def _copies(system: System, text: str | None) -> tuple[int, ...] | None:
    """Numbers of molecules from '300' or 'ethane=300,water=100'; None where not given."""
    if text is None:
        return None
    names = [part.name for part in system.components]
    asked = {
        name.strip(): number.strip()
        for name, equals, number in (entry.partition("=") for entry in text.split(","))
        if equals
    }
    if text.strip().isdecimal() and int(text) > 0:
        return _shared(int(text), [part.n_copies for part in system.components])
    if set(asked) != set(names) or not all(n.isdecimal() and int(n) for n in asked.values()):
        raise SettingError(
            given=f"--molecules {text}",
            expected="a whole number above 0, or one for each of " + ", ".join(names),
            remedy="write for example --molecules " + ",".join(f"{name}=100" for name in names),
        )
    return tuple(int(asked[name]) for name in names)


def _shared(total: int, before: Sequence[int]) -> tuple[int, ...]:
    """Divide a number of molecules in the proportions of the reference, at least one of each."""
    shares = [total * number / sum(before) for number in before]
    whole = [max(1, int(share)) for share in shares]
    by_rest = sorted(range(len(before)), key=lambda k: whole[k] - shares[k])
    for k in by_rest[: max(0, total - sum(whole))]:
        whole[k] += 1
    return tuple(whole)


def _box(text: str | None) -> Tensor | None:
    if text is None:
        return None
    edges = _numbers(text)
    edges = edges * 3 if len(edges) == 1 else edges
    if len(edges) != 3 or not all(0 < edge < float("inf") for edge in edges) or not prod(edges):
        raise SettingError(
            given=f"--box {text}",
            expected="one edge in Å, or three with commas between, above 0",
            remedy="write for example --box 40 or --box 40,40,60",
        )
    return torch.diag(torch.tensor(edges, dtype=torch.float64))


def _numbers(text: str) -> list[float]:
    """Numbers with commas between; none where one cannot be read."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        return []
