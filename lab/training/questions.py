"""Multiple-choice questions about a sentence, which a text encoder in training must answer.

A question is (name, options). Answer 0 of each is "not said", the options follow. Each question has a
linear head on the mean of the sentence's states; the heads exist for training only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

Question = tuple[str, Sequence[str]]


def answer(value: str | None, options: Sequence[str]) -> int:
    """The number of an answer: 0 where nothing is said."""
    return 0 if value is None else 1 + list(options).index(value)


class QuestionHeads(nn.ModuleList):
    """One head for each question on states of this width."""

    def __init__(self, questions: Sequence[Question], width: int) -> None:
        super().__init__(nn.Linear(width, 1 + len(options)) for _, options in questions)

    def forward(self, mean: torch.Tensor) -> list[torch.Tensor]:
        """Mean states (B, width) to the logits (B, answers) of each question."""
        return [head(mean) for head in self]


def score(logits: Sequence[torch.Tensor], wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross-entropy, and the share of right answers: scalars.

    Args:
        logits: of each question, (B, answers).
        wanted: numbers of the right answers, int64 (B, questions).
    """
    loss = sum(F.cross_entropy(row, wanted[:, index]) for index, row in enumerate(logits)) / len(logits)
    right = torch.stack([row.argmax(1) == wanted[:, index] for index, row in enumerate(logits)])
    return torch.as_tensor(loss), right.float().mean()


def mean_state(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of a sentence's states (B, L, width) where its mask (B, L) is True: (B, width)."""
    said = mask[..., None]
    return (states * said).sum(1) / said.sum(1)
