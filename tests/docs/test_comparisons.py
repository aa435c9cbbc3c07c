"""What figures 4 to 6 say of the runs that they are drawn from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from comparisons import Drawn, comparison_of, conditions, density, run_length, run_of
from curves import draw_pair_potentials, trusted_errors
from matplotlib.figure import Figure

from autograin_cli.errors import InputError
from autograin_cli.files.artifacts import Artifact, InputFile, SimulationWriter
from example_artifacts import example, snapshots


@pytest.fixture
def liquid() -> Artifact:
    return example("liquid comparison")


def trajectory(n_frames: int, last: float, fingerprint: str) -> InputFile:
    return InputFile("md.xtc", "trajectory", 1, fingerprint, n_frames, 0.0, last, 1)


def test_density_of_the_box_is_that_of_the_atoms_in_it(liquid: Artifact) -> None:
    # Water: 18.015 u in 29.915 Å³ are 1 g/cm³.
    run, mapping = run_of(liquid), liquid.mappings[0]
    n_atoms = mapping.molecule.n_atoms
    water = torch.full((n_atoms,), 18.015 / n_atoms, dtype=torch.float64)
    molecule = replace(mapping.molecule, masses=water)
    box = torch.eye(3, dtype=torch.float64) * (100 * 29.915) ** (1 / 3)
    artifact = replace(
        liquid,
        mappings=(replace(mapping, molecule=molecule),),
        simulation=replace(run, copies=torch.tensor([100]), box=box),
    )
    assert density(artifact) == pytest.approx(1.0, rel=1e-4)


def test_a_figure_counts_a_trajectory_that_two_stages_have_read_once(liquid: Artifact) -> None:
    seen, judging = trajectory(125, 496.0, "a"), trajectory(20, 190.0, "b")
    artifact = replace(liquid, training=(seen, seen), inputs=(judging,))
    said = conditions(Drawn(Path("figure.svg"), False, {"spline": artifact}, {"spline": 400.0}))
    assert "496 ps, 125 frames" in said and "190 ps, 20 frames" in said


def test_a_figure_says_which_models_ran_longer(liquid: Artifact) -> None:
    artifact = replace(liquid, inputs=(trajectory(20, 190.0, "b"),))
    lengths = {"spline": 1000.0, "9-6": 1000.0, "network": 100.0}
    models = dict.fromkeys(lengths, artifact)
    *_, long, short = conditions(Drawn(Path("figure.svg"), False, models, lengths)).splitlines()
    assert long.startswith("spline and 9-6") and long.endswith(" 1000 ps")
    assert short.startswith("network") and short.endswith(" 100 ps")


def test_the_length_of_a_run_is_read_beside_its_comparison(tmp_path: Path) -> None:
    artifact = example("simulation")
    settings = replace(artifact.provenance, settings='{"time": 400.0}')
    with SimulationWriter(tmp_path / "spline.run.h5", overwrite=False) as writer:
        for snapshot in snapshots():
            writer.append(snapshot)
        writer.finish(replace(artifact, provenance=settings))
    assert run_length(tmp_path / "spline.comparison.h5") == 400.0


def test_a_file_of_another_stage_is_refused() -> None:
    with pytest.raises(InputError, match="without a comparison"):
        comparison_of(example("liquid simulation"))
    with pytest.raises(InputError, match="without a simulation"):
        run_of(example("liquid potential"))


def test_a_pair_potential_is_dotted_where_the_training_has_no_pair(liquid: Artifact) -> None:
    assert liquid.nonbonded is not None
    axes = Figure().subplots()
    draw_pair_potentials(axes, {"spline": liquid})
    (solid,) = (line for line in axes.lines if line.get_label() == "spline")
    (dotted,) = (line for line in axes.lines if line.get_linestyle() == ":")
    low = liquid.nonbonded.terms[0].sampled_low
    assert np.asarray(dotted.get_xdata()).max() < low <= np.asarray(solid.get_xdata()).min()


def test_a_band_is_empty_where_an_error_is_not_known(liquid: Artifact) -> None:
    assert liquid.nonbonded is not None
    term = liquid.nonbonded.terms[0]
    points = term.table.points
    errors = torch.where(points < term.sampled_low, torch.inf, 0.5).double()
    half = trusted_errors(replace(term, energy_errors=errors), points)
    assert torch.isnan(half[points < term.sampled_low]).all()
    torch.testing.assert_close(
        half[points > term.sampled_low], 1.96 * errors[points > term.sampled_low]
    )
