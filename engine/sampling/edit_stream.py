"""Streaming editing on latents: a moving buffer whose frames each carry their source, and a history.

StreamEdit-DiT's buffer (preprint 202602.0223): frames at different noise levels under way,
edited frames before them. Six evaluations take a frame from noise to picture, without guidance; a
partition says how they are spread: pipelined over several frames, or sequentially over one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch

from ..transfers import upload
from .moving_buffer import MovingBuffer, Noise
from .noise import keyed_noise
from .partition import Partition

LEVELS = 6
"""Evaluations of a frame between noise and picture."""

PIPELINED = Partition(chunks=3, frames=1, micro_steps=2)
DIAGONAL = Partition(chunks=6, frames=1, micro_steps=1)
SEQUENTIAL = Partition(chunks=1, frames=1, micro_steps=6)

Evaluate = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, int], torch.Tensor]
"""(latents, sigma, source, references) of one buffer to its velocity.

Latents and source are (F, C, h, w), sigma (F,); the first ``references`` frames are history.
"""


class EditStream:
    """Source latents in, edited latents out, one frame a step, ``partition.chunks - 1`` steps late.

    A scene cut (``begin_scene``) empties the buffer: the frames under way are finished without those of the
    new scene, which starts without a past. What is finished early waits, so that the delay stays the same.

    Args:
        evaluate: the network.
        partition: how the evaluations are spread; its chunks are single frames.
        noise: where Gaussian noise comes from.
        window: frames that the network sees, history included; at least those under way.
        moved: called when frames have entered or moved on; what was kept for their places is then stale.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        partition: Partition,
        noise: Noise,
        window: int,
        moved: Callable[[], object] = lambda: None,
    ) -> None:
        if partition.frames != 1 or partition.references:
            raise ValueError(
                f"{partition}: an edit stream moves by single frames, its window sets the history"
            )
        self.partition = partition
        self.evaluate = evaluate
        self._buffer = MovingBuffer(partition, noise)
        self._sources: deque[torch.Tensor] = deque()
        self._done: deque[torch.Tensor] = deque()
        self._owed = 0  # frames that went in and have not come out
        self._moved = moved
        self._seen = 0
        self.window = window

    @property
    def window(self) -> int:
        """Frames that the network sees at most."""
        return self._buffer.partition.buffer

    @window.setter
    def window(self, frames: int) -> None:
        self._buffer.keep(max(0, frames - self.partition.length))
        self._trim()

    @property
    def history(self) -> int:
        """Edited frames in the buffer."""
        return self._buffer.references

    @property
    def seen(self) -> int:
        """Frames that the last evaluation saw, history and under way: the window's, once it has filled."""
        return self._seen

    def forget(self, keep: int = 0) -> None:
        """Drop the history but for its last ``keep`` frames; frames under way go on."""
        longest = self._buffer.partition.references
        self._buffer.keep(min(keep, longest))
        self._buffer.keep(longest)
        self._trim()

    def begin_scene(self) -> None:
        """The next frame begins a scene: finish those under way and forget them."""
        while len(self._buffer):
            self._cycle()
        self.forget()

    def step(self, source: torch.Tensor | None) -> torch.Tensor | None:
        """Take in a frame and give one back.

        Args:
            source: latents (1, C, h, w); None after the end of the stream.

        Returns:
            Edited latents (1, C, h, w), or None while the first ones are under way, or nothing is left.
        """
        if source is not None:
            self._buffer.push()
            self._sources.append(source)
            self._owed += 1
            self._moved()
        if len(self._buffer):
            self._cycle()
        if not self._done or (source is not None and self._owed < self.partition.chunks):
            return None
        self._owed -= 1
        return self._done.popleft()

    def _cycle(self) -> None:
        emitted = self._buffer.cycle(self._velocity)
        if emitted is not None:
            self._done.append(emitted)
            self._trim()
            self._moved()

    def _velocity(self, latents: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        source = torch.cat([*self._sources]).to(latents)
        self._seen = len(latents)
        return self.evaluate(latents, sigma, source, self._buffer.references)

    def _trim(self) -> None:
        """Forget the sources of frames that the buffer has forgotten."""
        while len(self._sources) > self._buffer.references + len(self._buffer):
            self._sources.popleft()


def edit_clip(
    evaluate: Evaluate, source: torch.Tensor, partition: Partition, *, window: int, seed: int = 0
) -> torch.Tensor:
    """A whole clip, latents (F, C, h, w) in and out."""
    shape = tuple(source.shape[1:])

    def noise(first: int, count: int, again: int) -> torch.Tensor:
        return upload(keyed_noise(shape, seed, first, count, again), source.device)

    stream = EditStream(evaluate, partition, noise, window)
    ended = [None] * (partition.chunks - 1)
    out = [stream.step(frame) for frame in (*source.split(1), *ended)]
    return torch.cat([frame for frame in out if frame is not None])
