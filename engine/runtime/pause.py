"""Pause: no chunk begins, but one at a time where somebody steps."""

from __future__ import annotations

from .control import Control


class Pause:
    """Any thread may call anything.

    Args:
        control: woken by each change.

    Attributes:
        on: whether the stream stands still.
        steps: chunks that were asked for in all.
        hungry: whether a chunk that is tried out lacks frames.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self.on = False
        self.steps = 0
        self.hungry = False

    def set(self, on: bool) -> None:
        """Stand still from the next chunk on, or go on."""
        self.on = on
        self._control.wake()

    def changed(self) -> None:
        """A live value did: what is seen is made again."""
        if self.on:
            self._control.wake()

    def step(self) -> None:
        """Go on by one chunk; while it plays, stand still."""
        self.steps += self.on
        self.set(True)


class Gate:
    """Lets a feed's chunks pass: all of them, while the stream stands still one for each step.

    Args:
        tried_out: whether the plan tries chunks out, and so says itself when it needs frames.
    """

    def __init__(self, pause: Pause, tried_out: bool) -> None:
        self._pause = pause
        self.tried_out = tried_out
        self._served = 0

    @property
    def open(self) -> bool:
        """Whether a chunk may pass."""
        pause = self._pause
        if not pause.on:
            self._served = pause.steps
            return True
        return pause.hungry if self.tried_out else pause.steps > self._served

    def passed(self) -> None:
        """A chunk did."""
        self._served += 1
