"""The demo's text encoder: a small BERT that keeps a style's meaning and what is to become of which object.

It is trained before the transformer and frozen then, as the paper's encoders are. Half of its
sentences ask for styles: the mean state must tell MiniLM's embedding (as in ``rtr_dit.sentences``).
The others ask for edits of the world: the mean state must tell what, which object, and into what.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import BertModel, PreTrainedTokenizerFast

from ....engine.conditioning.ensemble import TextEncoder
from ...mllm_edit.training.text import Teacher, start_from_teacher
from ...rtr_dit.training.sentences import build_sentence_encoder
from ...training.loop import LoopConfig, train
from ...training.meanings import Meanings
from ...training.questions import QuestionHeads, answer, mean_state, score
from ...world.attributes import BACKGROUNDS, COLOURS, SHAPES
from ...world.edits import KINDS, WorldEdit, draw_edit, instruct
from ...world.scene import draw_scene

LIMIT = 60
"""Tokens of a prompt."""

NAME = "sentence"
"""What the network calls this encoder."""

QUESTIONS = (
    ("kind", KINDS),
    ("which colour", tuple(COLOURS)),
    ("which shape", SHAPES),
    ("into what", (*COLOURS, *BACKGROUNDS)),
)
"""See ``training.questions``."""


def answers(edit: WorldEdit, sentence: str) -> list[int]:
    """What a reader of the sentence would answer to ``QUESTIONS``."""
    words = sentence.split()
    colour = edit.colour if edit.colour in words else None
    shape = next((name for name in SHAPES if name in words), None)
    said = (edit.kind, colour, shape, edit.to)
    return [answer(value, options) for value, (_, options) in zip(said, QUESTIONS, strict=True)]


class _Student(nn.Module):
    """The encoder with the heads that exist for training only; all read the mean of a sentence's states."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder, self.model = encoder, encoder.model
        self.meaning = nn.Linear(encoder.width, 384)
        self.answers = QuestionHeads(QUESTIONS, encoder.width)

    def forward(self, sentences: list[str]) -> torch.Tensor:
        """Mean states (B, width)."""
        text = self.encoder.encode(sentences)
        return mean_state(text.states, text.said)


def train_text(
    folder: Path, config: LoopConfig, batch: int = 128, vocabulary: int = 2600
) -> tuple[TextEncoder, dict[str, tuple[str, ...]]]:
    """Train the encoder, or read the one that was trained in ``folder``.

    Returns:
        (encoder, {style: related words}).
    """
    if (folder / "words.json").exists():
        return load_text(folder)
    torch.manual_seed(config.seed)
    meanings = Meanings.of(Teacher())
    built = build_sentence_encoder(meanings.tokenizer(vocabulary))
    student = _Student(TextEncoder(built.model, built.tokenizer, LIMIT))
    start_from_teacher(student, meanings.teacher)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        requests, targets = meanings.draw(rng, batch // 2)
        cosine = F.cosine_similarity(student.meaning(student(requests)), targets, dim=-1).mean()
        asked, sentences = [], []
        for _ in range(batch // 2):
            scene = draw_scene(rng)
            asked.append(draw_edit(scene, rng))
            sentences.append(instruct(asked[-1], scene, rng))
        wanted = torch.tensor([answers(*pair) for pair in zip(asked, sentences, strict=True)])
        missed, right = score(student.answers(student(sentences)), wanted)
        return {"loss": 1.0 - cosine + missed, "cosine": cosine.detach(), "right": right}

    train(student, loss, folder, config)
    built.model.save_pretrained(folder / NAME)
    built.tokenizer.save_pretrained(folder / NAME)
    (folder / "words.json").write_text(json.dumps(meanings.related))
    return load_text(folder)


def load_text(folder: Path) -> tuple[TextEncoder, dict[str, tuple[str, ...]]]:
    """What ``train_text`` kept."""
    model = BertModel.from_pretrained(
        folder / NAME, local_files_only=True, use_safetensors=True, add_pooling_layer=False
    )
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / NAME, local_files_only=True)
    words = json.loads((folder / "words.json").read_text())
    encoder = TextEncoder(model.float().eval().requires_grad_(False), tokenizer, LIMIT)
    return encoder, {style: tuple(group) for style, group in words.items()}
