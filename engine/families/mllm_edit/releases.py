"""DreamLite's published checkpoints, whose licence does not let the pack contain them."""

from __future__ import annotations

from ..releases import Release

RELEASES = tuple(
    Release(
        name,
        f"carlofkl/{name}",
        "diffusers",
        "CC BY-NC 4.0",
        "non-commercial use only",
        5_000_000_000,
        pipeline,
    )
    for name, pipeline in (
        ("DreamLite-mobile", "DreamLiteMobilePipeline"),
        ("DreamLite-base", "DreamLitePipeline"),
    )
)
