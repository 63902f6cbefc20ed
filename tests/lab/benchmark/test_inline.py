"""Frames through a runner in a plain loop: as many come out as went in, also with a delay."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from livestyle.engine.families.base import Chunk, Requirements, Runner
from livestyle.lab.benchmark.inline import play


class Late(Runner):
    """Gives every chunk back unchanged, ``delay`` chunks later."""

    live_parameters = ()

    def __init__(self, first: int, steady: int, delay: int) -> None:
        self.requirements = Requirements(first, steady, 1, delay=delay)
        self.held: deque[np.ndarray] = deque()

    def encode(self, chunk: Chunk) -> Any:
        return chunk

    def denoise(self, encoded: Chunk, late: Mapping[str, Any]) -> np.ndarray:
        if encoded.frames is not None:
            self.held.append(encoded.frames.pixels)
        due = len(self.held) > self.requirements.delay or encoded.frames is None
        return self.held.popleft() if due and self.held else np.empty((0, 2, 2, 3), np.uint8)

    def decode(self, denoised: np.ndarray) -> np.ndarray:
        return denoised


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("frames", [1, 5, 9, 11])
def test_all_frames_come_back_in_order(delay: int, frames: int) -> None:
    clip = np.broadcast_to(np.arange(frames, dtype=np.uint8)[:, None, None, None], (frames, 2, 2, 3)).copy()
    parts = list(play(Late(1, 4, delay), clip))
    assert all(len(part) for part in parts)
    assert np.array_equal(np.concatenate(parts), clip)
