"""An ensemble of frozen text encoders: UL2, ByT5 and MetaCLIP in StreamDiT's paper, or any subset.

Every encoder is a folder in transformers' layout with its own tokenizer. UL2 and ByT5 are T5
encoders (sentence pieces, and bytes), MetaCLIP is a CLIP text model; a small BERT reads sentences in
our demos. States are used as the encoder's last layer gives them, after its final norm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BertModel,
    CLIPTextModel,
    PreTrainedModel,
    T5EncoderModel,
)
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from ..errors import CheckpointError, SettingError, one_line
from ..transfers import upload
from .states import TextStates

MODELS: dict[str, type[PreTrainedModel]] = {
    "t5": T5EncoderModel,
    "clip": CLIPTextModel,
    "clip_text_model": CLIPTextModel,
    "bert": BertModel,
}
"""Which class reads a folder, by the ``model_type`` of its config.json."""

_LOCAL = {"local_files_only": True, "trust_remote_code": False}


class TextEncoder:
    """One frozen encoder and its tokenizer.

    Args:
        model: gives ``last_hidden_state``.
        tokenizer: of the model.
        limit: the most tokens of a prompt, end token included.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, limit: int) -> None:
        self.model, self.tokenizer, self.limit = model, tokenizer, limit

    @property
    def width(self) -> int:
        return self.model.config.hidden_size

    def token_ids(self, prompt: str) -> list[int]:
        """The prompt's tokens.

        Raises:
            SettingError: there are more than ``limit``.
        """
        ids = self.tokenizer(prompt)["input_ids"]
        if len(ids) > self.limit:
            share = self.limit / len(ids)
            raise SettingError(
                f"prompt is too long for this model: keep about {int(len(prompt) * share)} letters."
            )
        return ids

    def encode(self, prompts: Sequence[str]) -> TextStates:
        """States (B, L, width) of B prompts, padded to the longest; no mask where all are as long."""
        rows = [self.token_ids(prompt) for prompt in prompts]
        longest = max(map(len, rows))
        device = self.model.device
        pad = self.tokenizer.pad_token_id or 0
        ids = upload(torch.tensor([row + [pad] * (longest - len(row)) for row in rows]), device)
        lengths = upload(torch.tensor([len(row) for row in rows]), device)
        mask = torch.arange(longest, device=device) < lengths[:, None]
        states = self.model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        return TextStates(states, None if min(map(len, rows)) == longest else mask)


class TextEnsemble:
    """Several encoders that read every prompt, by the names that the network knows them by."""

    def __init__(self, encoders: Mapping[str, TextEncoder]) -> None:
        self.encoders = dict(encoders)

    def modules(self) -> tuple[nn.Module, ...]:
        return tuple(encoder.model for encoder in self.encoders.values())

    def check(self, prompt: str) -> None:
        """Raises SettingError for a prompt that an encoder can't take."""
        for encoder in self.encoders.values():
            encoder.token_ids(prompt)

    def encode(self, prompts: Sequence[str]) -> dict[str, TextStates]:
        """The states of each encoder, for B prompts."""
        return {name: encoder.encode(prompts) for name, encoder in self.encoders.items()}


def load_ensemble(folder: Path, limits: Mapping[str, int], dtype: torch.dtype) -> TextEnsemble:
    """Load the encoders that lie in ``folder``, one a subfolder, in the order of ``limits``.

    Args:
        limits: tokens that each encoder the network knows may take; those without a folder are left out.

    Raises:
        CheckpointError: none of them is there, or one is damaged or of an unknown kind.
    """
    present = {name: folder / name for name in limits if (folder / name).is_dir()}
    if not present:
        raise CheckpointError(
            f"{folder.parent.name} holds no text encoder: put {' or '.join(limits)} in its {folder.name}."
        )
    return TextEnsemble({name: _load(path, limits[name], dtype) for name, path in present.items()})


def encoder_width(folder: Path) -> int:
    """Values a token of the encoder in a transformers folder, read from its config.json."""
    try:
        return AutoConfig.from_pretrained(folder, **_LOCAL).get_text_config().hidden_size
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"Text encoder {folder.name} can't be read ({one_line(error, 120)}): get it again."
        ) from error


def _load(folder: Path, limit: int, dtype: torch.dtype) -> TextEncoder:
    try:
        kind = AutoConfig.from_pretrained(folder, **_LOCAL).model_type
        if kind not in MODELS:
            raise CheckpointError(
                f"Text encoder {folder.name} is a {kind} model: T5, CLIP and BERT text models can be used."
            )
        tokenizer = AutoTokenizer.from_pretrained(folder, **_LOCAL)
        unused = {"add_pooling_layer": False} if kind == "bert" else {}
        model = MODELS[kind].from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=dtype, **unused
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(
            f"Text encoder {folder.name} can't be read ({one_line(error, 120)}): get it again."
        ) from error
    return TextEncoder(model.requires_grad_(False).eval(), tokenizer, limit)
