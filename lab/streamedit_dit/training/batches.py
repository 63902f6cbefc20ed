"""What a training step sees: clips, what is asked of them, and what was asked before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ....engine.autoencoders.latents import LatentFormat
from ...training.captions import caption
from ...world.edits import instruct
from .pool import VARIANTS, Edit, EditPool

SOURCE = -1  # in place of a variant: the source itself, asked for by the empty prompt


@dataclass(frozen=True)
class Batch:
    """Clips of one length, normalised latents.

    Attributes:
        source, target: (B, F, C, h, w).
        before: (B, F, C, h, w), the right result of another prompt for the same clips.
        motion: (B, F - 1, h, w, 3), see ``EditPool.motions``.
        prompts: what is asked for; ``""`` asks for the source.
    """

    source: torch.Tensor
    target: torch.Tensor
    before: torch.Tensor
    motion: torch.Tensor
    prompts: list[str]


@dataclass(frozen=True)
class Share:
    """A pool and how often clips come from it, against the other pools' shares."""

    pool: EditPool
    weight: float = 1.0


@dataclass(frozen=True)
class EditBatches:
    """Draws windows of the pools with sentences.

    Attributes:
        shares: pools to draw from; a batch comes from one of them, because sizes differ.
        latent_format: brings latents to mean 0 and deviation 1.
        related: further words for each style (``training.text.related_words``).
        side: latents a side that are cut out of a clip, at most.
        unedited: share of the clips whose prompt is empty.
    """

    shares: tuple[Share, ...]
    latent_format: LatentFormat
    related: dict[str, tuple[str, ...]]
    side: int = 16
    unedited: float = 0.08

    def draw(self, frames: int, cells: int, rng: np.random.Generator) -> Batch:
        """As many clips of ``frames`` latent frames as have about ``cells`` latent positions, at least 2.

        A pool whose clips are shorter is drawn in its full length.
        """
        weights = np.array([share.weight for share in self.shares])
        pool = self.shares[rng.choice(len(weights), p=weights / weights.sum())].pool
        frames, side = min(frames, pool.sources.shape[1]), min(self.side, pool.sources.shape[-1])
        rows = [self._clip(pool, frames, side, rng) for _ in range(max(2, cells // (frames * side**2)))]
        source, target, before, motion, prompts = zip(*rows, strict=True)
        latents = (self.latent_format.normalise(_tensor(part)) for part in (source, target, before))
        return Batch(*latents, _tensor(motion), list(prompts))

    def _clip(self, pool: EditPool, frames: int, side: int, rng: np.random.Generator) -> tuple:
        index, first = int(rng.integers(len(pool))), self._first(pool, frames, rng)
        top, left = (int(place) for place in rng.integers(pool.sources.shape[-1] - side + 1, size=2))
        time, rows, columns = slice(first, first + frames), slice(top, top + side), slice(left, left + side)
        asked = SOURCE if rng.random() < self.unedited else int(rng.integers(VARIANTS))
        before = int(rng.choice([variant for variant in (SOURCE, *range(VARIANTS)) if variant != asked]))
        pictures = [
            (pool.sources[index] if variant == SOURCE else pool.targets[index, variant])[
                time, :, rows, columns
            ]
            for variant in (SOURCE, asked, before)
        ]
        motion = pool.motions[index][first : first + frames - 1, rows, columns]
        prompt = "" if asked == SOURCE else self.sentence(pool.edits[index][asked], rng)
        return (*pictures, motion, prompt)

    @staticmethod
    def _first(pool: EditPool, frames: int, rng: np.random.Generator) -> int:
        """Where a window begins; often at the beginning of the stream, whose first latent is another kind."""
        return int(rng.integers(pool.sources.shape[1] - frames + 1)) * int(rng.random() < 0.8)

    def sentence(self, edit: Edit, rng: np.random.Generator) -> str:
        """One of many ways to ask for an edit."""
        if isinstance(edit, str):
            return caption(edit, rng, self.related)
        scene, change = edit
        return instruct(change, scene, rng)


def _tensor(arrays: tuple[np.ndarray, ...]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays)).float()
