"""Where each field of an `Artifact` lies in its file."""

_PLACES = {
    "mappings": "autograin/mapping",
    "potentials": "autograin/potential/bonded",
    "nonbonded": "autograin/potential/nonbonded",
    "neural": "autograin/potential/neural",
    "configuration": "autograin/configuration",
    "simulation": "autograin/simulation",
    "comparison": "autograin/comparison",
    "training": "autograin/inputs/training",
    "inputs": "autograin/inputs/stage",
    "provenance": "autograin/provenance",
    "warnings": "autograin/warnings",
    "checks": "autograin/checks",
}
_REFERENCE = (
    "orbits",
    "mean_structure",
    "bond_lengths",
)  # of a mapping, but they describe the atoms
KIND = "kind"  # an attribute of the root


def path_of(place: str) -> str:
    """Give the path in a file of a place in an `Artifact`, such as 'mappings/OTP/encoder'."""
    head, *rest = place.split("/")
    if head == "mappings" and rest[1:2] == ["molecule"]:
        return "/".join(["autograin/reference", rest[0], *rest[2:]])
    if head == "mappings" and rest[1:2] and rest[1] in _REFERENCE:
        return "/".join(["autograin/reference", *rest])
    return "/".join([_PLACES.get(head, head), *rest])
