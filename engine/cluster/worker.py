"""In the actor: one model, one runner, and the lanes of this machine's device.

All that comes in and goes out is plain (numbers, text, arrays), for Ray's process between the two has no
LiveStyle; only what is loaded and made comes as bytes of a pickle, from the machine that owns the session.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import astuple
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from ..errors import LiveStyleError, one_line
from ..families import StreamRequest, load_model, make_runner
from ..families.base import Chunk, DenoiseSettings, ModelHandle, Runner, StreamModel
from ..log import log
from ..media.types import Frames
from ..runtime.device import WEIGHT_DTYPES, plan_device
from ..runtime.failures import is_out_of_memory
from ..runtime.lanes import Stage, lanes_of
from ..runtime.record_streams import record_streams
from .facts import facts
from .parcel import unpacked
from .weights import WeightCache

__all__ = ["Worker", "facts"]

Reply = tuple[Any, ...]
"""``("ok", value)``, or ``("error", name of the error's class, line)``."""


class Worker:
    """What an actor does; stages are called from three threads, the rest from one."""

    def __init__(self) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._lanes = lanes_of(self._device)
        self._weights = WeightCache()
        self._between: dict[tuple[Stage, int], tuple[int, Any]] = {}
        self._model: StreamModel | None = None
        self._runner: Runner | None = None

    def answer(self, name: str, *arguments: Any) -> Reply:
        """Call a method below; whatever it raises becomes a line."""
        try:
            return "ok", getattr(self, name)(*arguments)
        except Exception as error:
            if is_out_of_memory(error):
                return "error", "MemoryError", one_line(error)
            if isinstance(error, LiveStyleError):
                return "error", type(error).__name__, str(error)
            log.error("%s failed\n%s", name, "".join(traceback.format_exception(error)))
            return "error", "LiveStyleError", f"{type(error).__name__}: {one_line(error)}"

    def differing(self, path: str, files: list) -> bool:
        """See ``WeightCache.differs``."""
        return self._weights.differs(path, files)

    def wanted(self, path: str, files: list) -> tuple[list[str], bool]:
        """See ``WeightCache.wanted``."""
        return self._weights.wanted(path, files)

    def receive(self, digest: str, block: bytes, last: bool) -> None:
        """See ``WeightCache.receive``."""
        self._weights.receive(digest, block, last)

    def load(self, pickled: bytes) -> dict[str, Any]:
        """Load the model of a ``ModelHandle``."""
        handle: ModelHandle = self._weights.localised(unpacked(pickled))
        dtype = WEIGHT_DTYPES.get(handle.dtype) or plan_device(self._device).dtype
        model = load_model(handle, self._device, dtype)
        self._model = model.patched(handle.patches).with_lora(handle.lora_strength)
        return {"family": model.family, "fps": model.fps, "remark": model.remark}

    def requirements(self, pickled: bytes) -> tuple:
        """Fields of the model's ``Requirements`` for ``DenoiseSettings``."""
        assert self._model is not None
        settings: DenoiseSettings = unpacked(pickled)
        return astuple(self._model.requirements(settings))

    def make(self, pickled: bytes) -> dict[str, Any]:
        """Make the runner for a ``StreamRequest``; what there is to know of it."""
        assert self._model is not None
        request: StreamRequest = unpacked(pickled)
        with torch.no_grad():
            self._runner = make_runner(self._model, request)
        self._lanes.follow_caller()
        live = [
            (spec.key, spec.kind, spec.default, spec.minimum, spec.maximum, spec.late, spec.check is not None)
            for spec in self._runner.live_parameters
        ]
        return {"requirements": astuple(self._runner.requirements), "live": live}

    def check(self, key: str, value: Any) -> None:
        """Raise what the live parameter's own check raises."""
        assert self._runner is not None
        spec = next(spec for spec in self._runner.live_parameters if spec.key == key)
        if spec.check is not None:
            spec.check(value)

    def encode(
        self,
        index: int,
        pixels: np.ndarray | None,
        pts: tuple[Fraction, ...],
        captured_at: tuple[float, ...],
        valid: int,
        first_frame: int,
        live: Mapping[str, Any],
    ) -> None:
        """Encode a chunk and keep the result."""
        runner = self._running()
        frames = None if pixels is None else Frames(pixels, first_frame, pts, captured_at, chunk=index)
        chunk = Chunk(index, frames, valid, first_frame, live)
        self._keep(
            "denoise", index, first_frame, self._on_lane("encode", first_frame, lambda: runner.encode(chunk))
        )

    def denoise(self, index: int, late: Mapping[str, Any]) -> None:
        """Denoise what was encoded of a chunk and keep the result."""
        runner = self._running()
        first_frame, encoded = self._between.pop(("denoise", index))

        def work() -> Any:
            record_streams(encoded)
            return runner.denoise(encoded, late)

        self._keep("decode", index, first_frame, self._on_lane("denoise", first_frame, work))

    def decode(self, index: int) -> tuple[np.ndarray, list[tuple], dict[str, str]]:
        """Decode what was denoised: uint8 (N, H, W, 3), the chunk's switches, the runner's readout."""
        runner = self._running()
        first_frame, denoised = self._between.pop(("decode", index))
        pixels = self._on_lane("decode", first_frame, lambda: runner.decode(denoised))
        return pixels, [astuple(each) for each in runner.switches(index)], dict(runner.readout())

    def _running(self) -> Runner:
        assert self._runner is not None
        return self._runner

    def _keep(self, stage: Stage, index: int, first_frame: int, value: Any) -> None:
        self._between[stage, index] = first_frame, value

    def _on_lane(self, stage: Stage, first_frame: int, work: Callable[[], Any]) -> Any:
        done: Future[Any] = Future()

        def finish(result: Any, error: BaseException | None, seconds: float) -> None:
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

        self._lanes.submit(stage, first_frame, work, finish)
        return done.result()
