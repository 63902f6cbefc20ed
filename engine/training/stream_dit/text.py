"""The demo's text encoder: a ByT5 of a quarter of a million parameters, taught to read the world's sentences.

It is trained before the transformer and frozen then, as the paper's encoders are. Learned
queries must find in its states what a sentence says of each object, of the place and of the camera.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

from ...conditioning.ensemble import TextEncoder
from ..loop import LoopConfig, train
from ..world.attributes import BACKGROUNDS, CAMERAS, COLOURS, DIRECTIONS, SHAPES, SPEEDS
from ..world.scene import draw_scene
from ..world.sentences import Sentence, describe

LIMIT = 240  # bytes of a prompt, end token included
OF_ACTOR = {
    "colour": tuple(COLOURS),
    "shape": SHAPES,
    "direction": tuple(DIRECTIONS),
    "speed": tuple(SPEEDS),
}
OF_SCENE = {"background": tuple(BACKGROUNDS), "camera": tuple(CAMERAS)}
QUESTIONS = (
    *((f"{attribute} {place}", options) for place in (0, 1) for attribute, options in OF_ACTOR.items()),
    *OF_SCENE.items(),
)
"""(question, answers); answer 0 of each is "not said", the named ones follow."""


def build_encoder() -> TextEncoder:
    """Bytes in, 96 wide, two layers."""
    config = T5Config(
        vocab_size=259,  # three special tokens and the bytes
        d_model=96,
        d_kv=32,
        d_ff=192,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.0,
    )
    return TextEncoder(T5EncoderModel(config), ByT5Tokenizer(extra_ids=0), LIMIT)


def answers(sentence: Sentence) -> list[int]:
    """What a reader of the sentence would answer to ``QUESTIONS``."""
    said: list[int] = []
    for place in (0, 1):
        actor = sentence.actors[place] if place < len(sentence.actors) else None
        said += [_answer(getattr(actor, name, None), options) for name, options in OF_ACTOR.items()]
    return said + [_answer(getattr(sentence, name), options) for name, options in OF_SCENE.items()]


def _answer(value: str | None, options: tuple[str, ...]) -> int:
    return 0 if value is None else 1 + options.index(value)


class Reader(nn.Module):
    """The encoder with the queries that exist for training only."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.model = encoder.model
        width = encoder.width
        self.queries = nn.Parameter(torch.randn(len(QUESTIONS), width) * 0.1)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.heads = nn.ModuleList(nn.Linear(width, 1 + len(options)) for _, options in QUESTIONS)

    def forward(self, sentences: list[str]) -> list[torch.Tensor]:
        """Logits (B, answers) for each question."""
        text = self.encoder.encode(sentences)
        queries = self.queries.expand(len(sentences), -1, -1)
        found, _ = self.attention(queries, text.states, text.states, key_padding_mask=~text.mask)
        return [head(found[:, index]) for index, head in enumerate(self.heads)]


def train_text_encoder(folder: Path, config: LoopConfig, batch: int = 64) -> TextEncoder:
    """Train the encoder on sentences about training scenes; state and log go to ``folder``."""
    torch.manual_seed(config.seed)
    reader = Reader(build_encoder())

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        sentences = [describe(draw_scene(rng), rng) for _ in range(batch)]
        wanted = torch.tensor([answers(sentence) for sentence in sentences])
        logits = reader([sentence.text for sentence in sentences])
        total = sum(F.cross_entropy(row, wanted[:, index]) for index, row in enumerate(logits))
        right = torch.stack([row.argmax(1) == wanted[:, index] for index, row in enumerate(logits)])
        return {"loss": total / len(logits), "right": right.float().mean()}

    train(reader, loss, folder, config)
    reader.requires_grad_(False).eval()
    return reader.encoder
