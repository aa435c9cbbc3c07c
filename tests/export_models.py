"""Models to export: chains of four beads among single beads, in a box or in vacuum."""

from dataclasses import replace
from itertools import combinations_with_replacement

import torch
from torch import Tensor

import tabulated
from autograin_cli.files.artifacts import Artifact, Provenance
from autograin_cli.files.atomistic import Reading
from autograin_cli.files.exports.model import Model, model_of
from autograin_cli.mapping.autoencoder import decoder, encoder, one_hot
from autograin_cli.mapping.force_maps import bead_masses
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.molecules import Molecule
from autograin_cli.potential.forms import evaluate
from autograin_cli.potential.pair import Nonbonded, PairTerm
from autograin_cli.potential.pair_forms import pair_form_of
from autograin_cli.potential.terms import Table
from autograin_cli.system import Configuration
from autograin_cli.trajectory import Chunk, StoredTrajectory

CUTOFF, SWITCH, LOW = 9.0, 7.5, 2.0
BOX = torch.tensor([[24.0, 0, 0], [5.0, 23.0, 0], [-4.0, 6.0, 22.0]], dtype=torch.float64)
N_CHAINS, N_SINGLES = 8, 10


def artifact(pair: str = "lj-12-6", *, periodic: bool = True) -> Artifact:
    """A potential artifact of chains and single beads; `pair` may be 'none'."""
    nonbonded = None if pair == "none" else _nonbonded(pair)
    return Artifact(
        kind="potential",
        mappings=(_chain_mapping(), _single_mapping()),
        potentials=(
            replace(tabulated.chain(), molecule="chain"),
            replace(tabulated.potential(), molecule="W"),
        ),
        nonbonded=nonbonded,
        configuration=Configuration(positions(0), BOX if periodic else None),
        simulation=None,
        comparison=None,
        training=(),
        inputs=(),
        provenance=Provenance("", "{}", "{}", "cpu", "2026-01-01T00:00:00Z"),
        warnings=(),
    )


def model(pair: str = "lj-12-6", *, periodic: bool = True) -> Model:
    """The model of that artifact."""
    return model_of(artifact(pair, periodic=periodic))


def positions(seed: int) -> Tensor:
    """Rough frames: molecules on a lattice, none folded into the box, Å, (beads, 3)."""
    random = torch.Generator().manual_seed(seed)
    chains = tabulated.structures(N_CHAINS, seed)
    sites = torch.cartesian_prod(*[torch.arange(3).double()] * 3) / 3
    sites = sites[torch.randperm(len(sites), generator=random)] @ BOX
    shifts = torch.randint(-1, 2, (len(sites), 3), generator=random).double() @ BOX
    sites = sites + shifts
    placed = chains + sites[:N_CHAINS, None]
    return torch.cat((placed.reshape(-1, 3), sites[N_CHAINS : N_CHAINS + N_SINGLES]))


def _mapping(name: str, assignment: Tensor, types: tuple[str, ...], copies: Tensor) -> Mapping:
    n_atoms, n_beads = len(assignment), len(types)
    masses = 12.0 + torch.arange(n_atoms).double() % 2
    shares = one_hot(assignment, n_beads)
    encoding = encoder(shares, masses)
    line = torch.arange(n_atoms).double()[:, None] * torch.tensor([1.5, 0.3, 0.0]).double()
    row = torch.arange(n_atoms)
    beads = torch.arange(n_beads)
    return Mapping(
        molecule=Molecule(
            name=name,
            atom_names=tuple(f"C{k}" for k in range(n_atoms)),
            elements=("C",) * n_atoms,
            masses=masses,
            bonds=torch.stack((row[:-1], row[1:]), dim=1),
            copies=copies,
        ),
        assignment=assignment,
        encoder=encoding,
        decoder=decoder(encoding, (line - line.mean(0)) @ (line - line.mean(0)).T),
        force_map=shares,
        force_map_kind="sum",
        bead_names=tuple(f"{kind}{k}" for k, kind in enumerate(types, 1)),
        bead_types=types,
        bead_masses=bead_masses(encoding, masses),
        bead_bonds=torch.stack((beads[:-1], beads[1:]), dim=1),
        rigid_groups=torch.full((n_atoms,), -1),
        orbits=torch.zeros(n_atoms, dtype=torch.int64),
        mean_structure=line,
        certificate=None,
        history=None,
    )


def _chain_mapping() -> Mapping:
    assignment = torch.tensor([0, 0, 1, 1, -1, 2, 2, 3, 3])
    copies = torch.arange(9 * N_CHAINS).reshape(N_CHAINS, 9)
    return _mapping("chain", assignment, ("A", "B", "B", "A"), copies)


def _single_mapping() -> Mapping:
    copies = 9 * N_CHAINS + torch.arange(2 * N_SINGLES).reshape(N_SINGLES, 2)
    return _mapping("W", torch.tensor([0, 0]), ("A",), copies)


def _nonbonded(pair: str) -> Nonbonded:
    kinds = ("chain:A", "chain:B", "W:A")
    terms = tuple(
        _pair_term(pair, (a, b), sigma=3.0 + 0.2 * k, epsilon=0.5 + 0.1 * k)
        for k, (a, b) in enumerate(combinations_with_replacement(kinds, 2))
        if (a, b) != ("chain:B", "W:A")
    )
    return Nonbonded(terms, excluded_bonds=2, switch=SWITCH, channels=(), n_frames=1)


def _pair_term(pair: str, types: tuple[str, str], sigma: float, epsilon: float) -> PairTerm:
    form = pair_form_of(pair, LOW, SWITCH, CUTOFF, knots=30)
    repulsion, attraction = 4 * epsilon * sigma**12, 4 * epsilon * sigma**6
    coefficients = torch.tensor([repulsion / LOW**12, attraction / LOW**6]).double()
    if pair == "spline":
        coefficients = torch.linspace(3.0, 0.0, form.size).double() ** 2
    points = torch.linspace(LOW, CUTOFF, 8001, dtype=torch.float64)
    energy, slope = evaluate(form, coefficients, points)
    energy[-1] = slope[-1] = 0.0
    return PairTerm(
        name=f"pair {types[0]}-{types[1]}",
        types=types,
        form=form.name,
        parameter_names=("A", "B"),
        parameters=torch.tensor([repulsion, attraction]).double(),
        parameter_errors=torch.zeros(2).double(),
        parameter_units=("kJ Å¹²/mol", "kJ Å⁶/mol"),
        on_bounds=(),
        knots=torch.zeros(0).double(),
        sampled_low=LOW,
        cutoff=CUTOFF,
        counts=torch.ones(8001, dtype=torch.int64),
        energy_errors=torch.zeros(8001).double(),
        table=Table(LOW, CUTOFF, energy, slope, 0.0, periodic=False),
    )


def reading(given: Artifact) -> Reading:
    """A trajectory of the atoms of an artifact: straight lines with noise, in no box."""
    molecules = tuple(mapping.molecule for mapping in given.mappings)
    n_atoms = sum(molecule.copies.numel() for molecule in molecules)
    random = torch.Generator().manual_seed(5)
    line = torch.arange(n_atoms).double()[:, None] * torch.tensor([1.5, 0.3, 0.0]).double()
    noise = 0.2 * torch.randn(12, n_atoms, 3, generator=random, dtype=torch.float64)
    chunk = Chunk(line + noise, torch.arange(12).double())
    return Reading(StoredTrajectory(chunk), molecules, (), ())
