"""Source, restyled without and restyled with the adapter, beside each other in one video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from .....engine.media.sinks import SinkSpec
from .....engine.media.types import Frames
from .speed import CHAMPION, PLAIN
from .study import Study

FPS = 24


def side_by_side(study: Study, path: Path) -> Path:
    """Write the first clip; without an adapter it has two columns. An older file is replaced."""
    pixels = study.clips[0].pixels
    configs = [config for config in (PLAIN, CHAMPION) if study.lacks(config) is None]
    columns = [pixels, *(study.play(config, pixels).pixels for config in configs)]
    picture = np.concatenate(columns, axis=2)
    height, width = picture.shape[1:3]
    path.unlink(missing_ok=True)
    sink = SinkSpec(str(path)).open(width, height, Fraction(FPS), None)
    sink.write(Frames(picture, 0, tuple(Fraction(i, FPS) for i in range(len(picture)))))
    sink.close()
    return path
