"""Molecules whose temperature is known exactly: positions are drawn, forces follow from them."""

from dataclasses import dataclass, replace
from math import cos, pi, sin

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Tensor

from autograin_cli.checking.conditions import Conditions
from autograin_cli.checking.inspection import no_joins
from autograin_cli.molecules import Molecule
from autograin_cli.trajectory import Chunk, take_frames
from autograin_cli.units import thermal_energy
from systems import molecule

TEMPERATURE = 250.0
STIFFNESS = 2000.0  # kJ/(mol Å²), of a bond
LENGTH = 1.1  # Å
KNOWN = Conditions(TEMPERATURE, "kJ/mol/A", True, True, no_joins())


@dataclass(frozen=True)
class StoredFrames:
    """Frames in memory that can be read by their numbers."""

    chunk: Chunk

    @property
    def n_frames(self) -> int:
        return self.chunk.n_frames

    @property
    def n_atoms(self) -> int:
        return self.chunk.positions.shape[1]

    @property
    def has_forces(self) -> bool:
        return self.chunk.forces is not None

    def at(self, frames: Tensor) -> Chunk:
        return take_frames(self.chunk, frames)


def chunk_of(positions: Tensor, forces: Tensor | None) -> Chunk:
    return Chunk(positions, torch.arange(len(positions), dtype=torch.float64), forces=forces)


def directions(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    """Unit vectors, isotropic."""
    vectors = torch.randn(*shape, 3, generator=random, dtype=torch.float64)
    return vectors / vectors.norm(dim=-1, keepdim=True)


@dataclass(frozen=True)
class Spring:
    """U = D (1 - exp(-a (r - r0)))², or k (r - r0)² / 2 where a is 0; k = 2 D a².

    steepness: a, 1/Å.
    """

    steepness: float = 0.0

    def energy(self, r: Tensor) -> Tensor:
        """kJ/mol, of lengths in Å."""
        d, a = r - LENGTH, self.steepness
        return STIFFNESS / 2 * (((1 - torch.exp(-a * d)) / a) if a else d).square()

    def pull(self, r: Tensor) -> Tensor:
        """-dU/dr, kJ/(mol Å)."""
        d, a = r - LENGTH, self.steepness
        fade = torch.exp(-a * d)
        return -STIFFNESS * (fade * (1 - fade) / a if a else d)

    def lengths(self, drawn: Tensor) -> Tensor:
        """Lengths with the density r² exp(-U / k_B T) of numbers between 0 and 1, Å."""
        spread = (thermal_energy(TEMPERATURE) / STIFFNESS) ** 0.5
        grid = torch.linspace(LENGTH - 8 * spread, LENGTH + 8 * spread, 20001, dtype=torch.float64)
        density = grid.square() * torch.exp(-self.energy(grid) / thermal_energy(TEMPERATURE))
        share = density.cumsum(0) / density.sum()
        between = np.interp(drawn.flatten().numpy(), share.numpy(), grid.numpy())
        return torch.from_numpy(between).reshape(drawn.shape)


HARMONIC, ANHARMONIC = Spring(), Spring(steepness=1.8)


def lengths(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    """Lengths of harmonic bonds, with the density r² exp(-k (r - r0)² / 2 k_B T), Å."""
    return HARMONIC.lengths(torch.rand(*shape, generator=random, dtype=torch.float64))


def dimers(n_frames: int, n_copies: int, seed: int) -> tuple[StoredFrames, tuple[Molecule, ...]]:
    """Molecules of two atoms on a spring, somewhere in a vacuum."""
    random = torch.Generator().manual_seed(seed)
    return _placed(lengths((n_frames, n_copies), random), HARMONIC, random)


def vibrating(
    n_frames: int, n_copies: int, memory: float, spring: Spring, seed: int
) -> tuple[StoredFrames, tuple[Molecule, ...]]:
    """Dimers that vibrate many times between frames, and lose their energy slowly.

    Each length is drawn as in equilibrium; what lasts from frame to frame is the amplitude. The
    energy of a harmonic bond has the autocorrelation memory² per frame, half of it lost at once.

    Args:
        n_frames: frames.
        n_copies: dimers, which know nothing of each other.
        memory: of the amplitude from frame to frame, 0 to 1.
        spring: of each dimer.
        seed: of the random numbers.
    """
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, n_frames, n_copies, generator=random, dtype=torch.float64)
    noise[:, 1:] *= (1 - memory**2) ** 0.5
    amplitudes = torch.from_numpy(lfilter([1.0], [1.0, -memory], noise.numpy(), axis=1))
    phase = 2 * pi * torch.rand(n_frames, n_copies, generator=random, dtype=torch.float64)
    stretch = amplitudes[0] * phase.cos() + amplitudes[1] * phase.sin()
    return _placed(spring.lengths(torch.special.ndtr(stretch)), spring, random)


def swinging(
    n_frames: int, n_copies: int, memory: float, period: float, seed: int
) -> tuple[StoredFrames, tuple[Molecule, ...]]:
    """Dimers that swing on from frame to frame and keep their direction, as frames close by show.

    The stretch has the autocorrelation memory^k cos(2 pi k / period) after k frames: few frames of
    it are independent.

    Args:
        n_frames: frames.
        n_copies: dimers, which know nothing of each other.
        memory: of the swing from frame to frame, 0 to 1.
        period: frames, which need not be whole; infinite for a stretch that only relaxes.
        seed: of the random numbers.
    """
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(n_frames, n_copies, 2, generator=random, dtype=torch.float64)
    noise[1:] *= (1 - memory**2) ** 0.5
    turn = memory * complex(cos(2 * pi / period), sin(2 * pi / period))
    swing = lfilter([1.0], [1.0, -turn], torch.view_as_complex(noise).numpy(), axis=0)
    r = HARMONIC.lengths(torch.special.ndtr(torch.from_numpy(swing.real)))
    return _placed(r, HARMONIC, random, directions((1, n_copies), random))


def _placed(
    r: Tensor, spring: Spring, random: torch.Generator, fixed: Tensor | None = None
) -> tuple[StoredFrames, tuple[Molecule, ...]]:
    """Put dimers of given lengths, (frames, copies), anywhere, pointing anywhere or as is fixed."""
    n_frames, n_copies = r.shape
    u = directions(tuple(r.shape), random) if fixed is None else fixed.expand(*r.shape, 3)
    centre = 20 * torch.rand(n_frames, n_copies, 3, generator=random, dtype=torch.float64)
    pull = spring.pull(r)[..., None] * u
    half = r[..., None] * u / 2
    positions = torch.stack([centre - half, centre + half], dim=2).flatten(1, 2)
    forces = torch.stack([-pull, pull], dim=2).flatten(1, 2)
    kind = molecule("dimer", "CH", [(0, 1)])
    copies = torch.arange(2 * n_copies).reshape(n_copies, 2)
    return StoredFrames(chunk_of(positions, forces)), (replace(kind, copies=copies),)


def chains(n_frames: int, n_copies: int, seed: int) -> tuple[StoredFrames, tuple[Molecule, ...]]:
    """Freely jointed chains of four atoms on three springs."""
    random = torch.Generator().manual_seed(seed)
    shape = (n_frames, n_copies, 3)
    r, u = lengths(shape, random), directions(shape, random)
    start = torch.zeros(n_frames, n_copies, 1, 3, dtype=torch.float64)
    positions = torch.cat([start, (r[..., None] * u).cumsum(2)], dim=2)
    pulls = (-STIFFNESS * (r - LENGTH))[..., None] * u
    forces = torch.cat([start, pulls], dim=2) - torch.cat([pulls, start], dim=2)
    kind = molecule("chain", "NNNH", [(0, 1), (1, 2), (2, 3)])
    copies = torch.arange(4 * n_copies).reshape(n_copies, 4)
    frames = StoredFrames(chunk_of(positions.flatten(1, 2), forces.flatten(1, 2)))
    return frames, (replace(kind, copies=copies),)


def dumbbells(n_frames: int, seed: int) -> tuple[StoredFrames, tuple[Molecule, ...]]:
    """Two rigid pairs of atoms, one atom of each on a common spring, with constraint forces."""
    random = torch.Generator().manual_seed(seed)
    r, u = lengths((n_frames,), random), directions((n_frames,), random)
    arms = directions((n_frames, 2), random) * LENGTH
    inner = torch.zeros(n_frames, 3, dtype=torch.float64)
    other = r[:, None] * u
    positions = torch.stack([inner + arms[:, 0], inner, other, other + arms[:, 1]], dim=1)
    pull = (-STIFFNESS * (r - LENGTH))[:, None] * u
    strain = 100 * torch.randn(n_frames, 2, 1, generator=random, dtype=torch.float64) * arms
    forces = torch.stack([strain[:, 0], -strain[:, 0] - pull, pull - strain[:, 1], strain[:, 1]], 1)
    kind = molecule("pairs", "HCCH", [(0, 1), (1, 2), (2, 3)])
    return StoredFrames(chunk_of(positions, forces)), (kind,)


def bent(n_frames: int, seed: int) -> tuple[StoredFrames, tuple[Molecule, ...]]:
    """Three atoms at fixed bond lengths with a harmonic angle, U = k (θ - θ0)² / 2."""
    random = torch.Generator().manual_seed(seed)
    stiffness, rest = 300.0, 1.9
    grid = torch.linspace(0.5, pi - 0.5, 20001, dtype=torch.float64)
    energy = stiffness * (grid - rest).square() / 2
    density = grid.sin() * torch.exp(-energy / thermal_energy(TEMPERATURE))
    drawn = torch.rand(n_frames, generator=random, dtype=torch.float64)
    angle = grid[torch.searchsorted(density.cumsum(0) / density.sum(), drawn)]
    first, other = directions((2, n_frames), random)
    across = other - (other * first).sum(1, keepdim=True) * first
    across /= across.norm(dim=1, keepdim=True)
    cosine, sine = angle.cos()[:, None], angle.sin()[:, None]
    last = cosine * first + sine * across
    turn_last, turn_first = -sine * first + cosine * across, -across
    torque = (-stiffness * (angle - rest))[:, None]
    outer = [torque * turn_first / LENGTH, torque * turn_last / LENGTH]
    positions = torch.stack([LENGTH * first, torch.zeros_like(first), LENGTH * last], dim=1)
    forces = torch.stack([outer[0], -outer[0] - outer[1], outer[1]], dim=1)
    return StoredFrames(chunk_of(positions, forces)), (molecule("bent", "NNN", [(0, 1), (1, 2)]),)


def with_forces(frames: StoredFrames, forces: Tensor) -> StoredFrames:
    return StoredFrames(replace(frames.chunk, forces=forces))
