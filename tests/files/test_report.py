"""The report: complete, safe, whole."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from autograin_cli.comparison.comparison import Comparison
from autograin_cli.comparison.verdict import (
    joint_verdicts,
    order_verdicts,
    pair_verdicts,
    verdicts,
)
from autograin_cli.errors import FileAccessError, OutputExistsError
from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.report import render, write_report
from autograin_cli.potential.pair import Nonbonded
from example_artifacts import KINDS, example

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onclick='x' {{ 7*7 }}"
LIQUID = "liquid comparison"


class Page(HTMLParser):
    """Elements, attributes and headings of a page; complains of elements left open."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def hostile() -> Artifact:
    """An artifact with a script in every text of it."""
    found = example(LIQUID)
    mapping = found.mappings[0]
    molecule = replace(
        mapping.molecule, name=HOSTILE, atom_names=(HOSTILE,) * 7, elements=(HOSTILE,) * 7
    )
    potential = found.potentials[0]
    terms = tuple(
        replace(t, name=HOSTILE, form=HOSTILE, parameter_names=(HOSTILE,) * 2)
        for t in potential.terms
    )
    assert found.simulation is not None and found.comparison is not None
    distributions = tuple(
        replace(d, name=HOSTILE, unit=HOSTILE) for d in found.comparison.distributions
    )
    provenance = replace(
        found.provenance, command=HOSTILE, settings=HOSTILE, versions=f'{{"x": "{HOSTILE[:25]}"}}'
    )
    return replace(
        found,
        mappings=(replace(mapping, molecule=molecule, bead_names=(HOSTILE,) * 3),),
        potentials=(replace(potential, molecule=HOSTILE, terms=terms),),
        nonbonded=hostile_pairs(found),
        simulation=replace(
            found.simulation,
            molecules=(HOSTILE,),
            copies=found.simulation.copies[:1],
            engine=HOSTILE,
        ),
        comparison=hostile_liquid(replace(found.comparison, distributions=distributions)),
        inputs=tuple(replace(item, path=HOSTILE, role=HOSTILE) for item in found.inputs),
        provenance=provenance,
        warnings=(HOSTILE,),
    )


def hostile_pairs(artifact: Artifact) -> Nonbonded:
    assert artifact.nonbonded is not None
    terms = tuple(
        replace(
            term,
            name=HOSTILE,
            form=HOSTILE,
            parameter_names=(HOSTILE,) * len(term.parameter_names),
            parameter_units=(HOSTILE,) * len(term.parameter_names),
            on_bounds=(HOSTILE,),
        )
        for term in artifact.nonbonded.terms
    )
    channels = tuple(replace(channel, name=HOSTILE) for channel in artifact.nonbonded.channels)
    return replace(artifact.nonbonded, terms=terms, channels=channels)


def hostile_liquid(comparison: Comparison) -> Comparison:
    quantities = tuple(replace(q, name=HOSTILE, unit=HOSTILE) for q in comparison.quantities)
    return replace(
        comparison,
        pair_distributions=tuple(
            replace(pairs, name=HOSTILE, features=quantities)
            for pairs in comparison.pair_distributions
        ),
        structure_factors=tuple(
            replace(factor, name=HOSTILE) for factor in comparison.structure_factors
        ),
        triplet_distributions=tuple(
            replace(triplets, name=HOSTILE, types=(HOSTILE,) * 3)
            for triplets in comparison.triplet_distributions
        ),
        orientations=tuple(
            replace(curves, name=HOSTILE, molecules=(HOSTILE,) * 2)
            for curves in comparison.orientations
        ),
        joint_distributions=tuple(
            replace(
                joint,
                name=HOSTILE,
                first=HOSTILE,
                second=HOSTILE,
                first_unit=HOSTILE,
                second_unit=HOSTILE,
                unit=HOSTILE,
                correlation=replace(joint.correlation, name=HOSTILE, unit=HOSTILE),
            )
            for joint in comparison.joint_distributions
        ),
        quantities=quantities,
    )


@cache
def text_of(kind: str) -> str:
    """The page of an example."""
    return render(example(kind))


@cache
def page_of(kind: str) -> Page:
    """The page of an example, read."""
    return Page(text_of(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_shows_the_stages_that_there_are(kind: str) -> None:
    page = page_of(kind)
    ids = {value for name, value in page.attributes if name == "id"}
    stage = KINDS.index(kind)
    expected = {
        "mapping": 0,
        "potential": 1,
        "simulation": 2,
        "verdict": 3,
        "distributions": 3,
        "provenance": 0,
    }
    assert {name for name in expected if name in ids} == {
        name for name, first in expected.items() if stage >= first
    }
    links = {value for name, value in page.attributes if name == "href" and value[1:] in expected}
    assert links == {f"#{name}" for name in ids & set(expected)}


def test_a_report_of_a_liquid_shows_what_liquids_have() -> None:
    page = page_of(LIQUID)
    ids = {value for name, value in page.attributes if name == "id"}
    links = {value for name, value in page.attributes if name == "href"}
    assert {"nonbonded", "pairs", "factors", "quantities"} <= ids
    assert {"#pairs", "#factors", "#quantities"} <= links
    assert not {"nonbonded", "pairs", "factors", "quantities"} & {
        value for name, value in page_of("comparison").attributes if name == "id"
    }
    drawn = [value for name, value in page.attributes if name == "aria-label"]
    assert "potential of pair OTP:A-OTP:B" in drawn
    assert "S(q) OTP:A-OTP:B" in drawn
    for mapping in example(LIQUID).mappings:
        assert f"{mapping.molecule.name}: 7 atoms in 3 beads" in page.words


def test_a_parameter_on_its_bound_is_said_loudly_and_only_where_there_is_one() -> None:
    words = page_of(LIQUID).words
    assert words.count("A stands on its bound: the forces ask for a value") == 1
    assert words.count("0, ON ITS BOUND kJ/mol Å^12") == 1
    assert "1234 ± 6.7 kJ/mol Å^6" in words
    assert "sampled from 3.6 Å" in words
    assert "at most 2 bonds apart" in words


def test_the_box_of_a_run_is_told_with_density_and_pressure() -> None:
    artifact = example(LIQUID)
    words = page_of(LIQUID).words
    masses = [mapping.bead_masses for mapping in artifact.mappings]
    assert masses[0] is not None and masses[1] is not None
    mass = 3 * float(masses[0].sum()) + 2 * float(masses[1].sum())
    density = mass / 6.02214076e23 / (8 * 21 * 22 * 23 * 1e-24)  # g/cm3
    assert "3 OTP, 2 β/x %." in words
    assert "42.00 × 44.72 × 47.46 Å" in words
    assert f"{density:.4f} g/cm3" in words
    assert "-123.4 ± 5.6 bar" in words
    assert "none vacuum" in page_of("simulation").words


def test_g_of_r_is_judged_with_its_first_peak_and_coordination_number() -> None:
    artifact = example(LIQUID)
    assert artifact.comparison is not None
    words = page_of(LIQUID).words
    for verdict in pair_verdicts(artifact.comparison):
        assert verdict.sentence in words
    assert "first peak position 4.5 ± 0.01 Å 4.6 ± 0.02 Å" in words
    assert "coordination number 12.1 not known" in words
    assert "rms deviation 0.08 (0.06 to 0.1) 0.015" in words


def test_what_pairs_do_not_fix_is_judged_drawn_and_listed() -> None:
    artifact = example(LIQUID)
    assert artifact.comparison is not None
    page = page_of(LIQUID)
    judged = (*order_verdicts(artifact.comparison), *joint_verdicts(artifact.comparison))
    assert len(judged) == 4
    for verdict in judged:
        assert verdict.sentence in page.words
    ids = {value for name, value in page.attributes if name == "id"}
    links = {value for name, value in page.attributes if name == "href"}
    assert {"triplets", "orientations", "joints"} <= ids
    assert {"#triplets", "#orientations", "#joints"} <= links
    alone = {value for name, value in page_of("comparison").attributes if name == "id"}
    assert "joints" in alone and not {"triplets", "orientations"} & alone
    drawn = {value for name, value in page.attributes if name == "aria-label"}
    assert "angles of triplet OTP:A-OTP:B-OTP:B" in drawn
    assert "orientation, P2 OTP-?/x %." in drawn
    assert "joint distribution, bond A-B, angle A-B-A" in drawn
    assert "At a bead OTP:B, between two neighbours of two other molecules: " in page.words
    assert "OTP:A up to 6.4 Å and OTP:B up to 5.9 Å." in page.words
    assert "correlation -0.25 ± 0.01 0.125 ± 0.02" in page.words


def test_dynamics_and_pressure_are_not_expected_to_match() -> None:
    words = page_of(LIQUID).words
    assert "pressure not known -123.4 ± 5.6 bar diffusion OTP 0.1 ± 0.01 Å²/ps" in words
    assert "Not expected to match:" in words


def test_a_comparison_of_another_programs_run_has_no_simulation_to_show() -> None:
    found = example(LIQUID)
    assert found.comparison is not None
    comparison = replace(
        found.comparison,
        distributions=(),
        joint_distributions=(),
        pair_distributions=found.comparison.pair_distributions[:1],
        structure_factors=(),
        triplet_distributions=(),
        orientations=(),
        quantities=(),
    )
    page = Page(
        render(
            replace(
                found,
                mappings=(replace(found.mappings[0], history=None),),
                potentials=(),
                nonbonded=None,
                simulation=None,
                comparison=comparison,
            )
        )
    )
    ids = {value for name, value in page.attributes if name == "id"}
    assert {"verdict", "pairs"} <= ids
    assert not {"distributions", "simulation", "quantities"} & ids


@cache
def hostile_page() -> Page:
    return Page(render(hostile()))


@pytest.mark.parametrize(
    "page_given", [lambda: page_of("comparison"), lambda: page_of(LIQUID), hostile_page]
)
def test_a_report_runs_nothing_and_fetches_nothing(page_given: Callable[[], Page]) -> None:
    page = page_given()
    assert not {"script", "link", "iframe", "img", "object", "embed", "form", "base"} & set(
        page.elements
    )
    for name, value in page.attributes:
        assert not name.startswith("on") and name != "src"
        if name in ("href", "xlink:href"):
            assert value.startswith(("#", "data:image/png;base64,"))
        assert "url(" not in value or "url(#" in value
    assert "@import" not in page.words and "http:" not in page.words


def test_text_from_files_is_shown_as_it_is() -> None:
    page = hostile_page()
    assert page.words.count(HOSTILE) > 10
    assert "49" not in page.words.split("Warnings")[1].split("Verdict")[0]


def test_the_verdict_is_told_in_full() -> None:
    artifact = example("comparison")
    assert artifact.comparison is not None
    words = page_of("comparison").words
    for verdict in verdicts(artifact.comparison):
        assert verdict.sentence in words and verdict.word in words
    for distribution in artifact.comparison.distributions:
        for score in distribution.scores:
            assert f"{score.value:.3g} ({score.low:.3g} to {score.high:.3g})" in words
    assert "No frame of the reference was used in training." in words


def test_overlap_with_the_training_is_told() -> None:
    artifact = example("comparison")
    assert artifact.comparison is not None
    seen = replace(artifact, comparison=replace(artifact.comparison, overlap=0.25))
    assert "25% of the reference was used in training, so this is no independent" in render(seen)


def test_the_certificate_is_told() -> None:
    artifact = example("mapping")
    certificate = artifact.mappings[0].certificate
    assert certificate is not None
    words = page_of("mapping").words
    for value in (certificate.loss, certificate.bound, certificate.loss_per_component):
        assert f"{value:.4g} Å²" in words
    assert "proved: all 826 mappings were evaluated" in words
    assert "116" in words and "103 by L_AE" in words
    assert "This mapping was made by hand" in words


def test_an_unproved_mapping_is_not_called_the_best() -> None:
    artifact = example("mapping")
    (mapping, _) = artifact.mappings
    assert mapping.certificate is not None
    weaker = replace(mapping.certificate, proved_optimal=False, connected=True)
    words = Page(render(replace(artifact, mappings=(replace(mapping, certificate=weaker),)))).words
    assert "the best of 826 connected mappings evaluated; not proved" in words


def test_the_simulation_is_told_with_what_has_not_converged() -> None:
    words = page_of("simulation").words
    assert "R-hat 1.0010, 1,234 effective samples converged" in words
    assert "R-hat inf, 3 effective samples not converged" in words
    assert "5 replicas, 7 frames of each" in words


def test_errors_from_too_few_samples_are_unknown() -> None:
    words = page_of("potential").words
    assert "± unknown" in words and "± inf" not in words and "± nan" not in words


def test_a_long_spline_is_counted_and_not_listed() -> None:
    artifact = example("potential")
    potential, other = artifact.potentials
    term = replace(
        potential.terms[0],
        parameter_names=tuple(f"c{k}" for k in range(27)),
        parameters=torch.ones(27).double(),
        parameter_errors=torch.ones(27).double(),
        parameter_units=("kJ/mol",) * 27,
    )
    long = replace(artifact, potentials=(replace(potential, terms=(term,)), other))
    words = Page(render(long)).words
    assert "coefficients 27 drawn, not listed" in words and "c26" not in words


def test_a_report_is_the_same_every_time() -> None:
    assert render(example("comparison")) == text_of("comparison")


def test_a_report_is_small() -> None:
    assert len(text_of(LIQUID).encode()) < 500_000


def test_a_report_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(example("mapping"), path, overwrite=False)
    assert path.read_text(encoding="utf-8") == text_of("mapping")
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(OutputExistsError, match=r"report\.html exists"):
        write_report(example("mapping"), path, overwrite=False)
    assert path.read_text() == "mine"
    write_report(example("mapping"), path, overwrite=True)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="no folder"):
        write_report(example("mapping"), tmp_path / "none" / "report.html", overwrite=False)


def test_names_that_are_no_unicode_are_written(tmp_path: Path) -> None:
    artifact = example("mapping")
    odd = replace(artifact.inputs[0], path="run\udcff\x1b[31m.xtc")
    write_report(replace(artifact, inputs=(odd,)), tmp_path / "report.html", overwrite=False)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert r"run\udcff\x1b[31m.xtc" in text
