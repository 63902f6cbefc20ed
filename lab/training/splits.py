"""Which clips and pictures are learnt from, tuned on and tested on: three sets that share no film."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from pathlib import Path

SUFFIXES = {".mp4", ".webm", ".mov", ".mkv"}

TUNE_CLIPS = frozenset({"mdn_flower_cc0", "mdnla_frog", "sam2_03_blocks"})
"""Steps, weights and architectures are chosen on these; committed pictures show the first two."""
TEST_CLIPS = frozenset(
    {
        "blackswan",
        "bmx-trees",
        "camel",
        "dance-twirl",
        "libby",
        "parkour",
        "scene_cut_kite_dance",
        "scooter-black",
    }
)
"""Every figure of a README or a card is measured on these; nothing is trained or chosen on them."""


def clips_of(folder: Path, part: str, without: Collection[str] = ()) -> list[Path]:
    """The videos of a folder that belong to a part, ``"train"``, ``"tune"`` or ``"test"``, in name order.

    A clip that no list names may be trained on. Those named ``without``, no suffix, are left out.

    Raises:
        FileNotFoundError: the folder holds none.
    """
    videos = (p for p in folder.iterdir() if p.suffix in SUFFIXES and p.stem not in without)
    clips = sorted(p for p in videos if part_of_clip(p.stem) == part)
    if not clips:
        raise FileNotFoundError(f"No {part} video in {folder}: put .mp4 or .webm clips there.")
    return clips


def part_of_clip(name: str) -> str:
    """The part that a clip of this name, without suffix, belongs to."""
    return "tune" if name in TUNE_CLIPS else "test" if name in TEST_CLIPS else "train"


def part_of_still(name: str) -> str:
    """The part of a still picture, by its name alone: four fifths train, a tenth each tune and test."""
    return {8: "tune", 9: "test"}.get(zlib.crc32(name.encode()) % 10, "train")


def film_of(name: str) -> str:
    """What a clip was cut from: clips of one film look alike and count as fewer than they are."""
    return "mdnla" if name.startswith("mdnla_") else name
