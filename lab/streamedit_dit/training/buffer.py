"""The adaptive window in training: history, frames under way at levels of their own, changed prompts.

At inference a window of 4, 8 or 16 latent frames holds finished frames (the history) and N frames on
their way from noise to picture. A step shows the network such a window, made from a right result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ....engine.sampling.flow_match import renoise
from ....engine.sampling.partition import Partition
from ...stream_dit.training.buffered_flow_matching import draw_sigmas
from .batches import Batch


@dataclass(frozen=True)
class Layout:
    """Which frames a window holds, and how noisy each is.

    Attributes:
        history: K, finished frames before those under way.
        sigmas: (N,) levels of the frames under way, oldest first.
    """

    history: int
    sigmas: np.ndarray

    @property
    def frames(self) -> int:
        return self.history + len(self.sigmas)


@dataclass(frozen=True)
class WindowMixture:
    """What layouts are mixed in training.

    Attributes:
        windows: sizes of the window in latent frames, and how often each is drawn, beside each other.
        shares: see ``windows``.
        under_way: N, frames on their way at once: 1 is the sequential sampler, 6 has no micro-steps.
        partial: share of the windows whose stream has just begun or ended.
        history_noise: deviation of the noise in the history, at most: its frames will be the network's own.
    """

    windows: tuple[int, ...] = (4, 8, 16)
    shares: tuple[float, ...] = (0.5, 0.35, 0.15)
    under_way: tuple[int, ...] = (3, 3, 1, 6)
    partial: float = 0.2
    history_noise: float = 0.15

    def draw(self, rng: np.random.Generator) -> Layout:
        """A random layout."""
        window = int(rng.choice(self.windows, p=np.array(self.shares) / sum(self.shares)))
        count = int(rng.choice(self.under_way))
        sigmas, history = draw_sigmas(Partition(count, 1), rng), max(0, window - count)
        length, part = int(rng.integers(1, count + 1)), rng.random() / self.partial
        if part < 1 / 3:  # the buffer fills
            return Layout(0, sigmas[count - length :])
        if part < 2 / 3:  # it is full, but the stream is young
            return Layout(int(rng.integers(history + 1)), sigmas)
        if part < 1:  # the stream has ended
            return Layout(history, sigmas[:length])
        return Layout(history, sigmas)


@dataclass(frozen=True)
class Window:
    """What the network sees.

    Attributes:
        latents: (B, F, C, h, w), history first.
        sigma: (B, F), 0 for the history.
        history: K.
    """

    latents: torch.Tensor
    sigma: torch.Tensor
    history: int


def fit(layout: Layout, frames: int) -> Layout:
    """The layout for clips of fewer frames: the oldest of the history is left out, then of the others."""
    return Layout(max(0, min(layout.history, frames - len(layout.sigmas))), layout.sigmas[-frames:])


def fill(
    batch: Batch,
    layout: Layout,
    generator: torch.Generator,
    history_noise: float = 0.0,
    changed: Sequence[int] | None = None,
) -> Window:
    """Lay clips of ``layout.frames`` frames out in a window.

    Args:
        changed: for each clip, how many of its first frames were begun under the prompt before.
    """
    shown = batch.target
    if changed is not None:
        old = torch.arange(layout.frames) < torch.tensor(changed)[:, None]
        shown = torch.where(old[:, :, None, None, None], batch.before, shown)
    past = [0.0] * layout.history
    sigma = torch.tensor([*past, *layout.sigmas], dtype=torch.float32).expand(len(shown), -1)
    noise = torch.randn(shown.shape, generator=generator)
    noisy = renoise(shown, noise, sigma[:, :, None, None, None])
    uneven = history_noise * torch.rand(len(shown), 1, 1, 1, 1, generator=generator)
    noisy[:, : layout.history] += uneven * noise[:, : layout.history]
    return Window(noisy, sigma, layout.history)
