"""Sizes of a StreamEdit-DiT network, from the demo checkpoint's to the paper's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..sparse_attention.dsa import SparseSettings
from ..stream_dit.config import PAPER_TEXT


@dataclass(frozen=True)
class StreamEditDiTConfig:
    """What decides the shape of every weight, and who attends to whom.

    Attributes:
        channels: latent channels in and out; the source's come on top as further inputs.
        width, depth, heads: of the transformer; width is a multiple of 2 * heads.
        patch: latent pixels along height and width that make one token; frames are never merged, so
            that each keeps a noise level of its own.
        attention: ``"sparse"`` is the paper's DSA, ``"windowed"`` its ablation (StreamDiT's moved
            windows), ``"dense"`` sees everything. All have the same weights.
        window: tokens along time, height and width of a window.
        dsa: how sparse attention selects.
        ptcm_every: a PTCM stands behind every so many blocks; 0 leaves it out.
        ptcm_context: frames before its own that the first and the last PTCM see; progressive between.
        multi_scale_every: every so many blocks get the 2x-pooled branch; 0 leaves it out.
        text: (name, width) of each text encoder the network was made for; a prompt may come from any
            subset of them.
        mlp_ratio: hidden over outer width of the feed-forward layers.
        rope_theta: base of the rotary frequencies.
    """

    channels: int
    width: int
    depth: int
    heads: int
    patch: int = 2
    attention: Literal["sparse", "windowed", "dense"] = "sparse"
    window: tuple[int, int, int] = (8, 8, 8)
    dsa: SparseSettings = SparseSettings()
    ptcm_every: int = 3
    ptcm_context: tuple[int, int] = (1, 15)
    multi_scale_every: int = 3
    text: tuple[tuple[str, int], ...] = ()
    mlp_ratio: int = 4
    rope_theta: float = 10000.0

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    def has_ptcm(self, layer: int) -> bool:
        """Whether a PTCM stands behind this block."""
        return self.ptcm_every > 0 and layer % self.ptcm_every == self.ptcm_every - 1

    def has_coarse(self, layer: int) -> bool:
        """Whether this block has the pooled branch."""
        return self.multi_scale_every > 0 and layer % self.multi_scale_every == 0

    def context(self, layer: int) -> int:
        """Frames before its own that the PTCM behind this block sees: k grows linearly with depth."""
        last = max(1, self.depth - 1)
        first_frames, last_frames = self.ptcm_context
        return round(first_frames + (last_frames - first_frames) * layer / last)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StreamEditDiTConfig:
        """What ``as_json`` wrote; raises TypeError for other keys."""
        dsa = dict(values.get("dsa", {}))
        if "block" in dsa:
            dsa["block"] = tuple(dsa["block"])
        lists = {
            "window": tuple(values.get("window", cls.window)),
            "ptcm_context": tuple(values.get("ptcm_context", cls.ptcm_context)),
            "dsa": SparseSettings(**dsa),
            "text": tuple((str(name), int(width)) for name, width in values.get("text", ())),
        }
        return cls(**{**values, **lists})

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


DEMO = StreamEditDiTConfig(
    channels=12, width=160, depth=6, heads=5, window=(4, 8, 8), text=(("sentence", 96),), mlp_ratio=3
)
"""3.1 M parameters on the ``demo-video`` autoencoder."""

PAPER_2B = StreamEditDiTConfig(
    channels=12,
    width=2048,
    depth=28,
    heads=16,
    window=(8, 16, 16),
    dsa=SparseSettings(block=(1, 8, 16)),
    ptcm_every=7,
    multi_scale_every=7,
    text=PAPER_TEXT,
)
"""The size that the paper times: 2 billion parameters; heads and what is not given there are ours."""

PAPER_10B = dataclasses.replace(PAPER_2B, width=4096, depth=34, heads=32)
"""The paper's largest; only its number of parameters is published."""

CONFIGS = {"demo": DEMO, "2b": PAPER_2B, "10b": PAPER_10B}
