"""Classifier-free guidance, for checkpoints that were not distilled out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ...conditioning.states import TextStates

Evaluate = Callable[[torch.Tensor, TextStates], torch.Tensor]


@dataclass(frozen=True)
class Guidance:
    """How far to go from what the model does unasked, as diffusers' ``DreamLitePipeline`` does.

    Attributes:
        empty: states of no instruction, for the same frames.
        text: weight of the instruction.
        image: weight of the source picture.
    """

    empty: TextStates
    text: float
    image: float

    def guided(self, evaluate: Evaluate, source: torch.Tensor, asked: TextStates) -> torch.Tensor:
        """Three evaluations, one after the other, so that adapters see the batch they have pictures for.

        x0 and velocity are guided alike: one is an affine function of the other.

        Args:
            evaluate: a source latent (B, C, h, w) and its text to a prediction of that shape.
        """
        neither = evaluate(torch.zeros_like(source), self.empty)
        shown = evaluate(source, self.empty)
        told = evaluate(source, asked)
        return neither + self.text * (told - shown) + self.image * (shown - neither)
