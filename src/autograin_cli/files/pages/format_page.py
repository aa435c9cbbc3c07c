"""The page of the documentation that describes the format, from the schema and the records."""

import inspect
import re
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.storage.field import Field
from autograin_cli.files.storage.places import path_of
from autograin_cli.files.storage.records import member_type, without_none
from autograin_cli.files.storage.schema import BEADS, H5MD, SCHEMA, SCHEMA_VERSION

_HEAD = f"""# The format of an artifact

Every command writes one HDF5 file that holds all that the next one needs. This page is made from
the schema in `src/autograin_cli/files/storage` (`schema.py`, `rows.py`); `python
docs/format_page.py` writes it.

* Root attributes: `schema` = "autograin-artifact", `schema_version` =
  "{SCHEMA_VERSION[0]}.{SCHEMA_VERSION[1]}", `kind`, `content_sha256`, and `complete`, which is
  written last. A file of another major version is refused; one of a later minor version may hold
  more than this page says.
* `*` is the name of a molecule, a term, a distribution, a score, or the number of an input, of a
  network, or of an interaction, a rank or a history in it. The
  attribute `order` of the group above says in which order they stand. Where a name cannot be the
  name of a group (a slash, a star), characters are written as `%2F`; the dataset `name` is exact.
* Axes of one name have one length within a molecule, a term, a distribution or the file.
* Every dataset has the attribute `unit`, in the notation of H5MD: factors with a space between
  them, powers with a sign. `{{word}}` stands for what the dataset `word` beside it says, or for the
  unit of the coordinate that it names: Angstrom for bonds, rad (in distributions: degree) for
  angles and dihedrals; for the g(r) of a `kind`, 1 where it is intermolecular and Angstrom-1, as of
  a density, where it is intramolecular. Parameters have the units that `parameter_units` lists.
* Numbers are float64 or int64, little-endian; texts are UTF-8 of fixed length. There is no
  compression, so that a file never declares more than it holds. Frames are chunked, with checksums.
* `content_sha256` covers every value, type, shape and attribute outside `/autograin/provenance`.
  The same content is the same bytes. Mean squares and losses are means over atoms.
* The file is valid H5MD 1.1: `/h5md`, `/particles/cg`, `/observables`, `/connectivity`. In an
  mapping the only frame is the mapped mean structure of every molecule, in a potential or a
  comparison a mapped frame of the reference; in a simulation the particles are the beads of all
  replicas, one replica after another. Within a replica the types of molecules stand one after
  another, and of each type copy after copy. Molecules are whole, and not folded back into the box.
  `species` is an enumeration of molecule and type of bead. `box` has edges where there is a box;
  they are written for every frame, since that is what MDAnalysis reads.
* A reader of this program refuses what leaves the file (soft and external links, external storage,
  virtual datasets), what loops, what is larger than the file, any type that is not named here, and
  any record that breaks a law, such as rows of the encoder that do not sum to 1.
"""


def schema_page() -> str:
    """Write the page, in Markdown."""
    meanings = _meanings(Artifact, "")
    parts = [_HEAD]
    for title, group, rows in _sections():
        described = [
            _row(path, group, SCHEMA[path], *(meanings.get(path) or _of_h5md(path)))
            for path in rows
        ]
        head = "| dataset | type | axes | unit | meaning |\n| --- | --- | --- | --- | --- |\n"
        parts.append(f"## {title}\n\n{head}" + "".join(described))
    return "\n".join(parts)


_H5MD_MEANINGS = {
    "step": "steps since the start of the run.",
    "time": "since the start of the run.",
    "position/value": "positions of the beads.",
    "velocity/value": "velocities of the beads.",
    "potential_energy/value": "of a replica, mean over the replicas.",
    "kinetic_temperature/value": "from the kinetic energy, mean over the replicas.",
    "outside/value": "share of steps that each term spent outside its sampled range.",
    "box/edges/value": "box vectors, in rows.",
    "mass": "of the beads.",
    "species": "molecule and type of every bead.",
    "bonds": "bonded pairs of particles.",
    "angles": "particles of the angles of the potential.",
    "dihedrals": "particles of the dihedrals of the potential.",
}


_NOT_ALWAYS = ("observables", f"{BEADS}/velocity", f"{BEADS}/mass", f"{BEADS}/box")


def _of_h5md(path: str) -> tuple[str, bool]:
    """Give the meaning of a dataset of H5MD; positions, species and tuples always are there."""
    meaning = next(text for name, text in _H5MD_MEANINGS.items() if path.endswith(f"/{name}"))
    return meaning, path.startswith(_NOT_ALWAYS)


def _sections() -> list[tuple[str, str, list[str]]]:
    """Give for each group its title, its path and the datasets right in it or in a subgroup."""
    groups: dict[str, list[str]] = {}
    for path in SCHEMA:
        group = "" if path in H5MD or path == "autograin/warnings" else path.rpartition("/")[0]
        groups.setdefault(group, []).append(path)
    own = [(f"`/{group}`", group, rows) for group, rows in groups.items() if group]
    return [*own, ("Warnings, particles, observables and connectivity", "", groups[""])]


def _row(path: str, group: str, field: Field, meaning: str, optional: bool) -> str:
    name = path.removeprefix(f"{group}/") if group else f"/{path}"
    text = meaning.replace("|", r"\|") + (" May be absent." if optional else "")
    cells = [f"`{name}`", field.dtype, ", ".join(field.axes), field.unit, text]
    return f"| {' | '.join(cells)} |\n"


def _meanings(record: type[Any], prefix: str) -> dict[str, tuple[str, bool]]:
    """Give what the docstrings of the records say of every dataset, and whether it is optional."""
    found: dict[str, tuple[str, bool]] = {}
    texts, hints = _documented(record), get_type_hints(record)
    for item in fields(record):
        hint, optional = without_none(hints[item.name])
        member, place = member_type(hint), f"{prefix}{item.name}"
        if member is not None:
            found |= _meanings(member, f"{place}/*/")
        elif is_dataclass(hint) and isinstance(hint, type):
            found |= _meanings(hint, f"{place}/")
        else:
            found[path_of(place)] = (texts[item.name], optional)
    return found


def _documented(record: type[Any]) -> dict[str, str]:
    """Read 'name, other: meaning' from a docstring; a line further to the right goes on."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in (inspect.getdoc(record) or "").splitlines():
        start = re.fullmatch(r"(\w+(?:, \w+)*): (.+)", line)
        if start:
            names = start[1].split(", ")
            found |= dict.fromkeys(names, start[2])
        elif line.startswith("    "):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            names = []
    return found
