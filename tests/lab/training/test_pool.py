"""A pool is painted once, entry by entry, and painted again only when its recipe is another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from livestyle.lab.training.pool import open_pool, painted_pool

SHAPE = (3, 2, 4, 4, 3)


def make(folder: Path, seed: int, asked: list[int]) -> np.ndarray:
    """Entry i is i everywhere; its painting is i + 100."""

    def sources() -> Iterator[np.ndarray]:
        for index in range(SHAPE[0]):
            asked.append(index)
            yield np.full(SHAPE[2:], index, np.uint8)

    def paint(entry: np.ndarray, index: int) -> None:
        assert (entry[0] == index).all()
        entry[1] = entry[0] + 100

    return painted_pool(folder, "toys", {"seed": seed}, SHAPE, sources(), paint, workers=2)


def test_a_pool_is_reused_while_its_recipe_is_the_same(tmp_path: Path) -> None:
    asked: list[int] = []
    pool = make(tmp_path / "new", 1, asked)
    assert asked == [0, 1, 2] and not pool.flags.writeable
    assert pool[:, :, 0, 0, 0].tolist() == [[0, 100], [1, 101], [2, 102]]
    assert np.array_equal(make(tmp_path / "new", 1, asked), pool) and asked == [0, 1, 2]
    make(tmp_path / "new", 2, asked)
    assert asked == [0, 1, 2] * 2
    assert np.array_equal(open_pool(tmp_path / "new", "toys"), pool)


def test_an_interrupted_pool_is_painted_again(tmp_path: Path) -> None:
    asked: list[int] = []
    make(tmp_path, 1, asked)
    (tmp_path / "toys.json").unlink()  # written last
    make(tmp_path, 1, asked)
    assert asked == [0, 1, 2] * 2
