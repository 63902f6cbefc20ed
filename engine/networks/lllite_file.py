"""Reads LLLite files of either published key style, refuses those for other networks, and writes its own."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from diffusers import DreamLiteUNetModel  # pyright: ignore[reportPrivateImportUsage] - exported lazily
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..errors import CheckpointError
from .hooks import ATTENTION, FEED_FORWARD, HookSite, hook_sites
from .lllite import LLLiteHook, TemporalLLLite

Taken = TypeVar("Taken")
KIND = "temporal_lllite"
ANIMA = "lllite_conditioning1."
SDXL = re.compile(r"lllite_unet_(input_blocks|middle_block|output_blocks)_")


@dataclass(frozen=True)
class LoadReport:
    """What became of a file's keys.

    Attributes:
        matched: names of the Linears that the adapter acts on, each complete.
        filtered: names of those that it could act on, but was not asked to.
        unknown: keys that mean nothing for this model.
    """

    matched: tuple[str, ...]
    filtered: tuple[str, ...]
    unknown: tuple[str, ...]

    def __str__(self) -> str:
        text = f"{len(self.matched)} hooks matched, {len(self.filtered)} filtered"
        return text + (f", {len(self.unknown)} keys unknown" if self.unknown else "")


def load_lllite(
    path: Path, unet: DreamLiteUNetModel, prefixes: tuple[str, ...] = (), spatial: int = 8
) -> tuple[TemporalLLLite, LoadReport]:
    """Load an adapter for a U-Net, in its dtype and on its device.

    Args:
        path: a safetensors file; its keys start with ``modules_dict.`` and the Linear's name with
            ``__`` for dots, or with ``lllite_unet_`` and the name with ``_`` for dots.
        unet: the unpatched U-Net.
        prefixes: take only hooks whose name starts with one of these, ``("down_blocks",)`` for example;
            empty takes all.
        spatial: pixels for a latent's side.

    Raises:
        CheckpointError: a file that is missing, damaged, incomplete or for another network.
    """
    tensors, metadata = _read(path)
    sites = hook_sites(unet, spatial, ATTENTION + FEED_FORWARD)
    _refuse_others(path, tensors, metadata)
    found, unknown = _sort(tensors, sites)
    if not found:
        raise CheckpointError(f"Adapter {path.name} is no LLLite for this model: none of its keys fit.")
    wanted = {name: parts for name, parts in found.items() if not prefixes or name.startswith(prefixes)}
    if not wanted:
        raise CheckpointError(
            f"Adapter {path.name} has no hooks in {', '.join(prefixes)}: choose other hooks or all."
        )
    hooks = {name: _hook(wanted[name], name, sites[name], path) for name in sites if name in wanted}
    filtered = tuple(name for name in sites if name in found and name not in wanted)
    adapter = TemporalLLLite(hooks).requires_grad_(False).to(unet.device, unet.dtype)
    return adapter, LoadReport(tuple(hooks), filtered, unknown)


def save_lllite(path: Path, adapter: TemporalLLLite, about: Mapping[str, str]) -> None:
    """Write an adapter as the published files are: their keys, and the widths among the metadata.

    Args:
        path: of the ``.safetensors`` file; its folder exists.
        adapter: saved in bfloat16.
        about: more metadata, such as the step, the base checkpoint and the training's prompts.
    """
    hook = next(iter(adapter.hooks.values()))
    widths = {"cond_emb_dim": str(hook.cond_dim), "mlp_dim": str(hook.down[0].out_features)}
    tensors = {
        key: value.to("cpu", torch.bfloat16).contiguous() for key, value in adapter.state_dict().items()
    }
    save_file(tensors, path, {**about, "kind": KIND, **widths})


def describe_lllite(path: Path) -> str:
    """What a file holds, without a model: ``"54 hooks: 38 down, 16 mid"``.

    Raises:
        CheckpointError: a file that is missing, damaged, or no LLLite for DreamLite.
    """
    keys, metadata = _open(path, lambda file: tuple(file.keys()))
    _refuse_others(path, keys, metadata)
    named = {
        match[1] for key in keys if (match := re.match(r"(?:modules_dict\.|lllite_unet_)([^.]+)\.", key))
    }
    blocks = Counter(name.split("_")[0] for name in named)
    if not blocks.keys() <= {"down", "mid", "up"} or not blocks:
        raise CheckpointError(f"Adapter {path.name} is no LLLite for DreamLite: none of its keys fit.")
    return f"{len(named)} hooks: " + ", ".join(f"{count} {block}" for block, count in sorted(blocks.items()))


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    return _open(path, lambda file: {key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118


def _open(path: Path, take: Callable[[safe_open], Taken]) -> tuple[Taken, dict[str, str]]:
    """What ``take`` gives of an opened file, and the file's metadata."""
    if path.suffix != ".safetensors":
        raise CheckpointError(f"Adapter {path.name} is no .safetensors file: use the .safetensors release.")
    try:
        with safe_open(path, "pt") as file:
            return take(file), file.metadata() or {}
    except OSError as error:
        raise CheckpointError(f"Adapter {path.name} can't be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise CheckpointError(f"Adapter {path.name} is damaged or cut off: download it again.") from error


def _refuse_others(path: Path, keys: Iterable[str], metadata: Mapping[str, str]) -> None:
    """Raise CheckpointError for the LLLites of other networks."""
    keys = tuple(keys)
    if "lllite.version" in metadata or any(key.startswith(ANIMA) for key in keys):
        raise CheckpointError(f"Adapter {path.name} is an LLLite for Anima: choose one made for DreamLite.")
    if any(SDXL.match(key) for key in keys):
        raise CheckpointError(f"Adapter {path.name} is an LLLite for SDXL: choose one made for DreamLite.")


def _sort(
    tensors: dict[str, torch.Tensor], sites: dict[str, HookSite]
) -> tuple[dict[str, dict[str, torch.Tensor]], tuple[str, ...]]:
    """Tensors by dotted site name and part, and the keys that fit nowhere."""
    names = {f"modules_dict.{name.replace('.', '__')}": name for name in sites}
    names |= {f"lllite_unet_{name.replace('.', '_')}": name for name in sites}
    found, unknown = defaultdict(dict), []
    for key, tensor in tensors.items():
        match = re.fullmatch(r"(.+)\.((?:conditioning1\.[024]|down\.0|mid\.0|up\.0)\.(?:weight|bias))", key)
        name = names.get(match[1]) if match else None
        if match and name:
            found[name][match[2]] = tensor
        else:
            unknown.append(key)
    return found, tuple(unknown)


def _hook(parts: dict[str, torch.Tensor], name: str, site: HookSite, path: Path) -> LLLiteHook:
    """A hook whose widths come from the tensors themselves."""
    keys = [key for key in (f"conditioning1.{i}.weight" for i in (0, 2, 4)) if key in parts]
    try:
        kernels = [int(parts[key].shape[3]) for key in keys]
        (width, features), cond_dim = parts["down.0.weight"].shape, len(parts[keys[-1]])
        stride = math.prod(kernels)
        if (features, stride) != (site.features, site.stride):
            raise CheckpointError(
                f"Adapter {path.name} is for another network: {name} has {features} features at stride "
                f"{stride} there, {site.features} at {site.stride} in this model."
            )
        hook = LLLiteHook(features, kernels, cond_dim, width)
        hook.load_state_dict(parts)
    except (LookupError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"Adapter {path.name} has missing or misshapen tensors in {name}: download it again."
        ) from error
    return hook
