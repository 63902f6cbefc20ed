"""The demo's text encoder: a T5 of a third of a million parameters, taught to read the world's sentences.

It stands where the paper has UL2, reads words instead of sentence pieces, is trained before the
transformer and frozen then, as the paper's encoders are. The mean of its states must answer what a
sentence says of each object, of the place and of the camera. Cross-attention begins with that very
mean, so the transformer has the whole prompt from its first step on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

from ....engine.conditioning.ensemble import TextEncoder
from ...training.loop import LoopConfig, train
from ...training.questions import QuestionHeads, answer, mean_state, score
from ...world.attributes import BACKGROUNDS, CAMERAS, COLOURS, DIRECTIONS, SHAPES, SPEEDS
from ...world.scene import draw_scene
from ...world.sentences import VOCABULARY, Sentence, describe

NAME = "ul2"
WIDTH = 128
LIMIT = 64  # words and marks of a prompt, end token included
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
"""See ``training.questions``."""


def build_encoder() -> TextEncoder:
    """Words in, 128 wide, two layers."""
    tokenizer = build_tokenizer()
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=WIDTH,
        d_kv=32,
        d_ff=256,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.0,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return TextEncoder(T5EncoderModel(config), tokenizer, LIMIT)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """One token for each word of the world's sentences, and one for all words it never uses."""
    words = ["<pad>", "</s>", "<unk>", *VOCABULARY]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, "<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def answers(sentence: Sentence) -> list[int]:
    """What a reader of the sentence would answer to ``QUESTIONS``."""
    said: list[int] = []
    for place in (0, 1):
        actor = sentence.actors[place] if place < len(sentence.actors) else None
        said += [answer(getattr(actor, name, None), options) for name, options in OF_ACTOR.items()]
    return said + [answer(getattr(sentence, name), options) for name, options in OF_SCENE.items()]


class Reader(nn.Module):
    """The encoder with the heads that exist for training only."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.model = encoder.model
        self.heads = QuestionHeads(QUESTIONS, encoder.width)

    def forward(self, sentences: list[str]) -> list[torch.Tensor]:
        """Logits (B, answers) for each question."""
        text = self.encoder.encode(sentences)
        return self.heads(mean_state(text.states, text.said))


def train_text_encoder(folder: Path, config: LoopConfig, batch: int = 128) -> TextEncoder:
    """Train the encoder on sentences about training scenes; state and log go to ``folder``."""
    torch.manual_seed(config.seed)
    reader = Reader(build_encoder())

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        sentences = [describe(draw_scene(rng), rng) for _ in range(batch)]
        wanted = torch.tensor([answers(sentence) for sentence in sentences])
        loss, right = score(reader([sentence.text for sentence in sentences]), wanted)
        return {"loss": loss, "right": right}

    train(reader, loss, folder, config)
    reader.requires_grad_(False).eval()
    return reader.encoder
