"""The four commands on aniline, a few hundred frames, each run once for all tests."""

from pathlib import Path

import pytest

from pipeline import PSF, XTC, Done, done, forces_and_temperature


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pipeline")


@pytest.fixture(scope="session")
def mapping(folder: Path) -> Done:
    path = folder / "mapping.h5"
    arguments = (XTC, "-s", PSF, "--beads", "2", "--end", "3ns", "--stride", "3")
    return done(path, "fit-mapping", *arguments, "--anneal-seeds", "2")


@pytest.fixture(scope="session")
def potential(folder: Path, mapping: Done) -> Done:
    path = folder / "potential.h5"
    return done(
        path,
        *("fit-potential", mapping.path, XTC, "-s", PSF, "--end", "3ns", "--stride", "3"),
        *forces_and_temperature(),
    )


@pytest.fixture(scope="session")
def simulation(folder: Path, potential: Done) -> Done:
    path = folder / "simulation.h5"
    arguments = ("--time", "20ps", "--equilibration", "5ps", "--replicas", "8", "--interval", "0.2")
    return done(
        path, "simulate", potential.path, *arguments, "--seed", "1", "--traj", folder / "cg.xtc"
    )


@pytest.fixture(scope="session")
def comparison(folder: Path, simulation: Done) -> Done:
    path = folder / "comparison.h5"
    arguments = (XTC, "-s", PSF, "--begin", "3ns", "--resamples", "100")
    return done(path, "compare", simulation.path, *arguments, "--report", folder / "report.html")
