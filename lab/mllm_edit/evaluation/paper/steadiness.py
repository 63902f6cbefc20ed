"""Tables VI to VIII: how often to refresh, what 480 frames do, and what a hard cut does."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

import numpy as np

from ....evaluation.clips import spliced, to_and_fro
from ....evaluation.prompts import ASK
from ....metrics.drift import drift
from ....metrics.perceptual import distance
from ....metrics.temporal import clip_motion, pair_errors
from .speed import CHAMPION, PLAIN
from .study import Config, Row, Study, with_chunk

CUT_AT = 32
AROUND = 8  # pairs of neighbours that are counted on each side of a cut


def refresh_sweep(study: Study) -> list[Row]:
    """Table VI: the refresh interval, at chunk 4 so that a clip of 64 frames has several refreshes."""
    return [
        study.measured(
            replace(CHAMPION, name=f"refresh {every}", refresh=every, chunk=4), study.clips, refresh=every
        )
        for every in (1, 4, 8, 16)
    ]


def long_loop(study: Study) -> list[Row]:
    """Table VII: the first clip to and fro; each window shows the same pictures."""
    clip = study.clips[0]
    window = study.window
    pixels = to_and_fro(clip.pixels, study.length, window)
    cycle = clip_motion(pixels[: 1 + min(window, max(1, 2 * len(clip.pixels) - 2))])
    motion = [cycle[i % len(cycle)] for i in range(len(pixels) - 1)]
    rows = []
    for config in (PLAIN, CHAMPION):
        lacking = study.lacks(config)
        if lacking:
            rows.append({"config": config.name, "note": lacking})
            continue
        output = study.play(config, pixels).pixels
        found = drift(pair_errors(output, motion).everywhere, window)
        features = [
            study.trunk.features(output[at : at + window])
            for at in range(0, len(output) - window + 1, window)
        ]
        away = [float(distance(seen, features[0]).mean()) for seen in features[1:]]
        for index, value in enumerate(found.windows):
            row = {"config": config.name, "window": index, "warping_error": value}
            rows.append(row | ({"distance_to_window_0": away[index - 1]} if index else {}))
            study.emit({"table": study.table, "clip": clip.name, **rows[-1]})
        rows.append(
            {
                "config": f"{config.name}: Theil-Sen slope x length",
                "warping_error": found.change,
                "low": found.low,
                "high": found.high,
                "share": found.share,
                "ok": found.ok,
            }
        )
    return rows


def scene_cuts(study: Study) -> list[Row]:
    """Table VIII: clips cut together; distance of neighbouring frames before and after, old scene or none."""
    configs = (PLAIN, replace(CHAMPION, name="adapter, cuts ignored", cuts=False), _watchful(CHAMPION))
    pairs = list(zip(study.clips, study.clips[1:], strict=False))[:3]
    rows = []
    for config in configs:
        lacking = study.lacks(config)
        if lacking:
            rows.append({"config": config.name, "note": lacking})
            continue
        for before, after in pairs:
            at = min(CUT_AT, len(before.pixels) // config.chunk * config.chunk)
            joined = spliced(before.pixels, after.pixels[:CUT_AT], at)
            output = study.play(config, joined).pixels
            alone = study.play(config, after.pixels[:CUT_AT]).pixels
            steps = _neighbours(study, output[at - AROUND - 1 : at + AROUND + 1])
            row = {
                "config": config.name,
                "clip": f"{before.name} to {after.name}",
                "before": fmean(steps[:AROUND]),
                "after": fmean(steps[AROUND + 1 :]),
                "distance_to_run_from_cut": _apart(study, output[at : at + 16], alone[:16]),
            }
            rows.append(row)
            study.emit({"table": study.table, **row, "prompt": ASK[study.style]})
    return rows


def _watchful(config: Config) -> Config:
    return with_chunk(replace(config, name="adapter, cuts refresh"), config.chunk)


def _neighbours(study: Study, pixels: np.ndarray) -> list[float]:
    """Perceptual distance of each frame to the next."""
    features = study.trunk.features(pixels)
    first, second = [level[:-1] for level in features], [level[1:] for level in features]
    return distance(first, second).tolist()


def _apart(study: Study, first: np.ndarray, second: np.ndarray) -> float:
    return float(distance(study.trunk.features(first), study.trunk.features(second)).mean())
