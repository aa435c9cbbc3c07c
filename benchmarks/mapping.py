"""fit-mapping against the paper's own procedure on the same frames, in one run.

The procedure of arXiv:1812.02706: encoder and decoder learned by Adam in torch, on minibatches
of 10 frames, 100 epochs. Here: moments in one pass, the decoder in closed form, every connected
mapping evaluated. Both start from frames in memory and end with a hard mapping, whose loss is
evaluated in the same way, without symmetry averaging. Prints times, losses and the ratio.

    python benchmarks/mapping.py [--frames 3000] [--timed-steps 0] [--threads 2]

With --timed-steps the procedure runs only so many steps and its time is scaled up to all of
them: 100,000 frames would take it the better part of an hour.
"""

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor

from autograin_cli.files.atomistic import read
from autograin_cli.mapping.autoencoder import decoder, encoder, one_hot, reconstruction_loss
from autograin_cli.mapping.fit import fit_mapping
from autograin_cli.mapping.moments import moments
from autograin_cli.molecules import Molecule
from autograin_cli.settings import MappingSettings, ReadingSettings
from autograin_cli.trajectory import Chunk, StoredTrajectory, gather

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
BATCH, EPOCHS, N_BEADS = 10, 100, 3


def procedure_of_the_paper(
    positions: Tensor, masses: Tensor, timed_steps: int
) -> tuple[float, Tensor]:
    """Seconds for all epochs, and the hard assignment reached, (atoms,)."""
    generator = torch.Generator().manual_seed(0)
    frames = (positions - positions.mean(1, keepdim=True)).float()
    n_atoms = frames.shape[1]
    logits = (0.1 * torch.rand(N_BEADS, n_atoms, generator=generator)).requires_grad_()
    decoding = (0.1 * torch.rand(n_atoms, N_BEADS, generator=generator)).requires_grad_()
    optimiser = torch.optim.Adam([logits, decoding], lr=1e-2)
    n_steps = EPOCHS * (len(frames) // BATCH)
    steps = min(n_steps, timed_steps or n_steps)
    weights = masses.float()
    begin = time.perf_counter()
    order = torch.randperm(len(frames), generator=generator)
    for step in range(steps):
        start = step * BATCH % (len(frames) - BATCH + 1)
        batch = frames[order[start : start + BATCH]]
        beta = 0.5 * 120 ** (step / n_steps)
        shares = torch.softmax(beta * logits, 0) * weights
        encoding = shares / shares.sum(1, keepdim=True)
        loss = (batch - decoding @ (encoding @ batch)).square().sum(-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    elapsed = time.perf_counter() - begin
    return elapsed * n_steps / steps, logits.detach().argmax(0)


def hard_loss(assignment: Tensor, masses: Tensor, gram: Tensor) -> float:
    """L_AE of a hard assignment with its best decoder, Å², mean over atoms."""
    encoding = encoder(one_hot(assignment, N_BEADS), masses)
    return float(reconstruction_loss(encoding, decoder(encoding, gram), gram))


def ours(stored: StoredTrajectory, molecule: Molecule, objective: str) -> tuple[float, Tensor]:
    """Seconds of the median of nine fits, and the assignment, (atoms,)."""
    settings = MappingSettings(beads=N_BEADS, method="exact", objective=objective)
    times = []
    for _ in range(9):
        begin = time.perf_counter()
        mapping = fit_mapping(stored, molecule, settings)
        times.append(time.perf_counter() - begin)
    return sorted(times)[4], mapping.assignment


def main() -> None:
    """Run both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--timed-steps", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = ReadingSettings(topology=str(SAMPLES / "otp.psf"))
    reading = read([SAMPLES / "otp.dcd"], settings)
    frames = gather(reading.trajectory, 3000).positions
    # More frames than the sample has: the same ones again.
    positions = frames.repeat(-(-arguments.frames // len(frames)), 1, 1)[: arguments.frames]
    molecule = reading.molecules[0]
    if molecule.masses is None:
        raise SystemExit("the sample topology holds no masses")
    gram = moments(positions).gram
    stored = StoredTrajectory(Chunk(positions, torch.arange(len(positions)).double()))
    seconds, assignment = procedure_of_the_paper(positions, molecule.masses, arguments.timed_steps)
    print(f"{len(positions)} frames of {molecule.n_atoms} atoms, {N_BEADS} beads", end=", ")
    print(f"{arguments.threads} threads")
    scaled = " (scaled up, loss of an unfinished run)" if arguments.timed_steps else ""
    loss = hard_loss(assignment, molecule.masses, gram)
    print(f"paper's procedure   {seconds:10.3f} s   hard L_AE {loss:.4f} Å²{scaled}")
    for objective in ("ae", "ae+compactness"):
        own, found = ours(stored, molecule, objective)
        loss = hard_loss(found, molecule.masses, gram)
        print(
            f"{objective:<19} {own:10.3f} s   hard L_AE {loss:.4f} Å²   ratio {seconds / own:.0f}"
        )


if __name__ == "__main__":
    main()
