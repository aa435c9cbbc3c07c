"""Checks of positions: molecules whole, frames that stand twice, rigid bonds, enough samples."""

from dataclasses import replace

import torch
from torch import Tensor

from autograin_cli.checking.conditions import Beads, Examined, moment
from autograin_cli.checking.finding import FAILED, WARNING, Finding, passed, unmeasured
from autograin_cli.checking.rigid import angle_triples, distances
from autograin_cli.checking.sample import Sample
from autograin_cli.molecules import Molecule
from autograin_cli.statistics import each_effective_samples

FEWEST_EFFECTIVE = 20.0
_BROKEN = 3.0  # times its median, which no bond reaches that is one
_FEWEST_FRAMES = 4  # without which nothing is known of correlation
_MOST_REPEATED = 0.1
_SLOWEST = 0.1  # share of bonds and angles; the slowest of all is slow by chance
_MOST_COORDINATES = 30  # of a molecule; in a larger one a spread of them is looked at
_MOST_CHAINS = 16


def broken_molecules(examined: Examined) -> Finding:
    """Find molecules broken at the boundary of a box that the file does not hold."""
    name, sample = "broken-molecules", examined.sample
    if sample.volumes is not None:
        return passed(name, "there is a box: molecules were made whole", 0.0)
    broken = torch.zeros(len(sample.positions), dtype=torch.bool)
    longest = 0.0
    for molecule in sample.molecules:
        if len(molecule.bonds):
            lengths = distances(sample.positions, molecule, molecule.bonds)
            stretched = lengths / lengths.flatten(0, 1).median(0).values.clamp(min=1e-9)
            broken |= (stretched > _BROKEN).flatten(1).any(1)
            longest = max(longest, float(stretched.max()))
    share = float(broken.double().mean())
    if not broken.any():
        return passed(name, f"no bond is {_BROKEN:g} times as long as it usually is", share)
    return Finding(
        name=name,
        outcome=FAILED,
        measured=f"in {share:.0%} of the frames a bond is up to {longest:.3g} times as long as it "
        "usually is, and there is no box",
        value=share,
        expected=f"bonds of less than {_BROKEN:g} times their usual length",
        cause="molecules broken at the boundary of a box that the file does not hold",
        remedy="write the box with the positions, or whole molecules (trjconv -pbc whole)",
    )


def repeated_frames(examined: Examined) -> Finding:
    """Find frames that stand twice: at joins of files, and one after another."""
    name, sample = "repeated-frames", examined.sample
    first, second = sample.neighbours(1)
    if not len(first):
        return unmeasured(name, "there is one frame")
    same = (sample.positions[first] == sample.positions[second]).flatten(1).all(1)
    share = float(same.double().mean())
    joined = _repeated_joins(examined)
    if not joined and not same.any():
        told = f"no two of {len(first)} neighbouring pairs of frames are the same"
        return passed(name, told, share)
    often = share > _MOST_REPEATED
    where = examined.moment(int(second[same][0])) if same.any() else joined[0]
    return Finding(
        name=name,
        outcome=FAILED if often else WARNING,
        measured=f"the positions at {where} are those of the frame before; so are {share:.0%} of "
        "the frames looked at",
        value=share,
        expected="frames that differ: one that counts twice makes errors look too small",
        cause="files that overlap were joined, or positions were written less often than frames",
        remedy="leave the repeated frames out, with --begin, --stride or when the files are joined",
    )


def _repeated_joins(examined: Examined) -> list[str]:
    """Say which frames begin a file with the frame that ended the one before."""
    found = []
    for number in examined.conditions.joins.tolist():
        pair = examined.frames.at(torch.tensor([number - 1, number]))
        if torch.equal(pair.positions[0], pair.positions[1]):
            when = moment(examined.conditions.clock, number, float(pair.times[1]))
            found.append(f"{when}, where a file begins,")
    return found


def rigid_bonds(examined: Examined) -> Finding:
    """Find constraints, and whether the mapping knows them."""
    name, sample = "rigid-bonds", examined.sample
    groups = examined.rigid
    n_bonds = sum(len(molecule.bonds) for molecule in sample.molecules)
    n_rigid = sum(
        int((held[m.bonds[:, 0]] == held[m.bonds[:, 1]]).sum())
        for held, m in zip(groups, sample.molecules, strict=True)
    )
    told = f"constraints hold {n_rigid} of {n_bonds} bonds" if n_rigid else "all bonds are flexible"
    for molecule, held, beads in zip(
        sample.molecules, groups, examined.conditions.beads, strict=False
    ):
        wrong = _parted(molecule, held, beads)
        if wrong:
            return Finding(
                name=name,
                outcome=FAILED,
                measured=f"{told}; {wrong}",
                value=float(n_rigid),
                expected="atoms that constraints hold together in one bead, as the mapping says",
                cause="the mapping was made of a trajectory with other constraints, or by hand",
                remedy="run fit-mapping on this trajectory, or simulate without those constraints",
            )
    return passed(name, told, float(n_rigid))


def _parted(molecule: Molecule, held: Tensor, beads: Beads) -> str:
    """Say which atoms of a rigid group a mapping parts or takes for free; '' for none."""
    for group in held.unique().tolist():
        atoms = (held == group).nonzero().flatten()
        names = ", ".join(molecule.atom_names[atom] for atom in atoms[:6].tolist())
        which = f"atoms {names} of {molecule.name}"
        if len(atoms) > 1 and len(set(beads.assignment[atoms].tolist()) - {-1}) > 1:
            return f"the mapping parts {which}, which are held rigid"
        labels = set(beads.rigid_groups[atoms].tolist())
        if len(atoms) > 1 and not beads.equal_forces and (len(labels) > 1 or labels == {-1}):
            return f"the mapping takes {which} for free, which are held rigid"
    return ""


def effective(examined: Examined) -> Finding:
    """Count independent values of the bonds and angles that change most slowly."""
    name, sample = "effective-samples", examined.sample
    spread = sample.spread()
    found = torch.cat(
        [
            each_effective_samples(_series(sample, molecule, spread).permute(2, 1, 0))
            for molecule in sample.molecules
        ]
    )
    if not len(found) or len(spread) < _FEWEST_FRAMES:
        return unmeasured(name, "there are too few frames" if len(found) else "there are no bonds")
    least = float(found.sort().values[int(_SLOWEST * len(found))])
    told = (
        f"the slowest tenth of bonds and angles has at most {least:.0f} independent values in "
        f"{len(spread)} frames spread over the trajectory"
    )
    # Of frames that stand far apart there may be so few that even independent ones are.
    fewest = FEWEST_EFFECTIVE
    if examined.frames.n_frames > sample.n_frames:
        fewest = min(fewest, len(spread) / 3)
    if least >= fewest:
        return passed(name, told, least)
    return Finding(
        name=name,
        outcome=WARNING,
        measured=told,
        value=least,
        expected=f"{FEWEST_EFFECTIVE:g} or more",
        cause="the trajectory is short, or its frames are close together",
        remedy="give a longer trajectory; distributions of so few samples are rough",
    )


def _series(sample: Sample, molecule: Molecule, spread: Tensor) -> Tensor:
    """Lengths of bonds and distances across angles, Å, (frames, copies, coordinates)."""
    pairs = torch.cat([molecule.bonds, angle_triples(molecule)[:, [0, 2]]])
    if len(pairs) > _MOST_COORDINATES:
        pairs = pairs[torch.linspace(0, len(pairs) - 1, _MOST_COORDINATES).round().long()]
    few = replace(molecule, copies=molecule.copies[:_MOST_CHAINS])
    return distances(sample.positions[spread], few, pairs)
