"""What kinds of live sources differ in: how pictures are had from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av

from ..resize import Picture


@dataclass(frozen=True)
class CapturedFrame:
    """A picture that has come.

    Attributes:
        picture: decoded, at its own size.
        stamp: seconds on the source's clock, or None where it has none.
        captured_at: ``time.monotonic()`` at which it was captured.
    """

    picture: Picture
    stamp: Fraction | None
    captured_at: float


class Capture(ABC):
    """A place that live pictures come from, used by one thread; it may be opened again after a failure.

    Attributes:
        name: for errors and the node.
        rate: pictures a second as announced, or None; known after ``open``.
        damaged: pictures that could not be decoded so far.
        sounds: whether there is sound beside the pictures; known when the first of them comes.
        heard: called with sound, decoded, and the ``time.monotonic()`` at which it has come; from any thread,
            while ``pictures`` is read. Without it sound is left out.
        finite: whether the end of ``pictures`` is the end; else the source is opened again.
    """

    name: str
    rate: Fraction | None = None
    damaged: int = 0
    sounds: bool = False
    heard: Callable[[av.AudioFrame, float], None] | None = None
    finite: bool = False

    @abstractmethod
    def open(self) -> None:
        """Connect.

        Raises:
            MediaError: one line, when it can't be done.
        """

    @abstractmethod
    def pictures(self) -> Iterator[CapturedFrame | None]:
        """Pictures as they come; None now and then while there are none, so that the caller can stop.

        Ends where the source says that it is over. Raises MediaError when it is lost.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go; may be followed by ``open``. Harmless when repeated."""

    @property
    def silence(self) -> str:
        """Why nothing comes while the source is there, such as "the tab is hidden"; empty if unknown."""
        return ""

    def interrupt(self) -> None:
        """From another thread: nothing is wanted any more; give up waiting where that is possible."""
