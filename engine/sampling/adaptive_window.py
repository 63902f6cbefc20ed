"""ASW, the Adaptive Sliding Window of StreamEdit-DiT (preprint 202602.0223): how long it is.

The paper says what it follows (scene complexity, new prompts, the speed that interaction needs) and
gives sizes (Table 6: 4, 8, 16), no formula. Ours: complexity decides the length between the smallest and the
largest bucket; a new prompt starts short and lets the window regrow; too slow a chunk costs a bucket; a cut
starts over. Growth is slow, shrinking immediate.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from ..errors import SettingError


@dataclass(frozen=True)
class WindowSettings:
    """How the window reacts.

    Attributes:
        buckets: window lengths in latent frames, rising; few, so that few shapes are compiled.
        motion, detail: weights of the two parts of complexity, which ends at 1.
        calm: complexity that a still, plain scene counts as.
        ramp: chunks after a new prompt until its window may have full length.
        patience: chunks from one growth of the window, or a cut, to the next growth, at least.
        margin: latent frames by which the wanted length must pass the middle between two buckets.
    """

    buckets: tuple[int, ...] = (4, 8, 16)
    motion: float = 0.8
    detail: float = 0.6
    calm: float = 0.0
    ramp: int = 6
    patience: int = 2
    margin: float = 0.5

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in pairwise(self.buckets))
        if not self.buckets or self.buckets[0] < 1 or not rising:
            raise SettingError(f"window buckets {self.buckets}: write rising lengths such as 4, 8, 16.")


@dataclass(frozen=True)
class Scene:
    """What the controller knows of a chunk.

    Attributes:
        motion, detail: of the source, 0 (none) to 1.
        cut: whether the chunk begins a scene.
        prompt_age: chunks since the prompt last changed; 0 for its first chunk.
        slack: share of the time budget that the slowest recent chunk at this length left, negative where it
            was exceeded, 0 where none was timed; None without a budget.
    """

    motion: float = 0.0
    detail: float = 0.0
    cut: bool = False
    prompt_age: int = 1 << 30
    slack: float | None = None


class AdaptiveWindow:
    """Chooses the window's length, chunk by chunk."""

    def __init__(self, settings: WindowSettings | None = None) -> None:
        self.settings = settings or WindowSettings()
        self._bucket = 0
        self._since = 0  # chunks since the window last grew or started over

    @property
    def length(self) -> int:
        """Latent frames that the network sees."""
        return self.settings.buckets[self._bucket]

    def update(self, scene: Scene) -> int:
        """The window's length for a chunk.

        All else equal, more motion, detail, age or slack never makes it shorter.
        """
        self._since += 1
        before = self._bucket
        self._bucket = 0 if scene.cut else min(self._followed(self.wanted(scene)), self._affordable(scene))
        if scene.cut or self._bucket > before:  # a fall doesn't count: a calmer past would win otherwise
            self._since = 0
        return self.length

    def wanted(self, scene: Scene) -> float:
        """The length that complexity and the prompt's age ask for, before buckets and budget."""
        settings = self.settings
        shortest, longest = settings.buckets[0], settings.buckets[-1]
        complexity = settings.motion * scene.motion + settings.detail * scene.detail + settings.calm
        age = min(1.0, scene.prompt_age / settings.ramp) if settings.ramp else 1.0
        return shortest + (longest - shortest) * min(1.0, max(0.0, complexity)) * age

    def _followed(self, wanted: float) -> int:
        """The bucket after hysteresis: one up at a time and with patience, down at once."""
        middles = [(low + high) / 2 for low, high in pairwise(self.settings.buckets)]
        margin = self.settings.margin
        growing = sum(wanted > middle + margin for middle in middles)
        falling = sum(wanted >= middle - margin for middle in middles)
        if growing > self._bucket:
            return self._bucket + (self._since >= self.settings.patience)
        return min(self._bucket, falling)

    def _affordable(self, scene: Scene) -> int:
        """The highest bucket that the budget allows: one down when it was exceeded, up if there is room."""
        buckets, now = self.settings.buckets, self._bucket
        if scene.slack is None:
            return len(buckets) - 1
        if scene.slack < 0.0:
            return max(0, now - 1)
        if now + 1 < len(buckets) and scene.slack >= 1.0 - buckets[now] / buckets[now + 1]:
            return now + 1
        return now


class TimeBudget:
    """How much of the time that a chunk may take the recent ones left.

    Args:
        samples: chunks that are remembered.
    """

    def __init__(self, samples: int = 8) -> None:
        self._taken: deque[tuple[int, float]] = deque(maxlen=samples)

    def add(self, window: int, seconds: float) -> None:
        """A chunk at this window length took so long; times of other lengths are forgotten."""
        if self._taken and self._taken[-1][0] != window:
            self._taken.clear()
        self._taken.append((window, seconds))

    def slack(self, window: int, seconds: float) -> float | None:
        """For ``Scene.slack``: 0, hold, until a chunk at this length was timed; None without a budget.

        Args:
            window: the length now. Times arrive late where a device works on its own, and one chunk that was
                too slow must not be held against the shorter window that answered it.
            seconds: the budget.
        """
        if seconds <= 0.0:
            return None
        taken = [spent for length, spent in self._taken if length == window]
        return 1.0 - max(taken, default=seconds) / seconds
