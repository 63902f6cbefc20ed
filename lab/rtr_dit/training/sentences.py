"""The demo checkpoint's text encoder: a small BERT whose states carry MiniLM's meaning of a request.

Distilled as the MLLM-edit encoder is (``training.text``), without pictures: whatever the request
around it, the mean state must tell MiniLM's embedding of the thing that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoModel, BertConfig, BertModel, PreTrainedTokenizerFast

from ...mllm_edit.training.text import Teacher, start_from_teacher
from ...training.loop import LoopConfig, train
from ...training.meanings import Meanings

WIDTH, LENGTH = 96, 24


@dataclass(frozen=True)
class SentenceEncoder:
    """A transformers encoder on sentences; the empty one is the null text.

    Attributes:
        model: gives ``last_hidden_state``.
        tokenizer: its own.
        length: rows that states are padded to with zeros, or cut to.
    """

    model: nn.Module
    tokenizer: PreTrainedTokenizerFast
    length: int = LENGTH

    def __call__(self, sentences: list[str]) -> torch.Tensor:
        """States (N, length, width); zero after a sentence's end, and all of the empty one's."""
        tokens = self.tokenizer(
            [sentence or "." for sentence in sentences],  # attention to no token at all is undefined
            padding="max_length",
            truncation=True,
            max_length=self.length,
            return_tensors="pt",
        )
        mask = tokens["attention_mask"]
        states = self.model(input_ids=tokens["input_ids"], attention_mask=mask).last_hidden_state
        said = torch.tensor([[bool(sentence)] for sentence in sentences])
        return states * (mask * said).unsqueeze(-1)

    def save(self, folder: Path) -> None:
        """Write ``text_encoder`` and ``tokenizer`` into a checkpoint folder, in bfloat16."""
        self.model.to(torch.bfloat16).save_pretrained(folder / "text_encoder")
        self.tokenizer.save_pretrained(folder / "tokenizer")

    @classmethod
    def load(cls, folder: Path) -> SentenceEncoder:
        """What ``save`` wrote, in float32."""
        model = AutoModel.from_pretrained(
            folder / "text_encoder",
            local_files_only=True,
            use_safetensors=True,
            torch_dtype=torch.float32,
            add_pooling_layer=False,
        )
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer", local_files_only=True)
        return cls(model.eval().requires_grad_(False), tokenizer)


def build_sentence_encoder(tokenizer: PreTrainedTokenizerFast) -> SentenceEncoder:
    """Two layers, 96 wide."""
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.pad_token_id,
    )
    return SentenceEncoder(BertModel(config, add_pooling_layer=False), tokenizer)


class _Student(nn.Module):
    """The encoder's model with the head that exists for training only."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        super().__init__()
        self.encoder, self.model = encoder, encoder.model
        self.meaning = nn.Linear(WIDTH, 384)


def train_sentences(
    folder: Path, config: LoopConfig, batch: int = 128, vocabulary: int = 3200
) -> tuple[SentenceEncoder, dict[str, tuple[str, ...]]]:
    """Distil MiniLM into the small encoder.

    Returns:
        (encoder, {style: related words}).
    """
    torch.manual_seed(config.seed)
    meanings = Meanings.of(Teacher())
    student = _Student(build_sentence_encoder(meanings.tokenizer(vocabulary)))
    start_from_teacher(student, meanings.teacher)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        requests, targets = meanings.draw(rng, batch)
        states = student.encoder(requests)
        given = states.abs().sum(-1, keepdim=True).ne(0.0)
        mean = states.sum(1) / given.sum(1)
        cosine = F.cosine_similarity(student.meaning(mean), targets, dim=-1).mean()
        return {"loss": 1.0 - cosine, "cosine": cosine.detach()}

    train(student, loss, folder, config)
    return student.encoder, meanings.related
