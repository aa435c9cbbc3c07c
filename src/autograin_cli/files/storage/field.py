"""What the schema says of one dataset: axes, unit, type."""

from collections.abc import Mapping
from dataclasses import dataclass

ANGSTROM = "Angstrom"
ENERGY = "kJ mol-1"


@dataclass(frozen=True)
class Field:
    """One dataset.

    axes: names of the axes, a number where the length is fixed, `name+1` for one more.
    unit: in the notation of H5MD; `{word}` stands for what the dataset `word` of the same
        molecule, term, distribution or score says.
    dtype: 'float64', 'int64', 'bool' or 'text'.
    infinite: whether a number may be infinite, as an error from too few samples is.
    """

    axes: tuple[str, ...]
    unit: str
    dtype: str
    infinite: bool = False


def real(*axes: str, unit: str = "1", infinite: bool = False) -> Field:
    """Describe an array of real numbers."""
    return Field(axes, unit, "float64", infinite)


def whole(*axes: str, unit: str = "1") -> Field:
    """Describe an array of whole numbers."""
    return Field(axes, unit, "int64")


def text(*axes: str) -> Field:
    """Describe texts."""
    return Field(axes, "", "text")


def flag() -> Field:
    """Describe a yes or no."""
    return Field((), "1", "bool")


def under(group: str, fields: Mapping[str, Field]) -> dict[str, Field]:
    """Put rows under a group."""
    return {f"{group}/{name}": field for name, field in fields.items()}
