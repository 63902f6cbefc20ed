"""A gradual change of style: text and references of both styles, weighed frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..cache.switch import SwitchPolicy
from ..conditioning.blend import blend_weight, interpolate
from ..transfers import upload
from .style_states import StyleKV, StyleStates


@dataclass
class Blend:
    """A change of style under way.

    Attributes:
        old: style that it goes away from.
        new: style that it goes to.
        before: reference frames of the old style that are still in the cache, the first ones.
        policy: its length in latent frames, and the path of the text.
        done: latent frames of it that are past.
    """

    old: StyleStates
    new: StyleKV
    before: int
    policy: SwitchPolicy
    done: int = 0

    @property
    def over(self) -> bool:
        """Whether the next frame shows the new style only."""
        return self.done >= self.policy.frames

    def next(self, frames: int, references: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The next latent frames.

        Args:
            references: reference frames in the cache, of both styles.

        Returns:
            text states (B, frames, length, text_dim) and weights (frames, references).
        """
        weights = torch.tensor(
            [blend_weight(self.done + frame, self.policy.frames) for frame in range(frames)]
        )
        old, new = self.old, self.new.states
        along = upload(weights.view(1, -1, 1, 1), old.text.device)
        text = interpolate(old.text[:, None], new.text[:, None], along, self.policy.interpolation)
        parts = (
            ((1 - weights) * old.strength)[:, None].expand(-1, self.before),
            (weights * new.strength)[:, None].expand(-1, references - self.before),
        )
        self.done += frames
        return text, torch.cat(parts, dim=1)

    def standing(self) -> StyleStates:
        """Where it has got to, as a style that another blend can start from."""
        weight = blend_weight(self.done, self.policy.frames)
        new = self.new.states
        text = interpolate(self.old.text, new.text, weight, self.policy.interpolation)
        return StyleStates(text, new.references, new.strength * weight)
