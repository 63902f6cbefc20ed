"""Copies of the demo checkpoints whose descriptions say what can't be, and archives that explode."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

WEIGHTS = Path(__file__).resolve().parents[2] / "engine" / "weights"

Damage = Callable[[Path], None]


def copy(demo: str, folder: Path) -> Path:
    """A demo checkpoint whose weights are links and whose descriptions may be changed."""
    for file in (WEIGHTS / demo).rglob("*"):
        target = folder / file.relative_to(WEIGHTS / demo)
        if file.is_dir():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".json":
            target.write_bytes(file.read_bytes())
        else:
            target.symlink_to(file)
    for shared in ("demo-image", "demo-video"):
        if not (folder.parent / shared).exists():
            (folder.parent / shared).symlink_to(WEIGHTS / shared)
    return folder


def says(name: str, key: str, value: Any) -> Damage:
    """Every ``key`` in a JSON file says something else; where there is none, its top does."""

    def damage(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        if not _replace(content, key, value):
            content[key] = value
        (folder / name).write_text(json.dumps(content))

    return damage


def is_text(name: str, text: str) -> Damage:
    """A file has this content."""

    def damage(folder: Path) -> None:
        (folder / name).write_text(text)

    return damage


def _replace(content: Any, key: str, value: Any) -> bool:
    found = False
    if isinstance(content, dict):
        for name, inner in content.items():
            if name == key:
                content[name] = value
                found = True
            else:
                found |= _replace(inner, key, value)
    elif isinstance(content, list):
        for inner in content:
            found |= _replace(inner, key, value)
    return found


def bad_pattern(name: str) -> Damage:
    """A tokenizer splits by a pattern that is none."""

    def damage(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        split = {"type": "Split", "pattern": {"Regex": "(["}, "behavior": "Isolated", "invert": False}
        content["pre_tokenizer"] = split
        (folder / name).write_text(json.dumps(content))

    return damage


# demo, what happens to its descriptions, and a word of the line that is right
CONFIGURATIONS: dict[str, tuple[str, Damage, str]] = {
    "10^9 heads": ("stream-dit", says("config.json", "heads", 10**9), "heads"),
    "10^9 wide": ("streamedit-dit", says("config.json", "width", 10**9), "width"),
    "10^7 layers": ("stream-dit", says("config.json", "depth", 10**7), "depth"),
    "10^7 layers of an encoder": (
        "rtr-dit",
        says("text_encoder/config.json", "num_hidden_layers", 10**7),
        "num_hidden_layers",
    ),
    "10^9 hidden values": (
        "mllm-edit",
        says("text_encoder/config.json", "hidden_size", 10**9),
        "hidden_size",
    ),
    "10^9 words": ("rtr-dit", says("text_encoder/config.json", "vocab_size", 10**9), "vocab_size"),
    "10^9 positions": (
        "mllm-edit",
        says("text_encoder/config.json", "max_position_embeddings", 10**9),
        "max_position_embeddings",
    ),
    "10^9 channels": ("mllm-edit", says("unet/config.json", "block_out_channels", [10**9] * 3), "channels"),
    "10^9 timesteps": (
        "mllm-edit",
        says("scheduler/scheduler_config.json", "num_train_timesteps", 10**9),
        "num_train_timesteps",
    ),
    "no heads": ("stream-dit", says("config.json", "heads", 0), "heads"),
    "no heads in an encoder": (
        "mllm-edit",
        says("text_encoder/config.json", "num_attention_heads", 0),
        "num_attention_heads",
    ),
    "less than no heads": ("rtr-dit", says("livestyle.json", "heads", -4), "heads"),
    "not a number": ("stream-dit", says("config.json", "width", float("nan")), "width"),
    "endless": ("stream-dit", says("config.json", "width", float("inf")), "width"),
    "text for a size": ("stream-dit", says("config.json", "width", "wide"), "again"),
    "a list for a network": ("rtr-dit", says("livestyle.json", "network", [1, 2]), "again"),
    "a note that is a list": ("mllm-edit", is_text("livestyle.json", "[1, 2]"), "again"),
    "a list for shared parts": ("mllm-edit", says("livestyle.json", "shared", [1]), "lacks"),
    "shared parts elsewhere": ("mllm-edit", says("livestyle.json", "shared", {"vae": "../../etc"}), "lacks"),
    "deep": ("stream-dit", is_text("config.json", "[" * 100_000), "deep"),
    "deep note": ("rtr-dit", is_text("livestyle.json", '{"a":' * 5_000), "deep"),
    "fairly deep": ("stream-dit", is_text("config.json", "[" * 200 + "]" * 200), "deep"),
    "long": ("stream-dit", is_text("config.json", " " * 2_000_000), "long"),
    "a bad pattern": ("mllm-edit", bad_pattern("tokenizer/tokenizer.json"), "tokenizer"),
    "another bad pattern": ("rtr-dit", bad_pattern("tokenizer/tokenizer.json"), "again"),
    "a tokenizer that is a list": ("rtr-dit", is_text("tokenizer/tokenizer.json", "[]"), "again"),
}


def zip_bomb(path: Path) -> None:
    """A few hundred kilobytes that become 300 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
        archive.writestr("archive/version", "3")
        with archive.open("archive/data/0", "w") as entry:
            for _ in range(300):
                entry.write(bytes(1 << 20))


def repeated_tensor(path: Path) -> None:
    """Four bytes that say that they are 40 GB."""
    torch.save({"generator": {"patch_embedding.weight": torch.zeros(1).expand(10**10)}}, path)


class _Bytes:
    def __reduce__(self) -> tuple[type[bytearray], tuple[int]]:
        return bytearray, (10**10,)


def made_bytes(path: Path) -> None:
    """A pickle that asks for 10 GB of zeros."""
    torch.save({"generator": {"a": _Bytes()}}, path)


ARCHIVES: dict[str, tuple[Callable[[Path], None], str]] = {
    "zip bomb": (zip_bomb, "compressed"),
    "repeated tensor": (repeated_tensor, "stores less"),
    "made bytes": (made_bytes, "makes more"),
}
