"""The text encoder of a causal video model: states padded with zero rows to a fixed length."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from transformers import AutoModel, PreTrainedTokenizerFast, UMT5EncoderModel

from ...conditioning.ensemble import TextEncoder
from ...conditioning.external import fit_external
from ...conditioning.recipe import ConditioningRecipe
from ...errors import CheckpointError, SettingError, one_line
from ...transfers import upload

KEPT = 64
"""Prompts whose states are remembered; 4 MiB each at Wan's size in bfloat16."""


class PaddedText(ABC):
    """Encodes a prompt once and remembers it.

    Networks attend to all rows: they learned with the padding, which acts as constants.

    Args:
        rows: of the states.

    Attributes:
        width: of the states.
        offload: whether the model comes to the device for a new prompt only.
    """

    width: int
    offload: bool

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._known: OrderedDict[str, torch.Tensor] = OrderedDict()

    @property
    @abstractmethod
    def lent_bytes(self) -> int:
        """What a new prompt takes on the device for a moment; 0 where the model stays there."""

    @abstractmethod
    def check(self, prompt: str) -> None:
        """Raises SettingError for a prompt that is too long."""

    @abstractmethod
    def _states(self, prompt: str, device: torch.device) -> torch.Tensor:
        """On the CPU, so that remembered prompts take no memory of the device."""

    def encode(self, prompt: str, device: torch.device) -> torch.Tensor:
        """States (1, length, width) on ``device``."""
        if prompt not in self._known:
            self._known[prompt] = self._states(prompt, device)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(prompt)
        return upload(self._known[prompt], device)


class OwnText(PaddedText):
    """Prompts through the checkpoint's own encoder.

    Args:
        encoder: model and tokenizer; its limit is the number of rows.
        null: whether the empty prompt is all zeros (the demo's), not the encoder's own word for it.
        offload: keep the model on the CPU, and lend it to the device while it encodes (UMT5-XXL: 11 GB).
    """

    def __init__(self, encoder: TextEncoder, *, null: bool, offload: bool) -> None:
        super().__init__(encoder.limit)
        self.encoder, self.null, self.offload, self.width = encoder, null, offload, encoder.width

    @property
    def lent_bytes(self) -> int:
        tensors = (*self.encoder.model.parameters(), *self.encoder.model.buffers()) if self.offload else ()
        return sum(tensor.nbytes for tensor in tensors)

    def check(self, prompt: str) -> None:
        self.encoder.token_ids(prompt)

    def _states(self, prompt: str, device: torch.device) -> torch.Tensor:
        model = self.encoder.model
        with lent(model, device) if self.offload else nullcontext():
            if prompt or not self.null:
                found = self.encoder.encode([prompt])
                said = (found.states * found.said.unsqueeze(-1)).cpu()
            else:
                said = torch.zeros(1, 0, self.encoder.width, dtype=model.dtype)
        padded = said.new_zeros(1, self.encoder.limit, said.shape[-1])
        padded[:, : said.shape[1]] = said
        return padded


@contextmanager
def lent(model: nn.Module, device: torch.device) -> Iterator[None]:
    """A model on a device for a while: copies of its weights go there and are dropped, its own stay here."""
    own = [(part, dict(part._parameters), dict(part._buffers)) for part in model.modules()]
    there: dict[torch.Tensor, torch.Tensor] = {}  # a tensor that several parts share goes once
    try:
        with torch.inference_mode(False), torch.no_grad():
            for tensor in (*model.parameters(), *model.buffers()):
                copy = tensor.to(device)
                is_weight = isinstance(tensor, nn.Parameter)
                there[tensor] = nn.Parameter(copy, requires_grad=False) if is_weight else copy
        for part, weights, buffers in own:
            part._parameters.update({name: there[w] for name, w in weights.items() if w is not None})
            part._buffers.update({name: there[b] for name, b in buffers.items() if b is not None})
        yield
    finally:
        for part, weights, buffers in own:
            part._parameters.update(weights)
            part._buffers.update(buffers)


def load_text(
    folder: Path,
    kind: Literal["umt5", "sentence"],
    length: int,
    dtype: torch.dtype,
    *,
    resident: bool = False,
) -> OwnText | None:
    """Load ``text_encoder`` and ``tokenizer`` of a checkpoint folder; None where it has none.

    Args:
        resident: whether a large encoder, too, stays on its device.

    Raises:
        CheckpointError: damaged.
    """
    if not (folder / "text_encoder").is_dir():
        return None
    reader = UMT5EncoderModel if kind == "umt5" else AutoModel
    whole = {} if kind == "umt5" else {"add_pooling_layer": False}  # else a random one is made up
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer", local_files_only=True)
        model = reader.from_pretrained(
            folder / "text_encoder", local_files_only=True, use_safetensors=True, dtype=dtype, **whole
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(
            f"Text encoder of {folder.name} can't be read ({one_line(error, 120)}): get it again."
        ) from error
    encoder = TextEncoder(model.requires_grad_(False).eval(), tokenizer, length)
    return OwnText(encoder, null=kind == "sentence", offload=kind == "umt5" and not resident)


def conditioning_states(
    recipe: ConditioningRecipe,
    prompt: str,
    text: PaddedText | None,
    like: tuple[int, int],
    device: torch.device,
) -> torch.Tensor:
    """States (1, length, width) of a prompt or of a core CONDITIONING, as strong as the recipe says.

    A strength between 0 and 1 lies on the line from silence (the empty prompt's states) to the text.

    Args:
        text: what reads the prompt, if anything does.
        like: rows and width that the network reads.

    Raises:
        SettingError: there is no text encoder for a prompt, or the CONDITIONING is of another kind.
    """
    if recipe.external is not None:
        said = fit_external(recipe.external, *like).to(device)
        silence = torch.zeros_like(said)
    elif text is None:
        raise SettingError(
            "prompt can't be read, this checkpoint has no text encoder: put a umt5_xxl .safetensors into "
            "models/text_encoders, or connect clip of MLLM Encode (CLIPLoader, type wan)."
        )
    else:
        said = text.encode(prompt, device)
        silence = said if recipe.text_strength == 1.0 else text.encode("", device)
    return torch.lerp(silence.float(), said.float(), recipe.text_strength).to(said.dtype)
