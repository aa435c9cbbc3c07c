import math

import numpy as np
import pytest
import torch

from autograin_cli.elementary import atan2, logarithm, normals, philox, sine_cosine
from autograin_cli.statistics import effective_samples

# Known answers of the Random123 library, philox4x32-10: counters, keys, results.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


def drawn(number: int, key: int) -> tuple[np.uint64, np.uint64]:
    a, b = philox(np.uint64(number), *[np.uint64(key)] * 5)
    return np.uint64(a), np.uint64(b)


def words(text: str) -> list[np.uint64]:
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize(("counters", "keys", "results"), KNOWN)
def test_philox_gives_the_known_answers(counters: str, keys: str, results: str) -> None:
    first, second = philox(*words(counters), *words(keys))
    assert f"{int(first):016x}{int(second):016x}" == results.replace(" ", "")


def test_the_logarithm_is_right_to_the_last_places() -> None:
    x = np.concatenate([np.logspace(-300, 0, 3000), np.linspace(0.4, 1.0, 3000), [2.0**-53]])
    ours = np.array([logarithm(value) for value in x])
    np.testing.assert_allclose(ours, np.log(x), rtol=4e-16, atol=1e-300)


def test_sine_and_cosine_are_right_to_the_last_places() -> None:
    for x in np.linspace(-math.pi / 4, math.pi / 4, 2001):
        assert sine_cosine(x) == pytest.approx((math.sin(x), math.cos(x)), rel=4e-16, abs=1e-300)


def test_the_angle_in_the_plane_is_right_in_every_octant() -> None:
    turns = np.concatenate([np.linspace(-math.pi, math.pi, 4001), [1e-9, -1e-9, math.pi - 1e-9]])
    for angle in turns:
        y, x = 3.7 * math.sin(angle), 3.7 * math.cos(angle)
        assert atan2(y, x) == pytest.approx(math.atan2(y, x), rel=4e-16)
    assert atan2(0.0, 0.0) == 0.0
    assert atan2(0.0, -1.0) == math.pi


def test_normal_numbers_are_those_of_box_and_muller() -> None:
    for word in (drawn(number, 7)[0] for number in range(2000)):
        radius = math.sqrt(-2 * math.log(((int(word) >> 24) + 1) / 2**40))
        turn = 2 * math.pi * ((int(word) % 2**24) / 2**24 - 0.5)
        expected = (radius * math.cos(turn), radius * math.sin(turn))
        assert normals(word) == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_the_rarest_words_give_finite_numbers() -> None:
    for word in (0, 2**64 - 1, 2**24 - 1, 2**23, 2**64 - 2**24):
        assert max(map(abs, normals(np.uint64(word)))) < 7.5


def test_normal_numbers_are_normal_and_independent() -> None:
    x = np.array([normals(word) for number in range(25_000) for word in drawn(number, 5)])
    n = x.size
    for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)]:
        assert abs((x**power).mean() - moment) < 4 * math.sqrt(variance / n)
    y, z = x[:, 0], x[:, 1]
    for product in (y * z, y[1:] * y[:-1], (y**2 - 1) * (z**2 - 1)):
        assert abs(product.mean()) < 4 * product.std() / math.sqrt(len(product))
    assert effective_samples(torch.from_numpy(x.T.copy())) == pytest.approx(n, rel=0.1)
