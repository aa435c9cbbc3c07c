"""Conversions against values computed by hand."""

import pytest

from autograin_cli.errors import SettingError
from autograin_cli.units import (
    ACCELERATION,
    angstrom_from_nm,
    force_factor,
    force_from_per_nm,
    fs_from_ps,
    kcal_from_kj,
    kj_from_kcal,
    nm_from_angstrom,
    per_fs_from_per_ps,
    per_ps_from_per_fs,
    picoseconds,
    thermal_energy,
)


def test_the_thermal_energy_at_300_K_is_2_494_kJ_per_mol() -> None:
    assert thermal_energy(300.0) == pytest.approx(2.494338785, rel=1e-9)


def test_one_kJ_per_mol_A_u_accelerates_by_100_A_per_square_ps() -> None:
    # 1 kJ/mol over N_A is 1.66054e-21 J; over 1 Å and 1 u (1.66054e-27 kg) that is 1e16 m/s².
    joule_per_molecule = 1e3 / 6.02214076e23
    metre_per_second_squared = joule_per_molecule / 1e-10 / 1.66053906660e-27
    assert metre_per_second_squared * 1e10 * 1e-24 == pytest.approx(ACCELERATION, rel=1e-9)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("kJ/mol/A", 1.0),
        ("kJ/mol/nm", 0.1),
        ("kcal/mol/A", 4.184),
        ("eV/A", 96.48533),
        ("hartree/bohr", 4961.475),
    ],
)
def test_force_units_convert(unit: str, factor: float) -> None:
    assert force_factor(unit) == pytest.approx(factor, rel=1e-6)


def test_an_unknown_force_unit_names_the_known_ones() -> None:
    with pytest.raises(SettingError, match="kcal/mol/A"):
        force_factor("dyne")


def test_lengths_go_there_and_back() -> None:
    assert angstrom_from_nm(nm_from_angstrom(3.7)) == pytest.approx(3.7, rel=1e-15)
    assert angstrom_from_nm(1.0) == 10.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500", 500.0), ("500ps", 500.0), ("0.5ns", 500.0), ("2fs", 0.002), ("1 us", 1e6)],
)
def test_times_take_suffixes(text: str, expected: float) -> None:
    assert picoseconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "abc", "5 hours", "ns"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="time"):
        picoseconds(text)


def test_units_of_other_programs_convert() -> None:
    assert kj_from_kcal(2.0) == pytest.approx(8.368)
    assert kcal_from_kj(kj_from_kcal(2.0)) == pytest.approx(2.0)
    assert force_from_per_nm(100.0) == pytest.approx(10.0)
    assert fs_from_ps(0.002) == pytest.approx(2.0)
    assert per_fs_from_per_ps(5.0) == pytest.approx(0.005)
    assert per_ps_from_per_fs(0.005) == pytest.approx(5.0)
