"""What a user may choose at each stage: defaults, units, ranges.

A default is written here once; the command line, the artifacts and the documentation take it
from here.
"""

from autograin_cli.settings.checking import CheckSettings
from autograin_cli.settings.comparison import ComparisonSettings
from autograin_cli.settings.decoding import DecodingSettings
from autograin_cli.settings.export import ExportSettings
from autograin_cli.settings.mapping import BeadSettings, MappingSettings
from autograin_cli.settings.potential import JointSettings, NeuralSettings, PotentialSettings
from autograin_cli.settings.reading import ReadingSettings
from autograin_cli.settings.simulation import SimulationSettings
from autograin_cli.settings.stopping import StoppingSettings

__all__ = [
    "BeadSettings",
    "CheckSettings",
    "ComparisonSettings",
    "DecodingSettings",
    "ExportSettings",
    "JointSettings",
    "MappingSettings",
    "NeuralSettings",
    "PotentialSettings",
    "ReadingSettings",
    "SimulationSettings",
    "StoppingSettings",
]
