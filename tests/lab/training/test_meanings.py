"""What small encoders learn from: things to ask for, and what they mean."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from livestyle.lab.training.captions import WORDS
from livestyle.lab.training.meanings import Meanings


class Teacher:
    """Any sentence's direction, drawn by its letters."""

    def words(self) -> list[str]:
        return ["paint", "stone", "glass", "water", "paper"]

    def __call__(self, sentences: list[str]) -> torch.Tensor:
        rows = [np.random.default_rng(list(sentence.encode())).normal(size=384) for sentence in sentences]
        return F.normalize(torch.tensor(np.stack(rows), dtype=torch.float32), dim=-1)


def test_what_is_drawn_asks_for_what_its_target_means() -> None:
    meanings = Meanings.of(Teacher())
    phrases = [phrase for group in WORDS.values() for phrase in group if phrase]
    assert sorted(meanings.cores) == sorted([*phrases, *Teacher().words()])
    requests, targets = meanings.draw(np.random.default_rng(3), 200)
    cores = [meanings.cores[int((meanings.targets @ target).argmax())] for target in targets]
    assert all(core.lower() in request.lower() for core, request in zip(cores, requests, strict=True))
    assert len(set(requests)) > len(set(cores))
    words = sum(core in Teacher().words() for core in cores)
    assert 70 < words < 130  # half of all, whatever their number
    assert meanings.draw(np.random.default_rng(3), 200)[0] == requests
