"""How nodes declare themselves: the schema that all share, their own socket types, and widgets.

A widget is optional and has a default, so that an input which is appended later breaks no saved graph.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from .checks import is_text, within
from .host import io
from .labels import LIVE, RARE, labels

CATEGORY = "LiveStyle"

ESSENTIALS = {"LoadStreamModel", "MLLMEncode", "StreamDenoise", "FrameStreamIO"}
"""The nodes of a first graph: newer editors list them among the essentials, too."""

FrameStream = io.Custom("FRAME_STREAM")
"""A plan: ``engine.runtime.plan.PlanNode``."""

StreamModelSocket = io.Custom("STREAM_MODEL")
"""``engine.families.base.ModelHandle``."""

StreamConditioning = io.Custom("STREAM_CONDITIONING")
"""``engine.conditioning.recipe.ConditioningRecipe``."""

Flow = io.Custom("FLOW")
"""How motion is found: ``engine.motion.flow.FlowSettings``."""


def schema(**fields: Any) -> io.Schema:
    """``io.Schema`` of a node that knows its id, without the fields that this ComfyUI does not have yet.

    Inputs get their labels and marks from ``labels.py``.
    """
    common = {
        "category": CATEGORY,
        "hidden": [io.Hidden.unique_id],
        "not_idempotent": True,  # the output names the node, so an equal node must not share it
    }
    node_id = fields["node_id"]
    if node_id in ESSENTIALS:
        common["essentials_category"] = "Video Tools"
    for each in fields["inputs"]:
        each.display_name = labels(node_id).get(each.id, each.id)
        # In extra_dict, for 0.3.75 has no argument for the first; its editor knows the mark all the same.
        marks = {"advanced": each.id in RARE.get(node_id, ()), "live": each.id in LIVE.get(node_id, ())}
        each.extra_dict = each.extra_dict | {mark: True for mark, given in marks.items() if given}
    known = {field.name for field in dataclasses.fields(io.Schema)}
    return io.Schema(**{name: value for name, value in (common | fields).items() if name in known})


def int_widget(name: str, default: int, limits: tuple[int, int], tooltip: str, **options: Any) -> io.Input:
    """A whole number within inclusive limits."""
    low, high = limits
    return io.Int.Input(name, default=default, min=low, max=high, optional=True, tooltip=tooltip, **options)


def float_widget(
    name: str, default: float, limits: tuple[float, float], step: float, tooltip: str, **options: Any
) -> io.Input:
    """A number within inclusive limits."""
    low, high = limits
    return io.Float.Input(
        name, default=default, min=low, max=high, step=step, optional=True, tooltip=tooltip, **options
    )


def combo_widget(name: str, choices: Sequence[str], tooltip: str, **options: Any) -> io.Input:
    """One of several; the first is the default."""
    return io.Combo.Input(
        name, options=list(choices), default=choices[0], optional=True, tooltip=tooltip, **options
    )


def boolean_widget(name: str, default: bool, tooltip: str, **options: Any) -> io.Input:
    """On or off."""
    return io.Boolean.Input(name, default=default, optional=True, tooltip=tooltip, **options)


def string_widget(name: str, default: str, tooltip: str, **options: Any) -> io.Input:
    """A line of text."""
    return io.String.Input(name, default=default, optional=True, tooltip=tooltip, **options)


def check_widgets(node: type[io.ComfyNode], values: Mapping[str, Any]) -> None:
    """Hold numbers to their limits, which ComfyUI does not where a link brings them, and text to text.

    Args:
        node: whose schema has the limits.
        values: by widget; what the schema gives no limits is passed over.

    Raises:
        SettingError: a number is out of its range, or a text can't be encoded.
    """
    for each in node.SCHEMA.inputs:
        value = values.get(each.id)
        if isinstance(each, io.Int.Input | io.Float.Input) and each.id in values:
            within(each.id, value, each.min, each.max)
        if isinstance(value, str):
            is_text(each.id, value)
