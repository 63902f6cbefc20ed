"""Which tables there are, and how they are printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import generality, speed, steadiness
from .study import Row, Study


@dataclass(frozen=True)
class Table:
    """One table of the paper.

    Attributes:
        title: what it shows.
        measure: gives its rows.
    """

    title: str
    measure: Callable[[Study], list[Row]]


TABLES = {
    "II": Table("Speed ladder", speed.ladder),
    "III": Table("Sustained latency, 480 frames", speed.sustained),
    "IV": Table("Lane profile, ms a frame", speed.lanes),
    "V": Table("Batch scaling, ms a chunk", speed.batches),
    "VI": Table("Refresh interval", steadiness.refresh_sweep),
    "VII": Table("Drift over a loop of 480 frames", steadiness.long_loop),
    "VIII": Table("Hard cuts", steadiness.scene_cuts),
    "IX": Table("Held-out clips and prompts", generality.held_out),
    "X": Table("One adapter, several prompts", generality.prompts),
    "XI": Table("Hardware", speed.hardware),
    "XII": Table("LCM-LoRA", generality.lora),
}


def measure(study: Study, name: str) -> list[Row]:
    """The rows of a table; every run behind them goes to ``study.emit`` with the table's name."""
    study.table = name
    return TABLES[name].measure(study)


def text(rows: Sequence[Row]) -> str:
    """A table for a terminal: numbers to four digits, notes at the row's end."""
    columns = [key for key in dict.fromkeys(key for row in rows for key in row) if key != "note"]
    grid = [columns, *([_cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in grid) for i in range(len(columns))]
    notes = ["", *(row.get("note", "") for row in rows)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + f"  {note}"
        for line, note in zip(grid, notes, strict=True)
    ]
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
