"""Does a long film stay as it is? Colours, object count and sharpness of every frame, and their drift."""

from __future__ import annotations

import numpy as np

from ....engine.families.stream_dit.model import StreamDiTModel
from ...metrics.drift import drift
from ...metrics.sharpness import gradient_magnitude
from ...world.detector import count_objects
from .films import Case, chunks


def frame_measures(frames: np.ndarray) -> np.ndarray:
    """Mean of red, green and blue, their deviation, objects, sharpness: (N, 6) of uint8 (N, H, W, 3)."""
    return np.array(
        [
            (*frame.mean((0, 1)), frame.std(), count_objects(frame), gradient_magnitude(frame[None]))
            for frame in frames
        ]
    )


MEASURES = ("red", "green", "blue", "contrast", "objects", "sharpness")


def stability_report(model: StreamDiTModel, case: Case, frames: int, side: int, window: int = 64) -> dict:
    """``drift_ok`` and the drift of each measure over one film; pictures are not kept."""
    parts = (frame_measures(part) for part in chunks(model, case.sentence.text, frames, side, seed=5))
    values = np.concatenate(list(parts))
    rows = {name: drift(values[:, column], window) for column, name in enumerate(MEASURES)}
    return {
        "drift_ok": all(row.ok for row in rows.values()),
        "drift_frames": len(values),
        "drift": {
            name: {"share": row.share, "change": row.change, "low": row.low, "high": row.high, "ok": row.ok}
            for name, row in rows.items()
        },
    }
