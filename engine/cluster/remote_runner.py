"""A runner whose stages run on a worker of the cluster, and what happens when that worker is lost.

Here a stage is a call that blocks one of three threads (``lanes``), so three chunks are there at once. More
than ``StagePipeline`` allows are not sent before one is back, which is the channel's credit.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ..conditioning.timeline import Switch
from ..families import StreamRequest
from ..families.base import Chunk, LiveParameter, ModelHandle, Requirements, Runner
from ..log import log
from ..runtime.device import plan_device
from ..runtime.lanes import Lanes
from .link import Waiting, Worker, WorkerLost
from .parcel import packed

RESTARTS = 3
"""Workers that may be lost in one session."""


@dataclass
class _Sent:
    """A chunk whose result has not come back, and how far the worker has come with it.

    Attributes:
        late: what it was denoised with, once that is done.
    """

    chunk: Chunk
    encoded: bool = False
    late: Mapping[str, Any] | None = None
    decoded: bool = False


class RemoteRunner(Runner):
    """One stream on a worker.

    When the worker is lost and the handle's ``on_loss`` is ``"restart"``, another one takes its place: it is
    given the newest finished chunk to warm up with (its result is dropped), then every chunk whose result is
    missing. A model without memory goes on to the bit as it would have; others begin a new memory there.

    Args:
        handle: what another worker would load.
        request: what it would play.
        worker: has loaded the model.
        waiting: called while another worker is waited for.

    Attributes:
        lanes: the threads that wait for it; closed by ``release_caches``.
    """

    def __init__(self, handle: ModelHandle, request: StreamRequest, worker: Worker, waiting: Waiting) -> None:
        self._handle = handle
        self._request = request
        self._waiting = waiting
        self._lock = threading.RLock()
        self._worker = worker
        self._released = False
        self._restarts = 0
        self._sent: dict[int, _Sent] = {}
        self._newest: Chunk | None = None
        self._switches: dict[int, tuple[Switch, ...]] = {}
        self._shown: Mapping[str, str] = {}
        made = self._make(worker)
        self.requirements = Requirements(*made["requirements"])
        self.live_parameters = tuple(map(self._live, made["live"]))
        self.lanes = Lanes(replace(plan_device(torch.device("cpu")), lanes="triple"))

    def encode(self, chunk: Chunk) -> int:
        """Send a chunk; gives its number, under which the worker keeps what becomes of it."""
        sent = _Sent(replace(chunk, live=dict(chunk.live)))
        with self._lock:
            self._sent[chunk.index] = sent
        self._ask("encode", *_plain(sent.chunk))
        sent.encoded = True
        return chunk.index

    def denoise(self, encoded: int, late: Mapping[str, Any]) -> int:
        late = dict(late)
        self._ask("denoise", encoded, late)
        self._sent[encoded].late = late
        return encoded

    def decode(self, denoised: int) -> np.ndarray:
        pixels, switches, self._shown = self._ask("decode", denoised)
        with self._lock:
            self._switches[denoised] = tuple(Switch(*each) for each in switches)
            self._sent[denoised].decoded = True
            if len(pixels):
                self._newest = self._sent.pop(min(self._sent)).chunk
        return pixels

    def switches(self, chunk: int) -> tuple[Switch, ...]:
        return self._switches.pop(chunk, ())

    def readout(self) -> Mapping[str, str]:
        """The worker's own, and where it is."""
        where = self._worker.facts
        card = f", GPU {where['cards']}" if where["cards"] else ""
        lost = f", {self._restarts} lost" if self._restarts else ""
        return {**self._shown, "worker": f"{where['machine']} {where['pid']}{card}{lost}"}

    def release_caches(self) -> None:
        """The session is over: let go of the worker."""
        with self._lock:
            self._released = True
            self._worker.close()
        self.lanes.close()

    def _make(self, worker: Worker) -> dict[str, Any]:
        return worker.ask("make", packed(self._request))

    def _live(self, described: tuple[Any, ...]) -> LiveParameter:
        *fields, checked = described
        check = partial(self._ask, "check", fields[0]) if checked else None
        return LiveParameter(*fields, check=check)

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Ask the worker, or the one that takes its place."""
        while True:
            worker = self._worker
            try:
                return worker.ask(method, *arguments)
            except WorkerLost as error:
                self._recover(worker, error)

    def _recover(self, lost: Worker, error: WorkerLost) -> None:
        """Have another worker where ``lost`` was; their threads ask again for stages that were under way.

        Raises:
            WorkerLost: ``on_loss`` is ``"stop"``, or too many were lost.
        """
        with self._lock:
            if self._worker is not lost:
                return  # another stage's thread was faster
            if self._released:
                raise error
            if self._handle.on_loss != "restart" or self._restarts >= RESTARTS:
                raise WorkerLost(
                    f"{error} The file ends here; on_loss restart goes on with another."
                ) from error
            self._restarts += 1
            log.warning("%s Another one takes its place.", error)
            lost.close()
            self._worker = self._replacement(lost)

    def _replacement(self, lost: Worker) -> Worker:
        """Another worker that is as far as ``lost`` was; tried again where it is lost, too."""
        while True:
            worker = None
            try:
                worker = Worker(self._handle, self._waiting)
                self._make(worker)
                self._replay(worker)
                return worker
            except WorkerLost:
                if worker is not None:
                    worker.close()
                if self._restarts >= RESTARTS:
                    raise
                self._restarts += 1

    def _replay(self, worker: Worker) -> None:
        sent = [self._sent[index] for index in sorted(self._sent)]
        if self._newest is not None:
            warm = _Sent(self._first_of(self._newest), True, {}, True)
            late = next((each.late for each in sent if each.late is not None), None)
            warm.late = dict(self._newest.live) if late is None else late
            sent.insert(0, warm)
        for each in sent:
            if each.encoded:
                worker.ask("encode", *_plain(each.chunk))
            if each.late is not None:
                worker.ask("denoise", each.chunk.index, each.late)
            if each.decoded:
                worker.ask("decode", each.chunk.index)

    def _first_of(self, chunk: Chunk) -> Chunk:
        """A chunk as long as the first of a stream has to be: the last frames of this one."""
        first, frames = self.requirements.first, chunk.frames
        if frames is None or len(frames) <= first:
            return chunk if frames is None else replace(chunk, frames=frames.padded(first))
        ahead = len(frames) - first
        return replace(chunk, frames=frames[ahead:], valid=first, first_frame=chunk.first_frame + ahead)


def _plain(chunk: Chunk) -> tuple[Any, ...]:
    """The arguments of the worker's ``encode``."""
    frames = chunk.frames
    bound = (None, (), ()) if frames is None else (frames.pixels, frames.pts, frames.captured_at)
    return (chunk.index, *bound, chunk.valid, chunk.first_frame, chunk.live)
