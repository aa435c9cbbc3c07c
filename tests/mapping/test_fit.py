"""Mappings of real molecules: the paper's, proved, from long and from short trajectories."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from autograin_cli.errors import SettingError
from autograin_cli.files.atomistic import Reading, read
from autograin_cli.mapping.fit import fit_mapping
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.settings import MappingSettings, ReadingSettings
from autograin_cli.trajectory import Chunk, StoredTrajectory
from systems import alkane, springs

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
BEADS = {
    "otp": [
        {"C1", "C2", "C3", "C4", "C5", "C6", "H3", "H4", "H5", "H6"},
        {"C7", "C8", "C9", "C10", "C11", "C12", "H8", "H9", "H10", "H11", "H12"},
        {"C13", "C14", "C15", "C16", "C17", "C18", "H14", "H15", "H16", "H17", "H18"},
    ],
    "aniline": [
        {"C1", "C2", "C6", "H2", "H6", "N", "HN1", "HN2"},
        {"C3", "C4", "C5", "H3", "H4", "H5"},
    ],
}


def _names(molecule: str) -> tuple[str, ...]:
    """Names of the atoms in the order of the trajectory."""
    found = read(
        [SAMPLES / f"{molecule}.dcd"], ReadingSettings(topology=str(SAMPLES / f"{molecule}.psf"))
    )
    return found.molecules[0].atom_names


def _read(file: str, *, topology: bool) -> Reading:
    name = file.split("_")[0].split(".")[0]
    psf = str(SAMPLES / f"{name}.psf") if topology else None
    return read([SAMPLES / file], ReadingSettings(topology=psf))


def _fit(reading: Reading, name: str, **choices: object) -> Mapping:
    settings = MappingSettings(beads=len(BEADS[name]), **choices)  # type: ignore[arg-type]
    return fit_mapping(reading.trajectory, reading.molecules[0], settings)


def _contents(mapping: Mapping, names: tuple[str, ...]) -> list[set[str]]:
    return [
        {name for name, bead in zip(names, mapping.assignment.tolist(), strict=True) if bead == b}
        for b in range(mapping.n_beads)
    ]


@pytest.mark.parametrize("name", ["otp", "aniline"])
@pytest.mark.parametrize("file", ["{}.xtc", "{}.dcd", "{}_6ps.xtc"])
@pytest.mark.parametrize("topology", [True, False])
def test_the_papers_mapping_is_found_and_proved(name: str, file: str, topology: bool) -> None:
    reading = _read(file.format(name), topology=topology)
    mapping = _fit(reading, name, method="exact")
    assert _contents(mapping, _names(name)) == BEADS[name]
    assert mapping.certificate is not None
    assert mapping.certificate.proved_optimal
    assert mapping.certificate.margin is not None
    assert mapping.certificate.margin > 0.02
    assert mapping.certificate.loss >= mapping.certificate.bound


@pytest.mark.parametrize("name", ["otp", "aniline"])
@pytest.mark.parametrize("seed", range(3))
def test_every_seed_gives_the_same_mapping(name: str, seed: int) -> None:
    reading = _read(f"{name}_6ps.xtc", topology=True)
    mapping = _fit(reading, name, seed=seed, anneal_seeds=3, anneal_steps=300)
    assert _contents(mapping, _names(name)) == BEADS[name]
    assert mapping.history is not None
    assert mapping.history.assignments.shape[1:] == mapping.encoder.shape
    final = mapping.history.assignments[-1]
    torch.testing.assert_close(final.sum(0), torch.ones_like(final[0]))


def test_the_loss_alone_reports_its_near_ties() -> None:
    certificate = _fit(_read("aniline.xtc", topology=True), "aniline", objective="ae").certificate
    assert certificate is not None
    assert certificate.n_within_one_percent >= 3
    assert certificate.margin is not None
    assert certificate.margin < 0.01


def test_an_annealed_mapping_is_ranked_against_all_others() -> None:
    reading = _read("otp_6ps.xtc", topology=True)
    mapping = _fit(reading, "otp", method="anneal", anneal_seeds=1, anneal_steps=10)
    assert mapping.certificate is not None
    assert mapping.certificate.method == "anneal"
    assert mapping.certificate.n_candidates == 826
    best = _fit(reading, "otp", method="exact").certificate
    assert best is not None
    assert mapping.certificate.objective_value >= best.objective_value * (1 - 1e-9)


def test_learned_weights_lower_the_objective() -> None:
    reading = _read("aniline_6ps.xtc", topology=True)
    learned = _fit(reading, "aniline", method="exact", weights="learned").certificate
    uniform = _fit(reading, "aniline", method="exact", weights="uniform").certificate
    assert learned is not None and uniform is not None
    assert learned.loss + 10 * learned.compactness < uniform.loss + 10 * uniform.compactness


def test_uniform_weights_make_light_beads_and_mass_weights_the_sum() -> None:
    reading = _read("aniline_6ps.xtc", topology=True)
    masses = reading.molecules[0].masses
    assert masses is not None
    mass = _fit(reading, "aniline", method="exact", weights="mass").bead_masses
    uniform = _fit(reading, "aniline", method="exact", weights="uniform").bead_masses
    assert mass is not None and uniform is not None
    assert float(mass.sum()) == pytest.approx(float(masses.sum()), rel=1e-12)
    assert bool((uniform < mass / 2).all())


@pytest.mark.parametrize("beads", [0, 33])
def test_an_impossible_number_of_beads_is_refused(beads: int) -> None:
    reading = _read("otp_6ps.xtc", topology=True)
    with pytest.raises(SettingError, match="from 1 to 32"):
        fit_mapping(reading.trajectory, reading.molecules[0], MappingSettings(beads=beads))


def test_weights_by_mass_need_masses_and_a_force_term_needs_forces() -> None:
    ethane = replace(alkane(2), masses=None)
    positions = springs(ethane.bonds, 8, seed=1).draw(20, seed=1)
    stored = StoredTrajectory(Chunk(positions, torch.arange(20.0, dtype=torch.float64)))
    with pytest.raises(SettingError, match="without masses"):
        fit_mapping(stored, ethane, MappingSettings(beads=2, weights="mass"))
    with pytest.raises(SettingError, match="without forces"):
        fit_mapping(stored, ethane, MappingSettings(beads=2, force_weight=1.0))


def test_a_long_chain_goes_to_local_search_and_comes_out_in_even_pieces() -> None:
    chain = alkane(60)
    positions = springs(chain.bonds, chain.n_atoms, seed=2).draw(200, seed=3)
    stored = StoredTrajectory(Chunk(positions, torch.arange(200, dtype=torch.float64)))
    settings = MappingSettings(beads=12, method="exact")
    mapping = fit_mapping(stored, chain, settings)
    assert mapping.certificate is not None
    assert mapping.certificate.method == "local search"
    assert not mapping.certificate.proved_optimal
    carbons = mapping.assignment[:60]
    assert bool((carbons.diff() >= 0).all())
    assert int(carbons.bincount().min()) >= 3 and int(carbons.bincount().max()) <= 8
