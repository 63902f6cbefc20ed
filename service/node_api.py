"""What the nodes use of ComfyUI's node API (``comfy_api.latest.io``): how a node describes itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any


class Input:
    """An input of a node.

    Attributes:
        id: its name in a workflow.
        optional: whether a node runs without it.
        min, max: inclusive bounds of a number.
    """

    convert: Callable[[Any], Any] | None = None
    """What a value in a workflow becomes; None for what only a link can bring."""

    def __init__(self, id: str, *, optional: bool = False, **options: Any) -> None:
        self.id = id
        self.display_name = id
        self.optional = optional
        self.min, self.max = options.get("min"), options.get("max")
        self.extra_dict: dict[str, Any] = {}


class Output:
    """An output of a node."""

    def __init__(self, id: str | None = None, **options: Any) -> None:
        self.id = id


def _kind(convert: Callable[[Any], Any] | None = None) -> SimpleNamespace:
    """A type of socket or widget: its ``Input`` and its ``Output``."""
    given = None if convert is None else staticmethod(convert)
    return SimpleNamespace(Input=type("Input", (Input,), {"convert": given}), Output=Output)


class Hidden(Enum):
    """Values that a node is given without a socket."""

    unique_id = "unique_id"
    prompt = "prompt"
    extra_pnginfo = "extra_pnginfo"
    dynprompt = "dynprompt"


@dataclass
class Schema:
    """A node's description."""

    node_id: str
    inputs: Sequence[Input] = ()
    outputs: Sequence[Output] = ()
    hidden: Sequence[Hidden] = ()
    is_output_node: bool = False
    display_name: str = ""
    category: str = ""
    description: str = ""
    search_aliases: Sequence[str] = ()
    not_idempotent: bool = False


class NodeOutput:
    """What ``execute`` gives: values in the order of the outputs."""

    def __init__(self, *values: Any, ui: dict[str, Any] | None = None) -> None:
        self.values = values
        self.ui = ui or {}


class ComfyNode:
    """Base of every node; a class made for one call has its hidden values.

    Attributes:
        SCHEMA: of the node.
        hidden: by the names of ``Hidden``.
    """

    SCHEMA: Schema
    hidden: SimpleNamespace


@dataclass(frozen=True)
class Blocked:
    """An output that stops whoever uses it, with a reason."""

    reason: str


@dataclass(frozen=True)
class NodeApi:
    """The names under which the nodes know all this; ``host.io`` is one."""

    Input: type = Input
    Schema: type = Schema
    NodeOutput: type = NodeOutput
    ComfyNode: type = ComfyNode
    Hidden: type = Hidden
    Int: Any = field(default_factory=lambda: _kind(int))
    Float: Any = field(default_factory=lambda: _kind(float))
    String: Any = field(default_factory=lambda: _kind(str))
    Boolean: Any = field(default_factory=lambda: _kind(bool))
    Combo: Any = field(default_factory=lambda: _kind(str))
    Image: Any = field(default_factory=_kind)
    Video: Any = field(default_factory=_kind)
    Conditioning: Any = field(default_factory=_kind)
    Clip: Any = field(default_factory=_kind)
    UploadType: Any = field(default_factory=lambda: SimpleNamespace(video="video"))

    @staticmethod
    def Custom(name: str) -> SimpleNamespace:
        """A socket type of the pack's own."""
        return _kind()


io = NodeApi()
