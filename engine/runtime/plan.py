"""FRAME_STREAM: an immutable plan of what a session will do, never frames.

A node adds one ``PlanNode`` to the plan it was given. A write node builds a session from it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import PurePath
from typing import Any, Literal

from ..conditioning.timeline import AnyConditioning
from ..families.base import DenoiseSettings, ModelHandle
from ..media.live.sink_spec import LiveSinkSpec
from ..media.lossless_sink import LosslessSpec
from ..media.mixing import Mix
from ..media.sinks import SinkSpec
from ..media.sources import SourceSpec
from ..media.types import Resize
from ..motion.flow import FlowSettings

CompareMode = Literal["off", "side_by_side", "wipe"]


@dataclass(frozen=True)
class Read:
    """Open a source; ``frames`` ends it after so many, 0 leaves that to the source."""

    source: SourceSpec
    resize: Resize = "crop"
    frames: int = 0


@dataclass(frozen=True)
class Stylise:
    """Denoise with a streaming model; without a parent it generates."""

    model: ModelHandle
    conditioning: AnyConditioning
    settings: DenoiseSettings


@dataclass(frozen=True)
class FlowBlend:
    """Mix each frame with the result before it, carried along the source's motion.

    Attributes:
        flow: how motion is found.
        occlusion: leave out what the frame before did not show.
        blend: share of the carried frame, 0 to 1 (live under ``"<node_id>.blend"``, late).
    """

    flow: FlowSettings = FlowSettings()
    occlusion: bool = True
    blend: float = 0.5


@dataclass(frozen=True)
class Write:
    """Write a target; a second parent is the stream to compare with, else the source is.

    Attributes:
        volume: factor of its sound, 0 to ``LOUDEST`` (live under ``"<node_id>.volume"``, late).
    """

    sink: SinkSpec | LiveSinkSpec | LosslessSpec
    compare: CompareMode = "off"
    preview: bool = True
    volume: float = 1.0


Operation = Read | Stylise | FlowBlend | Mix | Write
"""``Mix`` has two parents: it shows the second in the first; a third is its mask."""


@dataclass(frozen=True, eq=False)
class PlanNode:
    """One operation of a plan, the streams it works on, and the ComfyUI node that made it.

    Nodes are equal when their digests are: equal nodes are one, so their source is
    opened once.
    """

    operation: Operation
    parents: tuple[PlanNode, ...] = ()
    node_id: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlanNode) and self.digest() == other.digest()

    def __hash__(self) -> int:
        return hash(self.digest())

    @property
    def stream(self) -> PlanNode:
        """The node whose frames these are: a write passes its first parent's on."""
        return self.parents[0].stream if isinstance(self.operation, Write) else self

    @property
    def origin(self) -> PlanNode:
        """Where the stream begins: a read, or a denoising without a parent."""
        return self.parents[0].origin if self.parents else self

    @property
    def raw(self) -> bool:
        """Whether the stream is a source's, no model's."""
        return not isinstance(self.operation, Stylise) and (not self.parents or self.parents[0].raw)

    @property
    def mixes(self) -> bool:
        """Whether a stream is mixed in anywhere; what only follows others so ends with them."""
        return any(isinstance(node.operation, Mix) for node in self.walk())

    @property
    def undrawn(self) -> frozenset[PlanNode]:
        """The stream itself and all that it is made of without a model between."""
        parents = () if isinstance(self.operation, Stylise) else self.inputs
        return frozenset({self}).union(*(parent.undrawn for parent in parents))

    @property
    def inputs(self) -> tuple[PlanNode, ...]:
        """The streams that are used: what a write doesn't compare with is left out."""
        parents = self.parents
        if isinstance(self.operation, Write) and self.operation.compare == "off":
            parents = parents[:1]
        return tuple(parent.stream for parent in parents)

    def walk(self) -> Iterator[PlanNode]:
        """All nodes that take part, parents before children, equal ones once."""
        seen: set[PlanNode] = set()

        def visit(node: PlanNode) -> Iterator[PlanNode]:
            if node in seen:
                return
            seen.add(node)
            mixes = isinstance(node.operation, Mix)  # all that it needs may be written on the way
            for parent in node.parents if mixes else (*node.parents[:1], *node.inputs[1:]):
                yield from visit(parent)
            yield node

        yield from visit(self)

    def digest(self) -> str:
        """A stable name of the plan: equal plans have equal digests, in every process.

        Fields that don't take part in equality (frames, reference images) are left out; their
        ``fingerprint`` stands for them.
        """
        return self._digest

    @cached_property
    def _digest(self) -> str:
        described = (
            type(self.operation).__name__,
            _plain(self.operation),
            self.node_id,
            tuple(parent.digest() for parent in self.parents),
        )
        return hashlib.sha256(repr(described).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """``value`` as nested tuples of plain values, whose ``repr`` is the same in every process."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        compared = (field.name for field in dataclasses.fields(value) if field.compare)
        return (type(value).__name__, *((name, _plain(getattr(value, name))) for name in compared))
    if isinstance(value, tuple | list):
        return tuple(_plain(entry) for entry in value)
    if isinstance(value, str | int | float | bool | None | Fraction):
        return value
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"A plan carries plain values; {type(value).__name__} has no stable digest.")


def rebuilt(plan: PlanNode, change: Callable[[PlanNode], PlanNode]) -> PlanNode:
    """The plan with ``change`` applied to every node, equal ones once."""
    done: dict[PlanNode, PlanNode] = {}

    def build(node: PlanNode) -> PlanNode:
        if node not in done:
            changed = change(node)
            parents = tuple(build(parent) for parent in node.parents)
            done[node] = changed if changed.parents != node.parents else replace(changed, parents=parents)
        return done[node]

    return build(plan)


def stylised(node: PlanNode) -> Stylise:
    """The operation of a denoising node."""
    assert isinstance(node.operation, Stylise)
    return node.operation


def read_of(node: PlanNode) -> Read:
    """The operation of a reading node."""
    assert isinstance(node.operation, Read)
    return node.operation
