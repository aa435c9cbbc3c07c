"""Force matching by normal equations against Adam on the same forces, in one run.

Beads and forces are those of ortho-terphenyl in three beads, in memory. The procedure of
arXiv:1812.02706: k (r - r0)² and k (cos theta - cos0)², forces by automatic differentiation, the
loss |F - F_model|² minimised by Adam in torch on minibatches of 10 frames over 100 epochs, from
the mean coordinates and stiffnesses half of those that fit. Here: the same terms, and splines.
Two times are taken of ours: the fit alone (ranges, normal equations, smoothing by
cross-validation), and all that fit-potential does with it (errors, tables, R² and ceilings).

A harder opponent is shown too: Adam on the spline coefficients with the force of every basis
function computed beforehand, untimed, which leaves one small product for each step. Its loss is
that of the frames it has seen; ours is smoothed, so a little higher there and lower on others.

    python benchmarks/force_matching.py [--timed-steps 0]

With --timed-steps Adam runs only so many steps and its time is scaled up to all of them.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from autograin_cli.files.atomistic import read
from autograin_cli.geometry import angles, bond_lengths
from autograin_cli.mapping.bead_trajectory import system_trajectory
from autograin_cli.mapping.fit import fit_mapping
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.potential.fit import fit_potential, model_of
from autograin_cli.potential.normal_equations import (
    Model,
    accumulate,
    coordinates,
    forces_of,
    local,
)
from autograin_cli.potential.regression import solve
from autograin_cli.potential.survey import survey
from autograin_cli.potential.topology import bonded_terms
from autograin_cli.settings import MappingSettings, PotentialSettings, ReadingSettings
from autograin_cli.trajectory import StoredTrajectory, gather

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
BATCH, EPOCHS, REPEATS = 10, 100, 9
SPLINES = PotentialSettings()
CLASSICAL = replace(SPLINES, bond="harmonic", angle="cosine")


def median_seconds(run: Callable[[], object]) -> float:
    """Seconds of the median of some calls, after one that compiles."""
    run()
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return sorted(times)[REPEATS // 2]


def adam(
    start: Tensor,
    error: Callable[[Tensor, Tensor], Tensor],
    n_frames: int,
    timed_steps: int,
) -> tuple[float, Tensor]:
    """Seconds for all epochs, and the parameters reached, in units of the start.

    Args:
        start: parameters.
        error: mean |F - F_model|² of parameters and a batch of frames.
        n_frames: in all.
        timed_steps: to do; 0 for all epochs.
    """
    generator = torch.Generator().manual_seed(0)
    factors = torch.ones_like(start).requires_grad_()
    optimiser = torch.optim.Adam([factors], lr=1e-2)
    n_steps = EPOCHS * (n_frames // BATCH)
    steps = min(n_steps, timed_steps or n_steps)
    order = torch.randperm(n_frames, generator=generator)
    begin = time.perf_counter()
    for step in range(steps):
        first = step * BATCH % n_frames
        if first == 0:
            order = torch.randperm(n_frames, generator=generator)
        optimiser.zero_grad()
        error(factors * start, order[first : first + BATCH]).backward()
        optimiser.step()
    return (time.perf_counter() - begin) * n_steps / steps, (factors * start).detach().double()


def paper(
    beads: StoredTrajectory, bonds: Tensor, bends: Tensor
) -> tuple[Tensor, Callable[[Tensor, Tensor], Tensor]]:
    """Start and loss of the procedure of the paper, parameters k, r0, k', cos0."""
    z, forces = beads.chunk.positions.float(), forces_of(beads.chunk).float()
    r, cosine = bond_lengths(z, bonds), angles(z, bends).cos()
    half_kt = 0.5 * 2.494
    stiff, bend = 0.5 * half_kt / r.var(), 0.5 * half_kt / cosine.var()
    start = torch.stack((stiff, r.mean(), bend, cosine.mean()))

    def error(parameters: Tensor, batch: Tensor) -> Tensor:
        positions = z[batch].requires_grad_()
        stretch = parameters[0] * (bond_lengths(positions, bonds) - parameters[1]).square()
        bent = parameters[2] * (angles(positions, bends).cos() - parameters[3]).square()
        energy = stretch.sum() + bent.sum()
        (gradient,) = torch.autograd.grad(energy, positions, create_graph=True)
        return (forces[batch] + gradient).square().sum((1, 2)).mean()

    return start, error


def linear(
    matrix: Tensor, forces: Tensor, start: Tensor
) -> tuple[Tensor, Callable[[Tensor, Tensor], Tensor]]:
    """Start and loss of Adam on coefficients whose forces are known beforehand."""
    rows, targets = matrix.float(), forces.float()

    def error(parameters: Tensor, batch: Tensor) -> Tensor:
        return (targets[batch] - rows[batch] @ parameters).square().sum(1).mean()

    return start.float(), error


def design(model: Model, positions: Tensor) -> Tensor:
    """Force of every basis function, (frames, 3 beads, coefficients)."""
    seen = coordinates(model, positions)
    columns, slopes = local(model, seen)
    size = sum(form.size for form in model.forms)
    dense = torch.zeros(*columns.shape[:2], size, dtype=torch.float64)
    dense.scatter_add_(2, columns, slopes)
    return -torch.einsum("fik,fib->fbk", dense, seen.gradients)


def thermal(model: Model, positions: Tensor) -> Tensor:
    """Coefficients of kT (q - <q>)² / (4 var q), half the thermal stiffness."""
    seen = coordinates(model, positions)
    parts = []
    for form, where in zip(model.forms, model.instances, strict=True):
        q = seen.values[:, where]
        step = (q.max() - q.min()) / (form.size - 3)
        centres = q.min() + step * torch.arange(-1, form.size - 1)
        parts.append(0.25 * 2.494 * (centres - q.mean()).square() / q.var())
    return torch.cat(parts)


def terphenyl() -> tuple[StoredTrajectory, Mapping]:
    """Beads of the sample with optimal forces, and their mapping."""
    settings = ReadingSettings(
        topology=str(SAMPLES / "otp.psf"),
        forces=(str(SAMPLES / "otp_forces.dcd"),),
        force_unit="kJ/mol/A",
    )
    reading = read([SAMPLES / "otp.dcd"], settings)
    mapping = fit_mapping(reading.trajectory, reading.molecules[0], MappingSettings(beads=3))
    mapped, _ = system_trajectory(reading.trajectory, [mapping], "optimal")
    return StoredTrajectory(gather(mapped, mapped.n_frames)), mapping


def fit_alone(
    beads: StoredTrajectory, mapping: Mapping, settings: PotentialSettings
) -> tuple[Model, Tensor]:
    """Ranges, normal equations and solution."""
    members = bonded_terms(mapping.bead_bonds, mapping.bead_types)
    seen = survey(beads, members, mapping.n_beads, settings.blocks)
    model = model_of(members, seen.ranges, settings, mapping.n_beads)
    return model, solve(accumulate(beads, model, seen.n_blocks), model).coefficients


def loss(model: Model, beads: StoredTrajectory, coefficients: Tensor) -> float:
    """Mean |F - F_model|², (kJ/(mol Å))²."""
    forces = design(model, beads.chunk.positions) @ coefficients
    return float((forces_of(beads.chunk).flatten(1) - forces).square().sum(1).mean())


def main() -> None:
    """Run all and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timed-steps", type=int, default=0)
    timed_steps = parser.parse_args().timed_steps
    torch.set_num_threads(1)
    beads, mapping = terphenyl()
    n_frames = beads.n_frames
    _, bends = (term.beads for term in bonded_terms(mapping.bead_bonds, mapping.bead_types))
    start, error = paper(beads, mapping.bead_bonds, bends)
    paper_time, reached = adam(start, error, n_frames, timed_steps)
    left = float(error(reached.float(), torch.arange(n_frames)).detach())
    print(f"{n_frames} frames, 3 beads, 1 thread; loss is the mean |F - F_model|²")
    print(f"{'Adam, paper':<28}{paper_time:10.5f} s   loss {left:.2f}")
    model, _ = fit_alone(beads, mapping, SPLINES)
    matrix = design(model, beads.chunk.positions)
    forces = forces_of(beads.chunk).flatten(1)
    start, error = linear(matrix, forces, thermal(model, beads.chunk.positions))
    linear_time, reached = adam(start, error, n_frames, timed_steps)
    left = loss(model, beads, reached)
    print(f"{'Adam, splines precomputed':<28}{linear_time:10.5f} s   loss {left:.2f}")
    for name, settings in (("classical", CLASSICAL), ("splines", SPLINES)):
        own = median_seconds(lambda s=settings: fit_alone(beads, mapping, s))  # type: ignore[misc]
        whole = median_seconds(
            lambda s=settings: fit_potential(  # type: ignore[misc]
                beads, mapping.bead_bonds, mapping.bead_types, s, "OTP"
            )
        )
        model, coefficients = fit_alone(beads, mapping, settings)
        left = loss(model, beads, coefficients)
        for what, taken in ((f"{name}, fit alone", own), (f"{name}, fit_potential", whole)):
            print(
                f"{what:<28}{taken:10.5f} s   loss {left:.2f}   "
                f"ratio {paper_time / taken:.0f} (precomputed: {linear_time / taken:.0f})"
            )


if __name__ == "__main__":
    main()
