"""What a user may choose at each stage: defaults, units, ranges.

A default is written here once; the command line, the artifacts and the documentation take it
from here.
"""

from autograin_cli.settings.comparison import ComparisonSettings
from autograin_cli.settings.export import ExportSettings
from autograin_cli.settings.mapping import BeadSettings, MappingSettings
from autograin_cli.settings.potential import JointSettings, NeuralSettings, PotentialSettings
from autograin_cli.settings.reading import ReadingSettings
from autograin_cli.settings.simulation import SimulationSettings

__all__ = [
    "BeadSettings",
    "ComparisonSettings",
    "ExportSettings",
    "JointSettings",
    "MappingSettings",
    "NeuralSettings",
    "PotentialSettings",
    "ReadingSettings",
    "SimulationSettings",
]
