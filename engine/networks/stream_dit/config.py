"""Sizes of a StreamDiT network, from the demo checkpoint's to the paper's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Prediction = Literal["velocity", "data"]


@dataclass(frozen=True)
class StreamDiTConfig:
    """What decides the shape of every weight, and how attention is windowed.

    Attributes:
        channels: latent channels in and out.
        width, depth, heads: of the transformer; width is a multiple of 2 * heads.
        patch: latent pixels along height and width that make one token; frames are never merged, so
            that each keeps a noise level of its own.
        window: tokens along time, height and width that attend to each other; odd blocks see windows
            moved by half their size.
        wrap_time, wrap_space: whether a moved window that reaches over the end of the buffer or the
            picture goes on at its other side, as the paper's cyclic shift does. Over time that joins
            the noisiest with the cleanest frames.
        text: (name, width) of each text encoder the network was made for; a prompt may come from any
            subset of them.
        mlp_ratio: hidden over outer width of the feed-forward layers.
        rope_theta: base of the rotary frequencies.
        predicts: what the last layer gives: the velocity, as in the paper, or the clean data, from which
            the velocity follows. A token with more values than ``width`` can't carry its noise through
            the network, but it can carry its picture.
        local: whether a depthwise 3x3 convolution over each frame's tokens stands before each block. Not
            in the paper: it is to draw edges that run through many tokens after fewer training samples.
    """

    channels: int
    width: int
    depth: int
    heads: int
    patch: int = 2
    window: tuple[int, int, int] = (8, 8, 8)
    wrap_time: bool = False
    wrap_space: bool = False
    text: tuple[tuple[str, int], ...] = ()
    mlp_ratio: int = 4
    rope_theta: float = 10000.0
    predicts: Prediction = "velocity"
    local: bool = False

    def __post_init__(self) -> None:
        if self.predicts not in get_args(Prediction):
            raise ValueError(f"predicts is {self.predicts}, not {' or '.join(get_args(Prediction))}")

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StreamDiTConfig:
        """What ``as_json`` wrote; raises TypeError for other keys."""
        lists = {
            "window": tuple(values.get("window", cls.window)),
            "text": tuple((str(name), int(width)) for name, width in values.get("text", ())),
        }
        return cls(**{**values, **lists})

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


PAPER_TEXT = (("ul2", 4096), ("byt5", 1472), ("metaclip", 1280))
"""The paper's three text encoders; their widths are those of UL2, ByT5-small and MetaCLIP-bigG."""

DEMO = StreamDiTConfig(
    channels=12,
    width=160,
    depth=6,
    heads=5,
    window=(8, 8, 8),
    text=(("ul2", 128),),
    mlp_ratio=3,
    predicts="data",
    local=True,
)
"""2.4 M parameters on the ``demo-video`` autoencoder."""

ABLATION = StreamDiTConfig(
    channels=12,
    width=124,
    depth=6,
    heads=2,
    patch=4,
    window=(8, 4, 4),
    text=(("ul2", 128),),
    mlp_ratio=3,
    predicts="data",
)
"""1.5 M parameters for the partition study (the paper's Table 3)."""

PAPER_4B = StreamDiTConfig(
    channels=8, width=3072, depth=26, heads=24, window=(8, 16, 16), text=PAPER_TEXT, mlp_ratio=4
)
"""The paper's size: patch 1x2x2 and 64x64 latents are given there; depth, heads and window are ours."""

CONFIGS = {"demo": DEMO, "ablation": ABLATION, "4b": PAPER_4B}
