"""A model whose weights are on a worker of the cluster."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ..families import StreamRequest
from ..families.base import DenoiseSettings, ModelHandle, Requirements, StreamModel, TemporalAdapter
from .link import Waiting, Worker
from .parcel import packed
from .remote_runner import RemoteRunner


class RemoteModel(StreamModel):
    """Owns one worker for one session; it is let go of with the runner, or with this object.

    Args:
        handle: what the worker loads; its adapters and LoRA are put on there.
        waiting: called while there is no worker yet; what it raises ends the wait.
        check: the same while one that was lost is replaced.

    Raises:
        LiveStyleError: there is no worker to be had, or it can't load the model.
    """

    def __init__(self, handle: ModelHandle, waiting: Waiting, check: Callable[[], None]) -> None:
        self._handle = handle
        self._check = check
        self._worker = Worker(handle, waiting)
        weakref.finalize(self, self._worker.close)
        self.family = self._worker.model["family"]
        self.fps = self._worker.model["fps"]

    def modules(self) -> tuple[Any, ...]:
        """None: nothing is on this machine."""
        return ()

    def stream_bytes(self, settings: DenoiseSettings, width: int, height: int) -> int:
        return 0

    def requirements(self, settings: DenoiseSettings) -> Requirements:
        return Requirements(*self._worker.ask("requirements", packed(settings)))

    def patched(self, patches: tuple[TemporalAdapter, ...]) -> StreamModel:
        """Itself: the worker has put them on."""
        return self

    def own_runner(self, request: StreamRequest) -> RemoteRunner:
        """The stream, played by the worker; raises SettingError for a request that the model can't meet."""
        return RemoteRunner(self._handle, request, self._worker, lambda line: self._check())
