"""Place a template's nodes in columns, from the sizes that they have in all renderers.

A column starts as low as the wires need that pass over it; a column's nodes stand below each other.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

from boxes import Boxes, Wire

ACROSS, DOWN = 50.0, 24.0
"""Between columns, and between the nodes of one; graph units."""

STEP, LOWEST = 20, 1000
TRIES = 3
BLOCKED = 1e6

Place = dict[str, tuple[float, float]]


def place(views: Sequence[Boxes], columns: Sequence[Sequence[str]], left: float, top: float) -> Place:
    """Positions by node id.

    Args:
        views: the graph as each renderer shows it, wherever its nodes lie.
        columns: node ids from left to right, each column's from top to bottom.
        left, top: where the first column's first node goes, title included.

    Raises:
        ValueError: no starts of the columns keep all wires clear of nodes.
    """
    chance = random.Random(0)
    best, least = [0] * len(columns), float("inf")
    for attempt in range(TRIES):
        starts = [0] * len(columns) if not attempt else [chance.randrange(0, 600, STEP) for _ in columns]
        cost = _cost(views, columns, starts)
        while True:
            moves = [
                (_cost(views, columns, moved), moved)
                for column in range(len(columns))
                for start in range(0, LOWEST, STEP)
                if (moved := [*starts[:column], start, *starts[column + 1 :]]) != starts
            ]
            lower, moved = min(moves)
            if lower >= cost:
                break
            cost, starts = lower, moved
        if cost < least:
            best, least = starts, cost
    if least >= BLOCKED:
        raise ValueError(f"no starts of the columns {columns} keep all wires in sight")
    return _places(views, columns, best, left, top)


def moved(view: Boxes, places: Place) -> Boxes:
    """A view with its nodes at other positions."""
    shift = {
        node: tuple(new - old for new, old in zip(places[node], view.positions[node], strict=True))
        for node in view.nodes
    }

    def by(point: tuple[float, float], node: str) -> tuple[float, float]:
        return point[0] + shift[node][0], point[1] + shift[node][1]

    return Boxes(
        {node: (*by(box[:2], node), *box[2:]) for node, box in view.nodes.items()},
        [
            Wire(wire.source, wire.target, by(wire.start, wire.source), by(wire.end, wire.target))
            for wire in view.wires
        ],
        places,
    )


def _places(
    views: Sequence[Boxes], columns: Sequence[Sequence[str]], starts: Sequence[int], left: float, top: float
) -> Place:
    places: Place = {}
    for column, start in zip(columns, starts, strict=True):
        y = top + start
        for node in column:
            above = max(view.positions[node][1] - view.nodes[node][1] for view in views)
            below = max(view.nodes[node][1] + view.nodes[node][3] - view.positions[node][1] for view in views)
            places[node] = (left, y + above)
            y += above + below + DOWN
        left += max(view.nodes[node][2] for view in views for node in column) + ACROSS
    return places


def _cost(views: Sequence[Boxes], columns: Sequence[Sequence[str]], starts: Sequence[int]) -> float:
    """Hidden wires count most, then the height of it all, then how far wires climb and columns hang."""
    places = _places(views, columns, starts, 0.0, 0.0)
    cost = 0.0
    for view in views:
        seen = moved(view, places)
        cost += BLOCKED * len(seen.hidden_wires())
        cost += 4 * max(box[1] + box[3] for box in seen.nodes.values())
        cost += 0.5 * sum(abs(wire.end[1] - wire.start[1]) for wire in seen.wires)
    return cost / len(views) + 0.1 * sum(starts) + 0.1 * sum(abs(a - b) for a, b in pairwise(starts))
