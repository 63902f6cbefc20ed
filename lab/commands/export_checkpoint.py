"""Makes a checkpoint folder of weights that were trained elsewhere (docs/bring_your_own_weights.md)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from ...engine.autoencoders.load import load_video_autoencoder
from ...engine.conditioning.ensemble import encoder_width
from ...engine.errors import CheckpointError, SettingError
from ...engine.families.checkpoint_folder import AUTOENCODER, TEXT_ENCODERS, WEIGHTS, CheckpointDescription
from ...engine.sampling.partition import Partition


def export_checkpoint(
    folder: Path,
    weights: Path,
    description: CheckpointDescription,
    text_encoders: Mapping[str, Path],
    autoencoder: Path,
) -> None:
    """Check all parts against each other and copy them into ``folder``.

    Args:
        weights: safetensors file with the names and shapes that ``description.network`` gives.
        text_encoders: transformers folders, by the names in ``description.network.text``.
        autoencoder: folder of a video autoencoder.

    Raises:
        CheckpointError: a tensor is missing, left over or of another shape, or parts don't fit each other.
        SettingError: the folder isn't empty, or a text encoder is unknown to the network.
    """
    if folder.exists() and any(folder.iterdir()):
        raise SettingError(f"{folder} is not empty: export to a new folder.")
    unknown = sorted(set(text_encoders) - {name for name, _ in description.network.text})
    if unknown:
        raise SettingError(f"The network has no text encoder {unknown[0]}: add it to its text list.")
    widths = {name: encoder_width(source) for name, source in text_encoders.items()}
    description.check(widths, load_video_autoencoder(autoencoder, torch.float32).channels)
    check_weights(weights, description)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights, folder / WEIGHTS)
    for name, source in text_encoders.items():
        shutil.copytree(source, folder / TEXT_ENCODERS / name)
    shutil.copytree(autoencoder, folder / AUTOENCODER)
    description.write(folder)


def check_weights(path: Path, description: CheckpointDescription) -> None:
    """Raises CheckpointError, naming the first tensor that doesn't fit the network."""
    wanted = {name: tuple(tensor.shape) for name, tensor in description.build().state_dict().items()}
    try:
        with safe_open(path, "pt") as file:
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path.name} is no safetensors file: convert it first.") from error
    for name in sorted({*wanted, *found}):
        if name not in found:
            raise CheckpointError(f"{path.name} lacks {name} {wanted[name]}: check the names and the sizes.")
        if name not in wanted:
            raise CheckpointError(f"{path.name} has {name}, which this network does not: check the sizes.")
        if wanted[name] != found[name]:
            raise CheckpointError(
                f"{name} is {found[name]} in {path.name}, the network needs {wanted[name]}."
            )


def parse_partition(text: str) -> Partition:
    """``NxcxS`` or ``NxcxSxK`` to a layout: ``8x2x1`` is 8 chunks of 2 frames, 1 evaluation, no references.

    Raises:
        SettingError: anything else.
    """
    try:
        numbers = [int(part) for part in text.split("x")]
    except ValueError:
        numbers = []
    if len(numbers) not in (3, 4):
        raise SettingError(f"partition {text!r}: write chunks x frames x steps, like 8x2x1.")
    return Partition(*numbers)
