"""The part of a graph where frames leave it: compared, shown and handed to a writer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..errors import MediaError
from ..media.types import Frames
from .edge import Edge
from .preview import PreviewHub
from .sound_volume import SoundVolume
from .writer import SinkWriter


class OutputPart:
    """Binds what the result is compared with to it, shows it, and hands it to a writer.

    Args:
        writer: of one target.
        result: the frames to write.
        compared: another stream to show beside them; without one, their source is.
        preview: where they are shown, or None.
        on_chunk: called with every chunk that went to the writer.

    Attributes:
        sound: how loud the target is.
        ended: whether all frames are with the writer.
    """

    def __init__(
        self,
        writer: SinkWriter,
        result: Edge,
        compared: Edge | None,
        preview: PreviewHub | None,
        sound: SoundVolume,
        on_chunk: Callable[[], None],
    ) -> None:
        self.writer = writer
        self._result = result
        self._compared = compared
        self._preview = preview
        self.sound = sound
        self._on_chunk = on_chunk
        self._last_compared: np.ndarray | None = None
        self.ended = False

    def advance(self) -> bool:
        if self.ended or not self.writer.room:
            return False
        if self._result.exhausted:
            self.ended = True
            self.writer.end()
            return True
        count = self._result.head
        if self._compared is not None and not self._compared.ended:
            count = min(count, len(self._compared))
        if not count:
            return False
        self._deliver(self._result.take(count))
        return True

    def _deliver(self, frames: Frames) -> None:
        if self._compared is not None:
            frames = replace(frames, source=self._take_compared(self._compared, len(frames)))
        self.sound.follow(frames)
        self.writer.put(frames)
        self._on_chunk()
        if self._preview is not None:
            self._preview.publish(frames)

    def _take_compared(self, edge: Edge, count: int) -> np.ndarray:
        """``count`` pictures; a stream that is shorter than the result stands still at its end."""
        present = min(count, len(edge))
        pictures = [] if self._last_compared is None else [self._last_compared] * (count - present)
        if present:
            pixels = edge.take(present).pixels
            self._last_compared = pixels[-1]
            pictures = [*pixels, *[pixels[-1]] * (count - present)]
        if not pictures:
            raise MediaError("the stream to compare with has no frames: connect another to compare")
        return np.stack(pictures)
