"""A StreamDiT checkpoint folder, in the layout of ``checkpoint_folder``."""

from __future__ import annotations

from pathlib import Path

from ...conditioning.ensemble import TextEnsemble
from ...networks.stream_dit.config import StreamDiTConfig
from ...networks.stream_dit.model import StreamDiT
from ..checkpoint_folder import CheckpointDescription
from .profile import Profile


class Description(CheckpointDescription):
    """What ``config.json`` of a StreamDiT checkpoint holds."""

    FAMILY, TITLE = "stream_dit", "StreamDiT"
    NETWORK, SIZES, PROFILE = StreamDiT, StreamDiTConfig, Profile


def save_checkpoint(
    folder: Path, model: StreamDiT, text: TextEnsemble, profile: Profile, autoencoder: str = ""
) -> None:
    """Write a checkpoint in bfloat16; the autoencoder's folder is named, or copied there by the caller."""
    Description(model.config, profile, autoencoder).save(folder, model, text)
