"""What is timed of the StreamEdit-DiT family: sizes, streams, and which rows stand beside the paper's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..networks.stream_edit_dit.config import PAPER_2B, PAPER_10B, StreamEditDiTConfig
from ..networks.taehv import TAEHVConfig
from ..sampling.edit_stream import DIAGONAL
from ..sampling.partition import Partition

Row = dict[str, Any]
UNDISTILLED = Partition(1, 1, 100)
"""The paper's teacher: 100 evaluations of each frame, one frame under way."""


@dataclass(frozen=True)
class Scale:
    """Every width of one configuration.

    Attributes:
        name: how rows call it.
        networks: by name, the one that is studied first.
        side: of a latent frame; a pixel frame is 8 times as large.
        decoder: of the autoencoder, in TAEHV's layout.
        undistilled: evaluations a frame of the undistilled row.
    """

    name: str
    networks: dict[str, StreamEditDiTConfig]
    side: int
    decoder: TAEHVConfig
    undistilled: Partition = UNDISTILLED


FULL = Scale("full size", {"2B": PAPER_2B, "10B": PAPER_10B}, 64, TAEHVConfig(latent_channels=12))
TOY = Scale(
    "toy size",
    {
        "2B": replace(PAPER_2B, width=64, depth=2, heads=2, ptcm_every=2, multi_scale_every=2),
        "10B": replace(PAPER_2B, width=96, depth=2, heads=3, ptcm_every=2, multi_scale_every=2),
    },
    16,
    TAEHVConfig(
        latent_channels=12,
        encoder_channels=(8, 8, 8, 8),
        encoder_blocks=(1, 1, 1),
        decoder_channels=(8, 8, 8, 8),
        decoder_blocks=(1, 1, 1),
    ),
    Partition(1, 1, 10),
)


@dataclass(frozen=True)
class Case:
    """One stream.

    Attributes:
        window: latent frames that the network sees, history included.
        attention: ``"dense"`` or ``"sparse"`` (DSA, forced even where it does not pay).
    """

    network: str
    window: int
    attention: str
    partition: Partition = DIAGONAL
    compiled: bool = False


def cases(scale: Scale, cuda: bool) -> Iterator[Case]:
    """Window 6, then 8 and 16 dense and sparse, compiled where there is CUDA; undistilled; the largest."""
    studied, largest = scale.networks
    for compiled in (False, True) if cuda else (False,):
        for window in (6, 8, 16):
            for attention in ("dense", "sparse") if window > 6 else ("dense",):
                yield Case(studied, window, attention, compiled=compiled)
    yield Case(studied, 8, "dense", scale.undistilled)
    yield Case(largest, 6, "dense")


def published(rows: list[Row]) -> dict[str, Any]:
    """What stands beside the paper's Tables 4 and 5: rows at full size, the faster of eager and compiled."""
    best: dict[str, Row] = {}
    for row in rows:
        if row["row"] == "stream" and row["scale"] == FULL.name:
            if row["network"] != "2B":
                name = "largest"
            elif row["evaluations_per_frame"] == UNDISTILLED.levels:
                name = "undistilled"
            else:
                name = f"window_{row['window']}_{row['attention']}"
            best[name] = max(row, best.get(name, row), key=lambda each: each["fps"])
    return {"largest": best.pop("largest", None), "table_4": best}
