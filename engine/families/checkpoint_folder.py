"""The folder layout of our own video transformers, written and read (docs/bring_your_own_weights.md).

config.json                      family, network, profile, autoencoder
model.safetensors                the transformer
text_encoders/<name>/            a transformers folder each
autoencoder/                     a video autoencoder, unless config.json names a shared one
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, ClassVar, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ..conditioning.ensemble import TextEnsemble
from ..errors import CheckpointError, one_line
from .base import ModelHandle
from .note import NOTE, read_note

CONFIG, WEIGHTS, TEXT_ENCODERS, AUTOENCODER = (
    "config.json",
    "model.safetensors",
    "text_encoders",
    "autoencoder",
)


@dataclass(frozen=True)
class CheckpointDescription:
    """What ``config.json`` holds; each family says what its parts are made of.

    Attributes:
        network: the network's sizes. profile: what it was trained for. Both have ``as_json`` and
            ``from_json``.
        autoencoder: folder name of a shared autoencoder beside the checkpoint; ``""`` for its own.
    """

    FAMILY: ClassVar[str]
    TITLE: ClassVar[str]
    NETWORK: ClassVar[type[nn.Module]]
    SIZES: ClassVar[type]
    PROFILE: ClassVar[type]

    network: Any
    profile: Any
    autoencoder: str = ""

    @classmethod
    def recognises(cls, folder: Path) -> bool:
        """Whether a folder's ``config.json`` says that it is a checkpoint of this family."""
        return read_note(folder, CONFIG).get("family") == cls.FAMILY

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raises CheckpointError for a missing or damaged file, and for another family's."""
        try:
            values = json.loads((folder / CONFIG).read_text())
            if values["family"] != cls.FAMILY:
                raise ValueError(f"it says {values['family']}")
            return cls(
                cls.SIZES.from_json(values["network"]),
                cls.PROFILE.from_json(values["profile"]),
                values.get("autoencoder", ""),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            line = str(error).split("\n")[0]
            raise CheckpointError(
                f"{CONFIG} of {folder.name} is no {cls.TITLE} description ({line}): export it again."
            ) from error

    def write(self, folder: Path) -> None:
        """``config.json``, and the note by which a folder is listed and its memory added up."""
        values = {
            "family": self.FAMILY,
            "network": self.network.as_json(),
            "profile": self.profile.as_json(),
            "autoencoder": self.autoencoder,
        }
        (folder / CONFIG).write_text(json.dumps(values, indent=1) + "\n")
        shared = {AUTOENCODER: self.autoencoder} if self.autoencoder else {}
        (folder / NOTE).write_text(json.dumps({"family": self.FAMILY, "shared": shared}) + "\n")

    def save(self, folder: Path, network: nn.Module, text: TextEnsemble) -> None:
        """Write a checkpoint in bfloat16; the autoencoder is named, or copied there by the caller."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: t.to(torch.bfloat16).contiguous() for name, t in network.state_dict().items()}
        save_file(tensors, folder / WEIGHTS)
        for name, encoder in text.encoders.items():
            encoder.model.to(torch.bfloat16).save_pretrained(folder / TEXT_ENCODERS / name)
            encoder.tokenizer.save_pretrained(folder / TEXT_ENCODERS / name)
        self.write(folder)

    def check(self, text_widths: Mapping[str, int], channels: int) -> None:
        """Whether network and profile fit each other and the parts beside them.

        Args:
            text_widths: values a token of each text encoder that is there.
            channels: of the autoencoder's latents.

        Raises:
            CheckpointError: they don't.
        """
        if channels != self.network.channels:
            raise CheckpointError(
                f"The autoencoder has {channels} channels, the network needs {self.network.channels}: use "
                f"the one that it was trained with (autoencoder auto)."
            )
        read = dict(self.network.text)
        for name, _ in self.profile.text_limits:
            if name not in read:
                raise CheckpointError(
                    f"profile.text_limits names {name}, network.text does not: add its width."
                )
        for name, width in text_widths.items():
            if width != read[name]:
                raise CheckpointError(
                    f"Text encoder {name} gives {width} values a token, the network reads {read[name]}: use "
                    f"the one that it was trained with."
                )
        means = len(self.profile.latents.mean)
        if means not in (0, self.network.channels):
            raise CheckpointError(
                f"profile.latents has {means} means for {self.network.channels} channels: give one for each."
            )

    def build(self) -> nn.Module:
        """The network on the meta device."""
        with torch.device("meta"):
            return self.NETWORK(self.network)

    def load_network(self, folder: Path, dtype: torch.dtype) -> Any:
        """Read ``model.safetensors``.

        Raises:
            CheckpointError: it is missing, damaged, or of another size than ``config.json`` says.
        """
        path = folder / WEIGHTS
        if not path.exists():
            raise CheckpointError(f"Checkpoint {folder.name} lacks {WEIGHTS}: get the whole folder again.")
        try:
            network = self.build()
            tensors = {name: tensor.to(dtype) for name, tensor in load_file(path).items()}
            network.load_state_dict(tensors, strict=True, assign=True)
        except SafetensorError as error:
            raise CheckpointError(
                f"{WEIGHTS} of {folder.name} is damaged or cut off: get it again."
            ) from error
        except RuntimeError as error:
            line = one_line(error)
            raise CheckpointError(f"{WEIGHTS} of {folder.name} does not fit its {CONFIG}: {line}") from error
        return network.requires_grad_(False).eval()

    def find_autoencoder(self, handle: ModelHandle) -> Path:
        """The chosen one, the shared one beside the checkpoint, or the one inside it.

        Raises:
            CheckpointError: it is not there, or named by a path.
        """
        if handle.autoencoder:
            return Path(handle.autoencoder)
        folder, name = Path(handle.checkpoint), self.autoencoder
        # The description may be a stranger's; the folder itself may well be a link.
        if name != PureWindowsPath(str(name)).name or name == "..":
            raise CheckpointError(
                f"autoencoder in {CONFIG} of {folder.name} is no plain name: name a folder beside the "
                f"checkpoint."
            )
        path = folder.parent / name if name else folder / AUTOENCODER
        if not path.exists():
            raise CheckpointError(
                f"Checkpoint {folder.name} needs the autoencoder {path.name}: put it at {path}."
            )
        return path
