"""The rows of what a comparison finds beside distributions of one coordinate and g(r)."""

from autograin_cli.files.storage.field import ANGSTROM, real, text, whole

JOINT_DISTRIBUTION = {
    "name": text(),
    "first": text(),
    "second": text(),
    "first_unit": text(),
    "second_unit": text(),
    "unit": text(),
    "first_edges": real("first+1", unit="{first_unit}"),
    "second_edges": real("second+1", unit="{second_unit}"),
    "reference": real("first", "second", unit="{unit}"),
    "reference_low": real("first", "second", unit="{unit}"),
    "reference_high": real("first", "second", unit="{unit}"),
    "model": real("first", "second", unit="{unit}"),
    "model_low": real("first", "second", unit="{unit}"),
    "model_high": real("first", "second", unit="{unit}"),
    "reference_effective": real(),
    "model_effective": real(),
    "reference_blocks": whole(),
    "model_blocks": whole(),
}

TRIPLET_DISTRIBUTION = {
    "name": text(),
    "types": text("3"),
    "shells": real("2", unit=ANGSTROM),
    "edges": real("bins+1", unit="degree"),
    "reference": real("bins", unit="degree-1"),
    "reference_low": real("bins", unit="degree-1"),
    "reference_high": real("bins", unit="degree-1"),
    "model": real("bins", unit="degree-1"),
    "model_low": real("bins", unit="degree-1"),
    "model_high": real("bins", unit="degree-1"),
    "reference_blocks": whole(),
    "model_blocks": whole(),
}

ORIENTATION = {
    "name": text(),
    "order": whole(),
    "molecules": text("2"),
    "edges": real("bins+1", unit=ANGSTROM),
    "reference": real("bins"),
    "reference_low": real("bins"),
    "reference_high": real("bins"),
    "model": real("bins"),
    "model_low": real("bins"),
    "model_high": real("bins"),
    "reference_blocks": whole(),
    "model_blocks": whole(),
}
