"""Things that an artist may ask for, and what MiniLM says that they mean: what small encoders learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from ..mllm_edit.training.text import Teacher, build_tokenizer, related_words
from .captions import WORDS, ask

NEAREST = 4000
"""General words that are learned beside the styles' own phrases: the ones nearest to any style."""


@dataclass(frozen=True)
class Meanings:
    """MiniLM's vocabulary around the styles.

    Attributes:
        teacher: MiniLM.
        words: its whole words, most frequent first.
        closeness: of each word to its nearest style, (words,).
        related: words that clearly belong to one style, by its name.
        cores: what may be asked for: the styles' phrases, then the nearest words.
        targets: MiniLM's embeddings of them, float32 (cores, 384).
        odds: of each to be drawn; phrases and words have half each.
    """

    teacher: Teacher
    words: list[str]
    closeness: torch.Tensor
    related: dict[str, tuple[str, ...]]
    cores: list[str]
    targets: torch.Tensor
    odds: np.ndarray

    @classmethod
    def of(cls, teacher: Teacher) -> Self:
        """Ask the teacher."""
        words = teacher.words()
        related, closeness = related_words(teacher, words)
        near = closeness.argsort(descending=True)[:NEAREST].tolist()
        phrases = [phrase for group in WORDS.values() for phrase in group if phrase]
        cores = [*phrases, *(words[index] for index in near)]
        odds = np.r_[np.full(len(phrases), 0.5 / len(phrases)), np.full(len(near), 0.5 / len(near))]
        return cls(teacher, words, closeness, related, cores, teacher(cores), odds)

    def tokenizer(self, size: int) -> PreTrainedTokenizerFast:
        """A tokenizer of ``size`` tokens that spends them on words near to a style first."""
        return build_tokenizer(self.words, self.closeness, size)

    def draw(self, rng: np.random.Generator, count: int) -> tuple[list[str], torch.Tensor]:
        """``count`` requests in varied words, and the embeddings (count, 384) of what they ask for."""
        picks = rng.choice(len(self.cores), count, p=self.odds)
        return [ask(self.cores[pick], rng) for pick in picks], self.targets[picks]
