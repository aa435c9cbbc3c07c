"""The commands and files that make a model in LAMMPS and move it, in its units real."""

from autograin_cli.errors import SettingError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.simulation.lammps_model import COORDINATES, Kind, LammpsModel, data_text
from autograin_cli.simulation.lammps_tables import (
    ANGLE_POINTS,
    BOND_POINTS,
    DIHEDRAL_POINTS,
    PAIR_POINTS,
    angle_section,
    bond_section,
    dihedral_section,
    pair_section,
)
from autograin_cli.units import fs_from_ps

_WEIGHTS = ("1 1 1", "0 1 1", "0 0 1", "0 0 0")  # of pairs 1, 2 and 3 bonds apart
_POINTS = {"bond": BOND_POINTS, "angle": ANGLE_POINTS, "dihedral": DIHEDRAL_POINTS}
_SKIN = 2.0  # Å
_STRETCH = 1.5  # by which the beads of a bond, an angle or a dihedral may move apart
_HEAD = "# kcal/mol, Angstrom, and of angles degrees: number, coordinate, energy, force\n\n"


def files(model: LammpsModel) -> dict[str, str]:
    """Content of the files that `set_up` reads, by name."""
    texts = {"data.lammps": data_text(model)}
    for name in COORDINATES:
        sections = [
            f"# {kind.name}\n{_section(name, number, kind)}"
            for number, kind in enumerate(model.kinds(name), start=1)
        ]
        if sections:
            texts[f"{name}s.table"] = _HEAD + "".join(sections)
    nonbonded = model.force_field.nonbonded
    if model.type_pairs and nonbonded is not None:
        sections = [
            f"# {term.name}\n{pair_section(f'pair{number}', term)}"
            for number, term in enumerate(nonbonded.terms, start=1)
        ]
        texts["pairs.table"] = _HEAD + "".join(sections)
    return texts


def _section(coordinate: str, number: int, kind: Kind) -> str:
    keyword = f"{coordinate}{number}"
    if coordinate == "bond" or kind.table is None:
        return bond_section(keyword, kind.table)
    section = angle_section if coordinate == "angle" else dihedral_section
    return section(keyword, kind.table)


def set_up(model: LammpsModel) -> list[str]:
    """Commands that make the model from the content of `files`.

    Raises:
        SettingError: pairs more than three bonds apart are excluded.
    """
    numbers = {name: range(1, len(model.kinds(name)) + 1) for name in COORDINATES}
    special = _special(model.force_field)
    in_vacuum = model.configuration.box is None
    return [
        "units real",
        "atom_style molecular",
        "boundary s s s" if in_vacuum else "boundary p p p",
        *(f"{name}_style table spline {_POINTS[name]}" for name, each in numbers.items() if each),
        *_pair_style(model),
        f"special_bonds lj/coul {special}",
        "read_data data.lammps",
        *(
            f"{name}_coeff {number} {name}s.table {name}{number}"
            for name, each in numbers.items()
            for number in each
        ),
        *_pair_coefficients(model),
        *(["neigh_modify exclude molecule/inter all"] if model.isolated else []),
        f"neighbor {_SKIN} bin",
        f"comm_modify cutoff {_reach(model):.4g}",
    ]


def _special(force_field: ForceField) -> str:
    excluded = 0 if force_field.nonbonded is None else force_field.nonbonded.excluded_bonds
    if excluded >= len(_WEIGHTS):
        raise SettingError(
            given=f"beads up to {excluded} bonds apart that feel no pair term",
            expected="at most 3 bonds, which LAMMPS can tell apart",
            remedy="fit with --excluded-bonds 3, or use OpenMM",
        )
    return _WEIGHTS[excluded]


def _pair_style(model: LammpsModel) -> list[str]:
    if not model.type_pairs:
        return []
    return [f"pair_style {_hybrid(model)}table linear {PAIR_POINTS}"]


def _pair_coefficients(model: LammpsModel) -> list[str]:
    style = "table " if _hybrid(model) else ""
    return [
        f"pair_coeff {first} {second} "
        + ("none" if term < 0 else f"{style}pairs.table pair{term + 1}")
        for first, second, term in model.type_pairs
    ]


def _hybrid(model: LammpsModel) -> str:
    """Only a hybrid style lets types not feel each other."""
    return "hybrid " if any(term < 0 for _, _, term in model.type_pairs) else ""


def _reach(model: LammpsModel) -> float:
    """How far the beads are that a process must know of, Å."""
    positions, reach = model.configuration.positions, 0.0
    for name in COORDINATES:
        for kind in model.kinds(name):
            ends = positions[kind.members]
            spread = (ends.amax(1) - ends.amin(1)).norm(dim=1)
            reach = max(reach, float(spread.max()))
    nonbonded = model.force_field.nonbonded
    cutoff = 0.0 if nonbonded is None else nonbonded.cutoff
    return max(cutoff, _STRETCH * reach) + _SKIN


def movement(*, temperature: float, friction: float, timestep: float, seed: int) -> list[str]:
    """Commands that move the model.

    Langevin dynamics is that of Grønbech-Jensen and Farago: positions have no error of the time
    step in a harmonic well, nor have the half-step velocities that LAMMPS reports. Without
    friction it is velocity Verlet.

    Args:
        temperature: K.
        friction: 1/ps.
        timestep: ps.
        seed: from 1 on, of 31 bits.
    """
    step = f"timestep {fs_from_ps(timestep):.15g}"
    if friction == 0:
        return [step, "fix move all nve"]
    bath = f"{temperature:.15g} {temperature:.15g} {fs_from_ps(1 / friction):.15g} {seed}"
    return [step, f"fix move all gjf {bath} vel vhalf"]
