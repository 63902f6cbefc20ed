"""A StreamEdit-DiT checkpoint folder, in the layout of ``checkpoint_folder``."""

from __future__ import annotations

from pathlib import Path

from ...conditioning.ensemble import TextEnsemble
from ...networks.streamedit_dit.config import StreamEditDiTConfig
from ...networks.streamedit_dit.model import StreamEditDiT
from ..checkpoint_folder import CheckpointDescription
from .profile import Profile


class Description(CheckpointDescription):
    """What ``config.json`` of a StreamEdit-DiT checkpoint holds."""

    FAMILY, TITLE = "streamedit_dit", "StreamEdit-DiT"
    NETWORK, SIZES, PROFILE = StreamEditDiT, StreamEditDiTConfig, Profile


def save_checkpoint(
    folder: Path, model: StreamEditDiT, text: TextEnsemble, profile: Profile, autoencoder: str = ""
) -> None:
    """Write a checkpoint in bfloat16; the autoencoder's folder is named, or copied there by the caller."""
    Description(model.config, profile, autoencoder).save(folder, model, text)
