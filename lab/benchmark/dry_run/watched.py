"""A runner whose every stage is written down as it goes by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from ....engine.families.base import Chunk, Runner
from .ledger import Ledger
from .pretended import PretendedCuda

Stage = Literal["encode", "denoise", "decode"]


@dataclass(frozen=True)
class Passed:
    """One stage of one chunk, and what it asked of the device.

    Attributes:
        held: bytes that lay on the device when it began.
        worked: bytes at the most while it went on, beyond those.
    """

    chunk: int
    stage: Stage
    ledger: Ledger
    held: int
    worked: int


class Watched(Runner):
    """Hands everything on to ``runner``, and keeps the account of each stage in ``passed``."""

    def __init__(self, runner: Runner, device: PretendedCuda) -> None:
        self.runner, self.device = runner, device
        self.requirements, self.live_parameters = runner.requirements, runner.live_parameters
        self.passed: list[Passed] = []
        self._chunk = 0

    def encode(self, chunk: Chunk) -> Any:
        self._chunk = chunk.index
        return self._account("encode", lambda: self.runner.encode(chunk))

    def denoise(self, encoded: Any, late: Mapping[str, Any]) -> Any:
        return self._account("denoise", lambda: self.runner.denoise(encoded, late))

    def decode(self, denoised: Any) -> np.ndarray:
        return self._account("decode", lambda: self.runner.decode(denoised))

    @property
    def worked(self) -> dict[Stage, int]:
        """Bytes at the most that a stage works with."""
        return {
            stage: max(entry.worked for entry in self.passed if entry.stage == stage)
            for stage in get_args(Stage)
        }

    @property
    def peak(self) -> int:
        """Bytes on the device at the most, with a lane for each stage: what all three work with at once."""
        return max(entry.held for entry in self.passed) + sum(self.worked.values())

    def of(self, chunk: int) -> Iterator[Passed]:
        """The stages of a chunk."""
        return (entry for entry in self.passed if entry.chunk == chunk)

    def _account(self, stage: Stage, work: Callable[[], Any]) -> Any:
        ledger, memory = Ledger(), self.device.memory
        self.device.ledger, memory.peak, held = ledger, memory.now, memory.now
        done = work()
        self.passed.append(Passed(self._chunk, stage, ledger, held, memory.peak - held))
        return done
