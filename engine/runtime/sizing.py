"""One picture size for all branches of a session."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from ..errors import SettingError
from ..families.base import Requirements
from ..media.types import MediaInfo
from .plan import PlanNode, stylised

VIDEO_MULTIPLE = 2
"""H.264 in its common pixel format takes even sizes only."""

Side = Literal["width", "height"]


def output_size(requirements: Mapping[PlanNode, Requirements], info: MediaInfo | None) -> tuple[int, int]:
    """Width and height in pixels that every branch works at.

    A widget at 0 takes the source's size, rounded down to what all models can work with; the
    decoder crops those few pixels, so the picture's proportions stay.

    Args:
        requirements: of each Stylise node of the plan; empty for a plan that only copies.
        info: the source, or None where everything is generated.

    Raises:
        SettingError: a widget's value doesn't fit the model or another branch, or is missing.
    """
    multiple = math.lcm(VIDEO_MULTIPLE, *(needs.multiple for needs in requirements.values()))
    nodes = tuple(requirements)
    return (
        _side("width", nodes, multiple, info.width if info else 0),
        _side("height", nodes, multiple, info.height if info else 0),
    )


def _side(side: Side, nodes: tuple[PlanNode, ...], multiple: int, of_source: int) -> int:
    explicit = {node: pixels for node in nodes if (pixels := _asked(node, side))}
    for node, pixels in explicit.items():
        if pixels % multiple or pixels < 0:
            nearest = max(multiple, round(pixels / multiple) * multiple)
            raise SettingError(
                f"{side} on {_name(node)} is {pixels}: use a multiple of {multiple}, like {nearest}."
            )
    if len(set(explicit.values())) > 1:
        (one, pixels), (other, others), *_ = explicit.items()
        raise SettingError(
            f"{side} is {pixels} on {_name(one)} and {others} on {_name(other)}: use the same on both."
        )
    if explicit:
        return next(iter(explicit.values()))
    if not of_source:
        usual = max(1, 512 // multiple) * multiple
        raise SettingError(f"{side} on {_name(nodes[0])} is 0 and there is no source: use {usual}.")
    fitting = of_source // multiple * multiple
    if not fitting:
        advice = f": set {side} on {_name(nodes[0])} to {multiple} or more" if nodes else ""
        raise SettingError(
            f"the source's {side} is {of_source} pixels and at least {multiple} are needed{advice}."
        )
    return fitting


def _asked(node: PlanNode, side: Side) -> int:
    return getattr(stylised(node).settings, side)


def _name(node: PlanNode) -> str:
    return f"StreamDenoise {node.node_id}".strip()
