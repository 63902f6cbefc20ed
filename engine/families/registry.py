"""All families that are installed: the folders beside this file, and those that other packages bring."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import torch

from ..errors import CheckpointError, SettingError, one_line
from ..log import log
from .alias import make_importable
from .base import ModelHandle, Runner, StreamModel
from .devices import Devices, devices_of, part_of
from .family import Family, StreamRequest
from .note import NOTE, read_note
from .parted_model import PartedModel
from .releases import Release, named, release_in
from .sizes import check_descriptions, check_sizes, reading

ENTRY_POINTS = "livestyle.families"
"""Group of entry points, each of which names a ``Family``."""
WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
DEMO = "demo: "
"""How the names of checkpoints that come with the pack begin."""
PICKLES = {".ckpt", ".bin", ".pkl"}
"""Refused by their suffix; ``.pt`` files, as causal video models are published, are read weights_only."""


@cache
def families() -> dict[str, Family]:
    """The installed families by name; one that can't be imported is logged in one line and left out."""
    found: dict[str, Family] = {}
    for origin, load in _sources():
        try:
            family = load()
            if not isinstance(family, Family):
                raise TypeError(f"it is a {type(family).__name__}, not a Family")
        except Exception as error:  # another's code: whatever it raises, the others still play
            log.warning("Family %s is left out: %s", origin, one_line(error, 160))
            continue
        if family.name in found:
            log.warning("Family %s is left out: there is one named %s already", origin, family.name)
        else:
            found[family.name] = family
    return found


def register(family: Family) -> None:
    """Add a family of the running program, as tests do; one of the same name is replaced."""
    families()[family.name] = family


def _sources() -> Iterator[tuple[str, object]]:
    """Where each family comes from, and a function that imports it."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.ispkg:
            name = f"{__package__}.{module.name}.family"
            yield module.name, lambda name=name: import_module(name).FAMILY
    make_importable()
    for point in entry_points(group=ENTRY_POINTS):
        yield f"{point.name} ({point.value})", point.load


def probe(path: Path) -> Family:
    """The family of a checkpoint folder or file.

    Raises:
        CheckpointError: there is nothing, it is a pickle, or no family knows it.
    """
    if not path.exists():
        release = find_release(path.name)
        where = f"get it from {release.source}" if release else "pick another"
        raise CheckpointError(
            f"Checkpoint {path.name} doesn't exist: {where} or put it in models/stream_models."
        )
    if path.suffix.lower() in PICKLES:
        raise CheckpointError(
            f"{path.name} is a pickle file, which could run code: use a .safetensors release."
        )
    check_descriptions(path)
    for family in families().values():
        with reading(path):
            if family.recognises(path):
                return family
    if path.is_file():
        raise CheckpointError(
            f"{path.name} holds no causal Wan network, and no other family loads it as a single file: "
            "pick another or a checkpoint folder."
        )
    raise CheckpointError(
        f"{path.name} is no checkpoint folder of a known family (none of its livestyle.json, "
        "model_index.json and config.json names one): pick another."
    )


def load_model(handle: ModelHandle, device: torch.device, dtype: torch.dtype) -> StreamModel:
    """Load a checkpoint's weights to the host's device, or those that the handle names.

    Weights are made outside inference mode, so that they can be moved and patched later.

    Raises:
        SettingError: a device that isn't here, or is named for a model that has no parts.
        LiveStyleError: see the family's loader.
    """
    path = Path(handle.checkpoint)
    family = probe(path)
    check_sizes(handle)
    devices = devices_of(handle, device)
    with reading(path), torch.inference_mode(False), torch.no_grad():
        model = family.load(handle, devices.denoiser, dtype)
    if set(devices.each) != {device} and not isinstance(model, PartedModel):
        raise SettingError(
            f"device: {family.name} models go where the host puts them, set all three to auto."
        )
    return model


def identify(handle: ModelHandle) -> str:
    """One line on which published checkpoint a handle's is taken for; ``""`` where there is nothing to tell.

    Raises:
        SettingError: the artist must choose a profile, or has chosen one of another family.
        CheckpointError: it is one that can't be played.
    """
    path = Path(handle.checkpoint)
    family = probe(path)
    if handle.profile and handle.profile not in family.profiles:
        raise SettingError(f"profile {handle.profile} does not fit {path.name}: set profile to auto.")
    with reading(path):
        return family.identify(handle)


def profiles() -> tuple[str, ...]:
    """The profiles of all families."""
    return tuple(name for family in families().values() for name in family.profiles)


def make_runner(model: StreamModel, request: StreamRequest) -> Runner:
    """A new stream through a loaded model; raises SettingError for a request that it can't meet."""
    return model.own_runner(request) or families()[model.family].runner(model, request)


def weight_bytes(handle: ModelHandle, dtype: torch.dtype) -> dict[str, int]:
    """Bytes of weights by the part's name (``unet``, ``text_encoder``, ...), the largest first.

    Args:
        handle: what will be loaded; its dtype says whether some weights are quantised.
        dtype: of all others.
    """
    path = Path(handle.checkpoint)
    family = probe(path)
    with reading(path):
        return dict(family.footprint(handle, dtype))


def weights_on(handle: ModelHandle, dtype: torch.dtype, devices: Devices) -> dict[torch.device, int]:
    """``weight_bytes`` by the device that each part goes to."""
    sizes: dict[torch.device, int] = {}
    for name, size in weight_bytes(handle, dtype).items():
        part = part_of(name)
        halves = [getattr(devices, part)]
        if part == "denoiser" and devices.second_half is not None:
            halves.append(devices.second_half)
        for device in halves:
            sizes[device] = sizes.get(device, 0) + size // len(halves)
    return sizes


def estimate_bytes(handle: ModelHandle, dtype: torch.dtype) -> int:
    """Bytes of weights that a model will take on the device, from its files' headers."""
    return sum(weight_bytes(handle, dtype).values())


def demo_checkpoints() -> dict[str, Path]:
    """The checkpoints that come with the pack and with other packages, by the name shown in the list."""
    ours = {
        f"{DEMO}{str(read_note(file.parent)['family']).replace('_', '-')}": file.parent
        for file in sorted(WEIGHTS.glob(f"*/{NOTE}"))
    }
    brought = {f"{DEMO}{name}": folder for family in families().values() for name, folder in family.demos}
    return ours | brought


def demo_adapters() -> dict[str, Path]:
    """The temporal adapters that come with the pack, by the name shown in the list."""
    return {f"{DEMO}{path.parent.name}": path for path in sorted(WEIGHTS.glob("*/lllite.safetensors"))}


def releases() -> tuple[Release, ...]:
    """Published checkpoints of all families."""
    return tuple(release for family in families().values() for release in family.releases)


def find_release(name: str) -> Release | None:
    """The release that LoadStreamModel lists under a name."""
    return named(name, releases())


def release_of(folder: Path) -> Release | None:
    """The release that a checkpoint folder is; None for demos, others, and what can't be read."""
    return release_in(folder, releases())
