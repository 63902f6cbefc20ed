"""Where nodes and wires lie on an open canvas, in the graph's own units, in both renderers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

MEASURE = """() => {
    const { graph, canvas } = window.app;
    const { scale, offset } = canvas.ds;
    const frame = canvas.canvas.getBoundingClientRect();
    const onGraph = (left, top) =>
        [(left - frame.left) / scale - offset[0], (top - frame.top) / scale - offset[1]];
    const titled = (node) => [node.pos[0], node.pos[1] - 30, node.size[0], node.size[1] + 30];
    const boxOf = (node) => {
        const element = document.querySelector(`.lg-node[data-node-id="${node.id}"]`);
        if (!element) return titled(node);
        const { left, top, width, height } = element.getBoundingClientRect();
        return [...onGraph(left, top), width / scale, height / scale];
    };
    const at = (node, input, slot) => {
        const dot = document.querySelector(`[data-slot-key="${node.id}-${input ? "in" : "out"}-${slot}"]`);
        if (!dot) return Array.from(input ? node.getInputPos(slot) : node.getOutputPos(slot));
        const { left, top, width, height } = dot.getBoundingClientRect();
        return onGraph(left + width / 2, top + height / 2);
    };
    const boxes = Object.fromEntries(graph.nodes.map((node) => [node.id, boxOf(node)]));
    const wires = Array.from(graph.links.values()).map((link) => {
        const [source, target] = [link.origin_id, link.target_id].map((id) => graph.getNodeById(id));
        return {
            source: source.id,
            target: target.id,
            from: at(source, false, link.origin_slot),
            to: at(target, true, link.target_slot),
        };
    });
    const positions = Object.fromEntries(graph.nodes.map((node) => [node.id, [...node.pos]]));
    return { boxes, wires, positions };
}"""

INSET = 3.0
"""A wire may touch the edge of a node that it has nothing to do with."""

_T = np.linspace(0.02, 0.98, 33)
_CURVE = np.stack([(1 - _T) ** 3, 3 * _T * (1 - _T) ** 2, 3 * _T**2 * (1 - _T), _T**3], axis=1)
"""What each of a curve's four points counts along it."""


@dataclass(frozen=True)
class Wire:
    """A connection: its ends' nodes, and where it starts and ends."""

    source: str
    target: str
    start: tuple[float, float]
    end: tuple[float, float]


@dataclass
class Boxes:
    """A graph as it is shown.

    Attributes:
        nodes: left, top, width and height by node id, title included.
        wires: all connections.
        positions: the nodes' own positions, below their titles.
    """

    nodes: dict[str, tuple[float, float, float, float]]
    wires: list[Wire] = field(default_factory=list)
    positions: dict[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, page: Any) -> Boxes:
        """Measure the graph that a page shows."""
        seen = page.evaluate(MEASURE)
        return cls(
            {str(key): tuple(box) for key, box in seen["boxes"].items()},
            [
                Wire(str(wire["source"]), str(wire["target"]), tuple(wire["from"]), tuple(wire["to"]))
                for wire in seen["wires"]
            ],
            {str(key): tuple(position) for key, position in seen["positions"].items()},
        )

    @classmethod
    def at_rest(cls, page: Any) -> Boxes:
        """Measure once nothing in the graph moves any more."""
        boxes = cls.of(page)
        for _ in range(60):
            page.wait_for_timeout(800)
            before, boxes = boxes, cls.of(page)
            if before == boxes:
                return boxes
        raise AssertionError("the graph never came to rest")

    def overlaps(self) -> list[tuple[str, str]]:
        """Pairs of nodes that cover each other."""
        names = sorted(self.nodes)
        return [
            (one, other)
            for index, one in enumerate(names)
            for other in names[index + 1 :]
            if _meet(self.nodes[one], self.nodes[other])
        ]

    def hidden_wires(self) -> list[tuple[str, str, str]]:
        """Connections that run behind a node: source, target, and the node."""
        if not self.wires:
            return []
        names = list(self.nodes)
        low = np.array([box[:2] for box in self.nodes.values()])
        high = low + np.array([box[2:] for box in self.nodes.values()])
        ends = np.array([(wire.start, wire.end) for wire in self.wires])
        reach = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)[:, None] * (0.25, 0)
        # The front end's curve leaves and arrives level.
        handles = np.stack([ends[:, 0], ends[:, 0] + reach, ends[:, 1] - reach, ends[:, 1]], axis=1)
        points = np.einsum("pk,wkd->wpd", _CURVE, handles)[:, :, None]
        inside = ((points > low + INSET) & (points < high - INSET)).all(axis=3).any(axis=1)
        return [
            (wire.source, wire.target, names[node])
            for wire, row in zip(self.wires, inside, strict=True)
            for node in np.flatnonzero(row)
            if names[node] not in (wire.source, wire.target)
        ]


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(
        one[axis] < other[axis] + other[axis + 2] and other[axis] < one[axis] + one[axis + 2]
        for axis in (0, 1)
    )
