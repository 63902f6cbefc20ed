"""The tables as pictures (matplotlib, PNG)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .study import Row

SIZE = (7.0, 4.5)  # inches


def draw(tables: Mapping[str, Sequence[Row]], folder: Path) -> list[Path]:
    """Plot those of II, V, VI and VII that hold figures; returns the files."""
    files = []
    for name, plot in PLOTS.items():
        rows = [row for row in tables.get(name, ()) if "note" not in row]
        if rows:
            figure = Figure(SIZE, layout="constrained")
            plot(figure.add_subplot(), rows)
            files.append(folder / f"table_{name}.png")
            figure.savefig(files[-1], dpi=120)
    return files


def _ladder(axes: Axes, rows: Sequence[Row]) -> None:
    for row in rows:
        if "fps" in row:
            axes.errorbar(
                row["fps"], row["warping_error"], row["warping_error_std"], fmt="o", label=row["config"]
            )
    axes.set(xlabel="frames a second, wall clock", ylabel="warping error (0..255)", title="Speed ladder")
    axes.legend(fontsize=7)


def _batches(axes: Axes, rows: Sequence[Row]) -> None:
    for part in ("text_encoder", "unet"):
        axes.plot([row["chunk"] for row in rows], [row[part] for row in rows], "o-", label=part)
    axes.set(xlabel="frames in a chunk", ylabel="ms a chunk", title="Batch scaling")
    axes.legend()


def _sweep(axes: Axes, rows: Sequence[Row]) -> None:
    chunks = [row["refresh"] for row in rows]
    axes.errorbar(
        chunks, [r["warping_error"] for r in rows], [r["warping_error_std"] for r in rows], fmt="o-"
    )
    axes.set(
        xlabel="chunks from refresh to refresh", ylabel="warping error (0..255)", title="Refresh interval"
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks(chunks, [str(count) for count in chunks])


def _loop(axes: Axes, rows: Sequence[Row]) -> None:
    windows = [row for row in rows if "window" in row]
    for config, group in groupby(windows, key=lambda row: row["config"]):
        mine = list(group)
        axes.plot([row["window"] for row in mine], [row["warping_error"] for row in mine], "o-", label=config)
    axes.set(xlabel="window of 64 frames", ylabel="warping error (0..255)", title="480 frames to and fro")
    axes.set_ylim(bottom=0)
    axes.legend()


PLOTS = {"II": _ladder, "V": _batches, "VI": _sweep, "VII": _loop}
