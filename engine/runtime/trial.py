"""The chunk that is seen while a session stands still: made again with every change, kept by a step."""

from __future__ import annotations

from collections.abc import Callable

from ..media.types import Frames
from .edge import Edge, Fanout
from .parameters import ParameterStore
from .pause import Pause
from .preview import PreviewHub
from .stage_pipeline import StagePipeline


class Trial:
    """For the one pipeline of a plan. ``advance`` belongs to the session's thread.

    What is on trial goes to no target, and what it read to no take, before it is kept; so a recording has
    what was seen last.

    Args:
        pipeline: makes the chunks.
        inlet, outlet: as of its part.
        pause: whether the stream stands still.
        store: says when a live value has changed.
        preview: where the chunk is shown.
        acquire: called before each chunk; puts the models on the device.
    """

    def __init__(
        self,
        pipeline: StagePipeline,
        inlet: Edge,
        outlet: Fanout,
        pause: Pause,
        store: ParameterStore,
        preview: PreviewHub,
        acquire: Callable[[], None],
    ) -> None:
        self._pipeline = pipeline
        self._inlet = inlet
        self._outlet = outlet
        self._pause = pause
        self._store = store
        self._preview = preview
        self._acquire = acquire
        self._steps = 0  # that were taken
        self._frames: Frames | None = None  # on trial
        self._result: Frames | None = None
        self._changes = 0  # of the store, when it was begun

    def advance(self) -> bool | None:
        """Whether anything moved; None where nothing is on trial, and the chunks go on by themselves."""
        if self._frames is None:
            return self._begin()
        if self._result is None:
            if not self._pipeline.ready:
                return False
            self._result = self._pipeline.take()
            self._preview.publish(self._result)
            return True
        changed = self._store.changes != self._changes  # asked first: a change after a step is not for it
        if not self._pause.on or self._pause.steps > self._steps:
            return self._keep(self._result)
        if not changed or not self._pipeline.repeatable:
            return False
        self._try(self._frames, again=True)
        return True

    def _begin(self) -> bool | None:
        pipeline, inlet, pause = self._pipeline, self._inlet, self._pause
        if not pause.on:
            self._steps = pause.steps
        if not pause.on or inlet.exhausted:
            return None
        if not pipeline.idle:  # what was in the lanes belongs to the stream
            if not pipeline.ready or not self._outlet.room:
                return False
            self._outlet.push(pipeline.take())
            return True
        wanted = pipeline.wanted
        pause.hungry = len(inlet) < wanted and not inlet.ended
        if pause.hungry:
            return False
        self._try(inlet.take(min(wanted, len(inlet))))
        return True

    def _try(self, frames: Frames, again: bool = False) -> None:
        self._acquire()
        self._frames, self._result, self._changes = frames, None, self._store.changes
        self._pipeline.try_out(frames, again)

    def _keep(self, result: Frames) -> bool:
        if not self._outlet.room:
            return False
        self._steps = min(self._steps + 1, self._pause.steps)
        self._pipeline.keep()
        self._frames = self._result = None
        self._outlet.push(result)
        return True
