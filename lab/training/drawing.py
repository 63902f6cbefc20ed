"""What a recipe draws for its steps, here or ahead of time by worker processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch.utils.data import DataLoader, Dataset

from .profile import part

T = TypeVar("T")


@dataclass(frozen=True)
class _Steps(Dataset, Generic[T]):
    draw: Callable[[int], T]
    steps: int

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> T:
        return self.draw(step)


class Drawing(Generic[T]):
    """Batches by step; a GPU takes them faster than one core draws them.

    Args:
        draw: step to batch; depends on the step only.
        steps: of the whole training.
        workers: processes that draw ahead; 0 draws when asked.
    """

    def __init__(self, draw: Callable[[int], T], steps: int, workers: int = 0) -> None:
        self._all, self._workers = _Steps(draw, steps), workers
        self._next, self._batches = -1, iter(())  # type: tuple[int, Iterator[T]]

    def __call__(self, step: int) -> T:
        """The batch of a step; quick where steps are asked for one after the other."""
        with part("data"):
            if not self._workers:
                return self._all[step]
            if step != self._next:
                order = range(step, len(self._all))
                loader = DataLoader(self._all, batch_size=None, sampler=order, num_workers=self._workers)
                self._batches = iter(loader)
            self._next = step + 1
            return next(self._batches)
