"""A cue list as a value that travels with a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from ..takes.lane import Value

When = Literal["hand", "seconds", "frames", "bars", "cut"]
WHENS: tuple[str, ...] = get_args(When)


@dataclass(frozen=True)
class Cue:
    """Live values that the stream takes on.

    Attributes:
        name: for the artist.
        values: by key.
        fade: seconds of the stream in which numbers with a fraction glide there; the rest switches.
        when: what it waits for: a hand, or so many seconds, frames or bars of the stream behind the cue
            before it (the first: behind the stream's start), or the next scene cut.
        after: how many; whole for ``frames``, nothing for ``hand`` and ``cut``.
    """

    name: str
    values: Mapping[str, Value]
    fade: float = 0.0
    when: When = "hand"
    after: float = 0.0


@dataclass(frozen=True)
class CueList:
    """Cues in the order in which they are played.

    Attributes:
        tempo: beats a minute, of bars.
        beats: of a bar.
    """

    cues: tuple[Cue, ...] = ()
    tempo: float = 120.0
    beats: int = 4

    def seconds(self, cue: Cue) -> Fraction:
        """How long a cue waits that counts seconds or bars."""
        after = Fraction(cue.after)
        return after if cue.when == "seconds" else after * self.beats * 60 / Fraction(self.tempo)
