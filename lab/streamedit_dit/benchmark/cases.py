"""What is timed of the StreamEdit-DiT family: sizes, streams, and which rows stand beside the paper's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ....engine.networks.streamedit_dit.config import PAPER_2B, PAPER_10B, StreamEditDiTConfig
from ....engine.networks.taehv import TAEHVConfig
from ....engine.sampling.edit_stream import DIAGONAL, PIPELINED, SEQUENTIAL
from ....engine.sampling.partition import Partition

Row = dict[str, Any]
UNDISTILLED = Partition(1, 1, 100)
"""The paper's teacher: 100 evaluations of each frame, one frame under way."""


LAYOUTS = {DIAGONAL.chunks: "diagonal", PIPELINED.chunks: "pipelined", SEQUENTIAL.chunks: "sequential"}
"""What rows call a partition, by its frames under way; the demo runs pipelined."""


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

    @property
    def layout(self) -> str:
        """How the evaluations are spread: over six frames, over three, or one frame after another."""
        return LAYOUTS[self.partition.chunks]


def cases(scale: Scale, cuda: bool) -> Iterator[Case]:
    """Window 6 in each layout, then 8 and 16 dense and sparse, compiled where there is CUDA.

    Then without distillation, and the largest network with and without.
    """
    studied, largest = scale.networks
    for compiled in (False, True) if cuda else (False,):
        for window in (6, 8, 16):
            for attention in ("dense", "sparse") if window > 6 else ("dense",):
                yield Case(studied, window, attention, compiled=compiled)
        for layout in (PIPELINED, SEQUENTIAL):
            yield Case(studied, 6, "dense", layout, compiled)
    yield Case(studied, 8, "dense", scale.undistilled)
    yield Case(largest, 6, "dense")
    yield Case(largest, 6, "dense", scale.undistilled)


def published(rows: list[Row]) -> dict[str, Any]:
    """What stands beside the paper's Tables 4 and 5: rows at full size, the faster of eager and compiled."""
    best: dict[str, dict[str, Row]] = {"table_4": {}, "table_5": {}}
    for row in rows:
        if row["row"] == "stream" and row["scale"] == FULL.name:
            table = best["table_4" if row["network"] == "2B" else "table_5"]
            name = _name(row)
            table[name] = max(row, table.get(name, row), key=lambda each: each["fps"])
    return best


def _name(row: Row) -> str:
    """The row's key in its table, with its layout: the paper does not say which one it measured."""
    if row["evaluations_per_frame"] == UNDISTILLED.levels:
        return "undistilled"
    return f"window_{row['window']}_{row['attention']}_{row['layout']}"
