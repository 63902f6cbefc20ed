"""What a training step sees: clips in latents, text, references, with either condition left out at times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from ...styles import STYLES
from ...training.captions import caption
from .paintings import UNNAMED
from .recipe import Recipe
from .sentences import SentenceEncoder
from .triples import Triples

BY_PICTURE = ("", "", "", "in the style of the picture", "like the reference", "match this style")
"""What is said when only a picture tells the style: mostly nothing."""


@dataclass(frozen=True)
class Batch:
    """Clips with their conditions.

    Attributes:
        source, target: (B, F, C, h, w).
        text: states (B, L, D).
        references: (B, R, C, h, w) with R at least 1, or None.
    """

    source: torch.Tensor
    target: torch.Tensor
    text: torch.Tensor
    references: torch.Tensor | None

    def to(self, device: torch.device | str) -> Batch:
        """The same on another device."""
        parts = (self.source, self.target, self.text, self.references)
        return Batch(*(None if part is None else part.to(device) for part in parts))

    def without_conditions(self) -> Batch:
        """The same clips with null text and no reference."""
        return Batch(self.source, self.target, torch.zeros_like(self.text), None)


@dataclass(frozen=True)
class Sentences:
    """Encoded requests to draw from: (1 + styles, N, L, D); row 0 goes with style pictures."""

    states: torch.Tensor

    @classmethod
    @torch.no_grad()
    def encode(
        cls, encoder: SentenceEncoder, related: dict[str, tuple[str, ...]], per_style: int, seed: int
    ) -> Sentences:
        """Encode ``per_style`` requests for each style."""
        rng = np.random.default_rng((seed, 98))
        rows = [encoder([str(rng.choice(BY_PICTURE)) for _ in range(per_style)])]
        for style in tqdm(STYLES, desc="requests"):
            rows.append(encoder([caption(style, rng, related) for _ in range(per_style)]))
        return cls(torch.stack(rows))

    def draw(self, styles: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        """One request for each style number."""
        return self.states[styles - UNNAMED, rng.integers(self.states.shape[1], size=len(styles))]


@dataclass(frozen=True)
class Pool:
    """Triples of one size, and how they are drawn.

    Attributes:
        triples: the latents.
        clips: of a batch.
        side: latents a side that are cut out of a clip.
        share: how often a batch comes from this pool, against the other pools' shares.
    """

    triples: Triples
    clips: int
    side: int
    share: float = 1.0


@dataclass(frozen=True)
class Batches:
    """Draws batches of triples.

    A transformer that has only seen small pictures is worse at large ones; a pool of fewer, larger,
    shorter clips beside the main one costs no more a step and cures that. The text is left out clip by
    clip. References are left out for a whole batch, because there they change the length of the
    sequence; a clip that then has neither name nor picture is drawn again.

    Attributes:
        pools: to draw from.
        sentences: requests to draw from.
        recipe: drop rates and the most frames of a clip.
        device: where batches go.
    """

    pools: tuple[Pool, ...]
    sentences: Sentences
    recipe: Recipe
    device: str = "cpu"

    def draw(self, rng: np.random.Generator) -> Batch:
        """A batch that depends on ``rng`` only."""
        shares = np.array([pool.share for pool in self.pools])
        pool = self.pools[rng.choice(len(shares), p=shares / shares.sum())]
        referenced = rng.random() >= self.recipe.drop_reference
        triples, styles = pool.triples, pool.triples.styles
        pairs = np.argwhere(np.full_like(styles, referenced) | (styles != UNNAMED))
        picks = pairs[rng.integers(len(pairs), size=pool.clips)]
        sources, targets, references = [], [], []
        for window, variant in picks:
            there, elsewhere = self._cut(pool, rng), self._cut(pool, rng)
            sources.append(triples.sources[window][there])
            targets.append(triples.targets[window, variant][there])
            references.append(triples.references[window, variant][None][elsewhere])
        text = self.sentences.draw(styles[tuple(picks.T)], rng)
        kept = torch.from_numpy(rng.random(pool.clips) >= self.recipe.drop_text).view(-1, 1, 1)
        drawn = Batch(
            _tensor(sources), _tensor(targets), text * kept, _tensor(references) if referenced else None
        )
        return drawn.to(self.device)

    def _cut(self, pool: Pool, rng: np.random.Generator) -> tuple[slice, ...]:
        room = pool.triples.sources.shape[-1] - pool.side + 1
        top, left = rng.integers(room, size=2)
        return (
            slice(self.recipe.frames),
            slice(None),
            slice(top, top + pool.side),
            slice(left, left + pool.side),
        )


def _tensor(arrays: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays)).float()
