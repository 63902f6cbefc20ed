"""Reads Qwen3-VL and its tokenizer: a checkpoint's own folders, or one file of ComfyUI's text_encoders."""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLModel

from ..errors import CheckpointError, one_line
from .mllm import MLLMEncoder

NAMES = (
    (re.compile(r"^model\.(language_model|visual)\."), r"\1."),  # as Qwen publishes it
    (re.compile(r"^model\.(layers|embed_tokens|norm)\."), r"language_model.\1."),  # as ComfyUI repacks it
    (re.compile(r"^text_encoder\."), ""),
)
SCALED = re.compile(r"(^scaled_fp8$|\.(scale_weight|weight_scale|scale_input)$)")


def load_encoder(
    folder: Path,
    dtype: torch.dtype,
    image_side: int,
    context_length: int,
    weights: Path | None = None,
) -> MLLMEncoder:
    """Load ``text_encoder/`` and ``tokenizer/`` of a checkpoint folder.

    Args:
        folder: the checkpoint.
        dtype: of the weights.
        image_side, context_length: see ``MLLMEncoder``.
        weights: a safetensors file or a folder to read instead of ``text_encoder/``; where no
            ``config.json`` lies beside it, the checkpoint's holds.

    Raises:
        CheckpointError: a file is missing, damaged or of another model.
    """
    own = folder / "text_encoder"
    source = weights or own
    beside = source if source.is_dir() else source.parent
    config_folder = beside if (beside / "config.json").exists() else own
    model = _model(_config(config_folder), _tensors(source, dtype), source.name, dtype)
    return MLLMEncoder(model, _tokenizer(folder), image_side, context_length)


def module_name(key: str) -> str:
    """The name inside ``Qwen3VLModel`` of a published key; ``""`` for the language head, which never runs."""
    if key.startswith(("lm_head.", "model.lm_head.")):
        return ""
    for pattern, replacement in NAMES:
        key = pattern.sub(replacement, key)
    return key


def _config(folder: Path) -> Qwen3VLConfig:
    try:
        return Qwen3VLConfig.from_dict(json.loads((folder / "config.json").read_text()))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"Text encoder {folder.name} has no readable config.json: put the one of Qwen3-VL-2B beside it."
        ) from error


def _tensors(source: Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """All weights of a file or folder, in ``dtype``, by their names inside ``Qwen3VLModel``."""
    files = sorted(source.glob("*.safetensors")) if source.is_dir() else [source]
    if not files:
        raise CheckpointError(f"Text encoder {source.name} holds no .safetensors file: get it again.")
    tensors: dict[str, torch.Tensor] = {}
    for file in files:
        try:
            published = load_file(file)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"Text encoder {file.name} is damaged or cut off ({one_line(error)}): download it again."
            ) from error
        if any(SCALED.search(key) for key in published):
            raise CheckpointError(
                f"Text encoder {file.name} is scaled fp8: pick the bf16 file, with fp8 for dtype."
            )
        for key, tensor in published.items():
            if name := module_name(key):
                tensors[name] = tensor.to(dtype)
    return tensors


def _model(
    config: Qwen3VLConfig, tensors: dict[str, torch.Tensor], name: str, dtype: torch.dtype
) -> Qwen3VLModel:
    """The model around the tensors; every weight must come from them."""
    try:
        model, report = Qwen3VLModel.from_pretrained(
            None, config=config, state_dict=tensors, dtype=dtype, output_loading_info=True
        )
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"Text encoder {name} is another model ({one_line(error)}): pick Qwen3-VL-2B."
        ) from error
    wrong = sorted(report["missing_keys"]) + sorted(report["unexpected_keys"])
    if wrong:
        raise CheckpointError(
            f"Text encoder {name} is another model ({len(report['missing_keys'])} tensors missing, "
            f"{len(report['unexpected_keys'])} unexpected, like {wrong[0]}): pick Qwen3-VL-2B."
        )
    return model.requires_grad_(False).eval()


def _tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    try:
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer" / "tokenizer.json"))
    except Exception as error:  # the tokenizers library raises plain Exception
        raise CheckpointError(
            f"Tokenizer of {folder.name} can't be read ({one_line(error)}): get its tokenizer folder again."
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = "<|endoftext|>"
    return tokenizer
