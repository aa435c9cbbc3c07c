"""When cells are of use."""

import numpy as np

from autograin_cli.cells import FEWEST, count_cells


def test_cells_are_used_where_they_fit_and_not_where_they_do_not() -> None:
    box = np.diag([30.0, 40.0, 20.0])
    numbers = np.zeros(3, np.int64)
    assert count_cells(np.linalg.inv(box), 5.0, 1000, numbers)
    assert numbers.tolist() == [5, 7, 3]
    assert not count_cells(np.linalg.inv(box), 6.8, 1000, numbers)
    assert not count_cells(np.zeros((3, 3)), 5.0, 1000, numbers)
    assert min(numbers) < FEWEST
