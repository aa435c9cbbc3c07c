"""A model as input of GROMACS: topology, coordinates, bonded tables and a run to begin with."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.exports.gromacs_tables import FUNCTION, table_files, table_numbers
from autograin_cli.files.exports.model import Model, model_of
from autograin_cli.files.exports.naming import plain_names
from autograin_cli.files.visible import visible
from autograin_cli.potential.force_field import heights
from autograin_cli.potential.pair import Nonbonded, PairTerm
from autograin_cli.simulation.lattice import reduced
from autograin_cli.system import Component
from autograin_cli.units import nm_from_angstrom

_EXACT = 1e-6  # of an energy, that two formulas may differ by
_ROOM = 20.0  # Å around molecules in vacuum
_LEAST_CUTOFF = 10.0  # Å, where there are no pair terms
_FRICTION = 1.0  # 1/ps
_TIGHT = 0.45  # of the least height of the box; a longer cutoff leaves a buffer no room
_CALCULATED = 100  # steps between two energies of GROMACS
_LENGTH = 5  # of the names in a .gro file
_ELSEWHERE = "export it --to lammps or --to openmm, which have tables, or fit --pair lj-12-6"


def write(artifact: Artifact, folder: Path) -> tuple[str, ...]:
    """Write topol.top, conf.gro, run.mdp and the tables of bonds, angles and dihedrals.

    Raises:
        InputError: the artifact has no potential.
        SettingError: masses are unknown, or a term has no form in GROMACS.
    """
    model = model_of(artifact)
    nonbonded = model.force_field.nonbonded
    coefficients = (
        [_lennard_jones(term, nonbonded) for term in nonbonded.terms] if nonbonded else []
    )
    files = {
        "topol.top": _topology(model, coefficients),
        "conf.gro": _coordinates(model),
        "run.mdp": _run(model),
        **table_files(model.force_field.potentials),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    tables = " ".join(name for name in files if name.startswith("table_"))
    notes = [
        "to run it: gmx grompp -f run.mdp -c conf.gro -p topol.top -o run.tpr; gmx mdrun "
        "-deffnm run" + (f" -tableb {tables}" if tables else "")
    ]
    if model.configuration.box is None:
        notes.append(
            f"the model is in vacuum: the box leaves {_ROOM:g} Å around it, as GROMACS needs a box"
        )
    if _is_tight(model):
        notes.append(
            "the cutoff is nearly half of the box, which leaves no room for the buffer of GROMACS: "
            "run.mdp seeks pairs in every step, which is exact and slower; a larger box (simulate "
            "--replicate 2,2,2) or a shorter --cutoff in fit-potential needs no such run"
        )
    return tuple(notes)


def _lennard_jones(term: PairTerm, nonbonded: Nonbonded) -> tuple[float, float]:
    """C6 and C12 of a pair term, kJ nm⁶/mol and kJ nm¹²/mol.

    Raises:
        SettingError: the term is not what GROMACS computes.
    """
    if term.form != "lj-12-6":
        raise SettingError(
            given=f"{term.name} of the form {term.form}",
            expected="lj-12-6: GROMACS has had no tabulated pair potentials since 2020",
            remedy=_ELSEWHERE,
        )
    values = dict(zip(term.parameter_names, term.parameters.tolist(), strict=True))
    r, energy = term.table.points[:-1], term.table.energy[:-1]  # at the cutoff it ends anyhow
    plain = values["A"] / r**12 - values["B"] / r**6
    expected = _switched(r, term.cutoff, nonbonded.switch) * plain
    wrong = (energy - expected).abs() > _EXACT * (1 + expected.abs())
    if bool(wrong.any()):
        raise SettingError(
            given=f"{term.name}, which is not Lennard-Jones below {float(r[wrong].max()):.2f} Å: "
            "a wall stands there",
            expected="one form at all distances",
            remedy=_ELSEWHERE,
        )
    if term.cutoff != nonbonded.cutoff:
        raise SettingError(
            given=f"{term.name} with the cutoff {term.cutoff:g} Å, others with "
            f"{nonbonded.cutoff:g} Å",
            expected="one cutoff",
            remedy=_ELSEWHERE,
        )
    nm = nm_from_angstrom(1.0)
    return values["B"] * nm**6, values["A"] * nm**12


def _switched(r: Tensor, cutoff: float, switch: float) -> Tensor:
    """Share of an energy that is left: GROMACS' potential-switch."""
    if switch >= cutoff:
        return torch.ones_like(r)
    x = ((r - switch) / (cutoff - switch)).clamp(0, 1)
    return 1 - x**3 * (10 - x * (15 - 6 * x))


def _topology(model: Model, coefficients: list[tuple[float, float]]) -> str:
    system = model.force_field.system
    kinds = plain_names(system.type_names, 16)
    masses = dict(zip(system.types.tolist(), model.masses.tolist(), strict=True))
    molecules = plain_names([part.name for part in system.components], 24)
    lines = [
        "[ defaults ]",
        "; nbfunc comb-rule gen-pairs fudgeLJ fudgeQQ",
        "1 1 no 1.0 1.0",
        "[ atomtypes ]",
        "; name mass charge ptype C6 C12: all pairs are given below",
        *(f"{name} {masses[k]:.6f} 0.0 A 0.0 0.0" for k, name in enumerate(kinds)),
        "[ nonbond_params ]",
        "; i j func C6/(kJ nm^6/mol) C12/(kJ nm^12/mol)",
        *_pairs(model, kinds, coefficients),
    ]
    for number, name in enumerate(molecules):
        lines += _molecule(model, number, name, kinds)
    lines += ["[ system ]", "beads of autograin", "[ molecules ]"]
    lines += [
        f"{name} {part.n_copies}" for name, part in zip(molecules, system.components, strict=True)
    ]
    return "\n".join(lines) + "\n"


def _pairs(
    model: Model, kinds: tuple[str, ...], coefficients: list[tuple[float, float]]
) -> Iterator[str]:
    nonbonded = model.force_field.nonbonded
    type_names = model.force_field.system.type_names
    terms = torch.full((len(kinds), len(kinds)), -1)
    terms = nonbonded.term_of(type_names) if nonbonded else terms
    for first, name in enumerate(kinds):
        for second in range(first, len(kinds)):
            term = int(terms[first, second])
            six, twelve = coefficients[term] if term >= 0 else (0.0, 0.0)
            yield f"{name} {kinds[second]} 1 {six:.12e} {twelve:.12e}"


def _molecule(model: Model, number: int, name: str, kinds: tuple[str, ...]) -> Iterator[str]:
    """A type of molecule; what feels no pair term is listed, bead by bead."""
    system, nonbonded = model.force_field.system, model.force_field.nonbonded
    part, first = system.components[number], system.slices[number].start
    types, masses = system.types[first:].tolist(), model.masses[first:].tolist()
    yield from ("[ moleculetype ]", "; name nrexcl", f"{name} 0", "[ atoms ]")
    yield "; nr type resnr residue atom cgnr charge mass"
    for bead, atom in enumerate(_bead_names(part)):
        row = f"{bead + 1} {kinds[types[bead]]} 1 {name[:_LENGTH]} {atom} {bead + 1} 0.0"
        yield f"{row} {masses[bead]:.6f}"
    numbers = table_numbers(model.force_field.potentials)
    for index, term in enumerate(model.force_field.potentials[number].terms):
        yield f"[ {term.coordinate}s ]"
        yield f"; {visible(term.name)}: beads, func, table, factor"
        for beads in (term.beads + 1).tolist():
            yield f"{' '.join(map(str, beads))} {FUNCTION} {numbers[number, index]} 1.0"
    one = system.with_copies([int(k == number) for k in range(len(system.components))])
    excluded = one.exclusions(nonbonded.excluded_bonds) if nonbonded else torch.zeros(0, 2)
    if len(excluded):
        yield "[ exclusions ]"
        yield from (f"{i} {j}" for i, j in (excluded.long() + 1).tolist())


def _bead_names(part: Component) -> tuple[str, ...]:
    """Names of the beads of a copy, as short as a .gro file has them."""
    kinds = [kind.rsplit(":", 1)[-1] for kind in part.bead_types]
    return plain_names([f"{kind}{number}" for number, kind in enumerate(kinds, 1)], _LENGTH)


def _coordinates(model: Model) -> str:
    """The configuration as .gro, with six decimals."""
    system, nm = model.force_field.system, nm_from_angstrom(1.0)
    molecules = plain_names([part.name for part in system.components], 24)
    lines = ["beads of autograin", str(system.n_beads)]
    box, rotation = _lattice(model)
    rows = iter((model.configuration.positions @ rotation * nm).tolist())
    residue, atom = 0, 0
    for part, molecule in zip(system.components, molecules, strict=True):
        names = _bead_names(part)
        for _ in range(part.n_copies):
            residue += 1
            for name in names:
                atom += 1
                x, y, z = next(rows)
                labels = f"{residue % 100000:5d}{molecule[:_LENGTH]:<5s}{name:>5s}"
                lines.append(f"{labels}{atom % 100000:5d}{x:11.6f}{y:11.6f}{z:11.6f}")
    a, b, c = (box * nm).tolist()
    cell = (a[0], b[1], c[2], a[1], a[2], b[0], b[2], c[0], c[1])
    return "\n".join((*lines, " ".join(f"{length:.9f}" for length in cell))) + "\n"


def _lattice(model: Model) -> tuple[Tensor, Tensor]:
    """The box that GROMACS takes, a wide cube for a model in vacuum, and the turn into it."""
    positions, box = model.configuration.positions, model.configuration.box
    if box is None:
        extent = float((positions.amax(0) - positions.amin(0)).max())
        box = torch.eye(3, dtype=torch.float64) * (extent + 2 * (_cutoff(model) + _ROOM))
    return reduced(box)


def _cutoff(model: Model) -> float:
    nonbonded = model.force_field.nonbonded
    return nonbonded.cutoff if nonbonded and nonbonded.terms else _LEAST_CUTOFF


def _is_tight(model: Model) -> bool:
    """Whether a list of pairs that reaches beyond the cutoff would see them twice."""
    return _cutoff(model) > _TIGHT * float(heights(_lattice(model)[0]).min())


def _run(model: Model) -> str:
    """Settings of a run of 1 ns."""
    nonbonded, timestep = model.force_field.nonbonded, model.timestep
    cutoff, nm = _cutoff(model), nm_from_angstrom(1.0)
    switch = nonbonded.switch if nonbonded and nonbonded.terms else cutoff
    interval = _CALCULATED * max(1, round(1 / (timestep * _CALCULATED)))
    settings = {
        "integrator": "sd",
        "dt": f"{timestep:.6g}",
        "nsteps": f"{round(1000 / timestep)}",
        "nstxout-compressed": f"{interval}",
        "nstenergy": f"{interval}",
        "compressed-x-precision": "10000",
        "cutoff-scheme": "Verlet",
        "rlist": f"{cutoff * nm:.9g}",
        **({"verlet-buffer-tolerance": "-1", "nstlist": "1"} if _is_tight(model) else {}),
        "pbc": "xyz",
        "coulombtype": "Cut-off",
        "rcoulomb": f"{cutoff * nm:.9g}",
        "vdwtype": "Cut-off",
        "vdw-modifier": "Potential-switch" if switch < cutoff else "None",
        "rvdw-switch": f"{switch * nm:.9g}",
        "rvdw": f"{cutoff * nm:.9g}",
        "DispCorr": "no",
        "tc-grps": "System",
        "tau-t": f"{1 / _FRICTION:.6g}",
        "ref-t": f"{model.temperature:.6g}",
        "gen-vel": "yes",
        "gen-temp": f"{model.temperature:.6g}",
        "constraints": "none",
    }
    return "".join(f"{key:23s} = {value}\n" for key, value in settings.items())
