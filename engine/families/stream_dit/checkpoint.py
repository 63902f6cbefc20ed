"""The layout of a StreamDiT checkpoint folder, written and read (docs/bring_your_own_weights.md).

config.json                      family, network, profile, autoencoder
model.safetensors                the transformer
text_encoders/<name>/            a transformers folder each
autoencoder/                     a video autoencoder, unless config.json names a shared one
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ...conditioning.ensemble import TextEnsemble
from ...errors import CheckpointError
from ...networks.stream_dit.config import StreamDiTConfig
from ...networks.stream_dit.model import StreamDiT
from .profile import Profile

FAMILY = "stream_dit"
CONFIG, WEIGHTS, TEXT_ENCODERS, AUTOENCODER = (
    "config.json",
    "model.safetensors",
    "text_encoders",
    "autoencoder",
)


@dataclass(frozen=True)
class Description:
    """What ``config.json`` holds.

    Attributes:
        autoencoder: folder name of a shared autoencoder beside the checkpoint; ``""`` for its own.
    """

    network: StreamDiTConfig
    profile: Profile
    autoencoder: str = ""

    @classmethod
    def read(cls, folder: Path) -> Description:
        """Raises CheckpointError for a missing or damaged file."""
        try:
            values = json.loads((folder / CONFIG).read_text())
            return cls(
                StreamDiTConfig.from_json(values["network"]),
                Profile.from_json(values["profile"]),
                values.get("autoencoder", ""),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            line = str(error).split("\n")[0]
            raise CheckpointError(
                f"{CONFIG} of {folder.name} is no StreamDiT description ({line}): export it again."
            ) from error

    def write(self, folder: Path) -> None:
        values = {
            "family": FAMILY,
            "network": self.network.as_json(),
            "profile": self.profile.as_json(),
            "autoencoder": self.autoencoder,
        }
        (folder / CONFIG).write_text(json.dumps(values, indent=1) + "\n")


def recognises(folder: Path) -> bool:
    """Whether a folder's ``config.json`` says that it is a StreamDiT checkpoint."""
    try:
        return json.loads((folder / CONFIG).read_text()).get("family") == FAMILY
    except (OSError, ValueError, AttributeError):
        return False


def save_checkpoint(
    folder: Path, model: StreamDiT, text: TextEnsemble, profile: Profile, autoencoder: str = ""
) -> None:
    """Write a checkpoint in bfloat16; the autoencoder's folder is named, or copied there by the caller."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / WEIGHTS)
    for name, encoder in text.encoders.items():
        encoder.model.to(torch.bfloat16).save_pretrained(folder / TEXT_ENCODERS / name)
        encoder.tokenizer.save_pretrained(folder / TEXT_ENCODERS / name)
    Description(model.config, profile, autoencoder).write(folder)
    write_note(folder, autoencoder)


def write_note(folder: Path, autoencoder: str) -> None:
    """``livestyle.json``, by which a folder is listed as a checkpoint and its memory added up."""
    note = {"family": FAMILY, "shared": {AUTOENCODER: autoencoder} if autoencoder else {}}
    (folder / "livestyle.json").write_text(json.dumps(note) + "\n")


def load_network(folder: Path, config: StreamDiTConfig, dtype: torch.dtype) -> StreamDiT:
    """Read ``model.safetensors``.

    Raises:
        CheckpointError: it is missing, damaged, or of another size than ``config.json`` says.
    """
    path = folder / WEIGHTS
    if not path.exists():
        raise CheckpointError(f"Checkpoint {folder.name} lacks {WEIGHTS}: get the whole folder again.")
    try:
        with torch.device("meta"):
            model = StreamDiT(config)
        tensors = {name: tensor.to(dtype) for name, tensor in load_file(path).items()}
        model.load_state_dict(tensors, strict=True, assign=True)
    except SafetensorError as error:
        raise CheckpointError(f"{WEIGHTS} of {folder.name} is damaged or cut off: get it again.") from error
    except RuntimeError as error:
        line = " ".join(str(error).split())[:160]
        raise CheckpointError(f"{WEIGHTS} of {folder.name} does not fit its {CONFIG}: {line}") from error
    return model.requires_grad_(False).eval()
