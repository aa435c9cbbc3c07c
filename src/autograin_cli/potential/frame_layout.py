"""Bonded terms of all molecules and pair terms together: where each stands in a design matrix."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from autograin_cli.kernel_arrays import Floats, Integers
from autograin_cli.potential.bonded_forms import BondedForm
from autograin_cli.potential.forms import Form
from autograin_cli.potential.grids import Grid
from autograin_cli.potential.normal_equations import slices
from autograin_cli.potential.pair_forms import PairForm, PairSpline
from autograin_cli.potential.pair_kernels import Layout, PairBasis
from autograin_cli.potential.topology import TermMembers
from autograin_cli.system import System

_WORKING_SIZE = 2**18  # numbers in the design matrix, if one frame needs no more


@dataclass(frozen=True)
class FrameModel:
    """Bonded terms of the molecules of a system, then pair terms, with their forms.

    system: the beads of a frame.
    members: bonded terms, instances within a copy.
    components: of the system, that of each bonded term.
    bonded_forms: of the bonded terms.
    pair_forms: of the pair terms.
    grids: the points at which each term, bonded ones first, is tabulated and counted.
    pair_types: types of the two beads of each pair term, indices into `System.type_names`.
    excluded_bonds: beads of a molecule at most so many bonds apart feel no pair term.
    cutoff: Å.
    """

    system: System
    members: tuple[TermMembers, ...]
    components: tuple[int, ...]
    bonded_forms: tuple[BondedForm, ...]
    pair_forms: tuple[PairForm, ...]
    grids: tuple[Grid, ...]
    pair_types: tuple[tuple[int, int], ...]
    excluded_bonds: int
    cutoff: float

    @property
    def columns(self) -> tuple[slice, ...]:
        """Where the coefficients of each term stand among all."""
        return slices([form.size for form in self.forms])

    @property
    def forms(self) -> tuple[Form, ...]:
        """Forms of all terms, bonded ones first."""
        return (*self.bonded_forms, *self.pair_forms)

    @property
    def instances(self) -> tuple[Tensor, ...]:
        """Beads of a frame of the instances of each bonded term, (instances, members)."""
        pairs = zip(self.components, self.members, strict=True)
        return tuple(self.system.members(number, term.beads) for number, term in pairs)


@dataclass(frozen=True)
class Columns:
    """Columns of the rows of the beads of one type.

    starts: first column of each term, -1 for none, (terms,), int64.
    width: of all, with that of the force.
    kept: those that belong to a coefficient, and that of the force, (kept,), int64.
    coefficients: which one, their number for the force, (kept,), int64.
    """

    starts: Integers
    width: int
    kept: Tensor
    coefficients: Tensor


def columns_of(model: FrameModel) -> tuple[Columns, ...]:
    """Columns of every type: the terms that one of its beads can feel."""
    types = model.system.types
    felt = [set(types[beads.flatten()].tolist()) for beads in model.instances]
    felt += [set(pair) for pair in model.pair_types]
    found = []
    for kind in range(len(model.system.type_names)):
        starts, width = np.full(len(felt), -1), 0
        kept: list[int] = []
        coefficients: list[int] = []
        for term, (form, where) in enumerate(zip(model.forms, model.columns, strict=True)):
            if kind in felt[term]:
                starts[term] = width
                kept += range(width, width + form.size)
                coefficients += range(where.start, where.stop)
                width += form.whole.size if isinstance(form, PairSpline) else form.size
        last = [sum(form.size for form in model.forms)]
        found.append(
            Columns(
                starts, width + 1, torch.tensor([*kept, width]), torch.tensor(coefficients + last)
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class Counts:
    """Samples nearest to each point of the tables, added to in place.

    bonded: of each bonded term, (points,), int64.
    pairs: of the pair terms, (pair terms, points of the longest table).
    """

    bonded: list[Tensor]
    pairs: Integers

    def of_terms(self, grids: tuple[Grid, ...]) -> tuple[Tensor, ...]:
        """Give those of each term, (points,)."""
        tables = zip(self.pairs, grids[len(self.bonded) :], strict=True)
        return (*self.bonded, *(torch.from_numpy(row[: g.n_points].copy()) for row, g in tables))


@dataclass(frozen=True)
class Plan:
    """How the design matrix of some frames is laid out.

    model: the terms.
    columns: of each type of beads.
    n_of_type: beads of each type in a frame.
    n_frames: as many as the working memory holds.
    layout, basis: for the compiled loops.
    instances: beads of a frame of the instances of each bonded term, (instances, members).
    """

    model: FrameModel
    columns: tuple[Columns, ...]
    n_of_type: tuple[int, ...]
    n_frames: int
    layout: Layout
    basis: PairBasis
    instances: tuple[Tensor, ...]

    def new_design(self) -> Floats:
        """Memory for the design matrix."""
        widths = (part.width for part in self.columns)
        sizes = (3 * n * width for n, width in zip(self.n_of_type, widths, strict=True))
        return np.zeros(self.n_frames * sum(sizes))

    def new_counts(self) -> Counts:
        """No distances counted."""
        grids, n_bonded = self.model.grids, len(self.model.members)
        n_points = max((grid.n_points for grid in grids), default=0)
        bonded = [torch.zeros(grid.n_points, dtype=torch.int64) for grid in grids[:n_bonded]]
        return Counts(bonded, np.zeros((len(grids) - n_bonded, n_points), np.int64))

    def parts(self, design: Floats, n_frames: int) -> Iterator[Floats]:
        """Give the rows of each type in the first frames, (rows, width)."""
        for start, n_beads, part in zip(
            self.layout.starts, self.n_of_type, self.columns, strict=True
        ):
            rows = 3 * n_frames * n_beads
            yield design[start : start + rows * part.width].reshape(rows, part.width)


def plan_of(model: FrameModel) -> Plan:
    """Lay out the design matrix of a model."""
    columns = columns_of(model)
    types = model.system.types
    counts = torch.bincount(types, minlength=len(columns))
    ranks = torch.empty_like(types)
    for kind, count in enumerate(counts.tolist()):
        ranks[types == kind] = torch.arange(count)
    widths = torch.tensor([part.width for part in columns])
    ends = torch.cat((torch.zeros(1, dtype=torch.int64), (3 * counts * widths).cumsum(0)))
    n_frames = max(1, _WORKING_SIZE // int(ends[-1]))
    layout = Layout(
        types.numpy(),
        ranks.numpy(),
        torch.stack((counts, widths), dim=1).numpy(),
        n_frames * ends[:-1].numpy(),
        np.stack([part.starts for part in columns]),
    )
    of_type = tuple(counts.tolist())
    return Plan(model, columns, of_type, n_frames, layout, basis_of(model), model.instances)


def basis_of(model: FrameModel) -> PairBasis:
    """Pair terms for the compiled loops."""
    n_types, n_bonded = len(model.system.type_names), len(model.members)
    terms = np.full((n_types, n_types), -1)
    for number, (first, second) in enumerate(model.pair_types):
        terms[first, second] = terms[second, first] = number
    excluded = model.system.exclusions(model.excluded_bonds)
    ends = torch.searchsorted(excluded[:, 0].contiguous(), torch.arange(model.system.n_beads + 1))
    tables = [(g.low, (g.n_points - 1) / (g.high - g.low)) for g in model.grids[n_bonded:]]
    return PairBasis(
        terms,
        excluded[:, 1].contiguous().numpy(),
        ends.numpy(),
        np.array([_shape(form) for form in model.pair_forms]).reshape(-1, 4),
        np.array(tables).reshape(-1, 2),
        n_bonded,
        model.cutoff,
    )


def _shape(form: PairForm) -> tuple[float, float, float, float]:
    if isinstance(form, PairSpline):
        return 0.0, form.low, 1 / form.whole.spacing, float(form.intervals)
    return float(form.exponent), form.scale, 1 / (form.cutoff - form.switch), form.switch
