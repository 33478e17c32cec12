"""The first few of an order are those of the whole order."""

from typing import Any

import numpy as np
import pytest

from mulligan.resource.ordering import FIRST, in_order


@pytest.mark.parametrize("many", [0, 1, FIRST - 1, FIRST, FIRST + 1, 5_000])
@pytest.mark.parametrize("values", [1, 2, 7, 10_000])
def test_the_parts_are_the_whole_order(many: int, values: int) -> None:
    chance = np.random.default_rng(many + values)
    keys: list[Any] = [chance.integers(0, values, many) for _ in range(2)]
    keys += [chance.integers(0, 9, many), chance.permutation(many)]
    expected = sorted(range(many), key=lambda one: tuple(int(key[one]) for key in keys))
    parts = list(in_order(keys))
    assert np.concatenate(parts).tolist() == expected
    assert len(parts[0]) == min(many, FIRST)
