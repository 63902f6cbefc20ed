"""When an adapter is shown new pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RefreshPolicy:
    """Reasons to renew the condition pictures of a chunk.

    Attributes:
        every: chunks from one renewal to the next, the paper's N; 0 does not count them.
        motion: pixels that the source moves on average until they are renewed; 0 does not look.
        cuts: at a hard cut the old scene is dropped at once.
        prompt: so it is when the prompt changes.
    """

    every: int = 1
    motion: float = 0.0
    cuts: bool = True
    prompt: bool = True


class RefreshClock:
    """Decides chunk by chunk, from what the chunk itself shows.

    A stream that has no picture of its scene yet (at its start, after a cut or a new prompt) is
    due at its next chunk, whatever the policy says.
    """

    def __init__(self, policy: RefreshPolicy) -> None:
        self.policy = policy
        self._blank = True
        self._chunks = 0
        self._moved = 0.0

    def decide(self, count: int, *, restart: bool, cut: int | None, moved: float) -> int | None:
        """What to show to a chunk of ``count`` frames.

        Args:
            count: frames in the chunk.
            restart: the previous output is of no use: there is none, or it has another style.
            cut: the first frame that begins another scene, if there is one.
            moved: mean source motion in pixels since the last chunk.

        Returns:
            How many leading frames are shown the previous output; the ones after them are shown
            nothing. None leaves everything as it is.
        """
        self._chunks += 1
        self._moved += moved
        if restart or cut is not None:
            carried, self._blank = 0 if restart else cut, True
        elif self._due():
            carried, self._blank = count, False
        else:
            return None
        self._chunks, self._moved = 0, 0.0
        return carried

    def _due(self) -> bool:
        policy = self.policy
        counted = policy.every > 0 and self._chunks >= policy.every
        return self._blank or counted or (policy.motion > 0 and self._moved >= policy.motion)
