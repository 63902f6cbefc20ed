"""Does the picture carry the style that was asked for, in words or by a reference, and is it steady?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from tqdm import tqdm

from ...evaluation.clips import Clip
from ...evaluation.prompts import ASK
from ...metrics.change import best_colour_map, psnr, squared_error
from ...metrics.perceptual import distance
from ...metrics.sharpness import gradient_magnitude
from ...metrics.temporal import warping_error
from ...mllm_edit.evaluation.editing import Judge
from ...styles import SCREEN_LOCKED, STYLES, stylise
from .candidates import Candidate, percentile_rank
from .study import Row, Study, by_reference, by_text

EVERY = 4  # one frame of this many is compared with candidates
REST = 5  # frames before a judged one that its candidates are painted from: two latents


def text_report(study: Study, styles: Sequence[str] = STYLES) -> dict[str, Any]:
    """``text_style_nearest_share`` and what lies behind it."""
    rows = [row for clip in tqdm(study.clips, desc="by text") for row in _by_text(study, clip, styles)]
    free = [row for row in rows if row["style"] not in SCREEN_LOCKED]
    shares = {style: fmean(r["nearest_share"] for r in rows if r["style"] == style) for style in styles}
    return {
        "text_style_nearest_share": fmean(shares.values()),
        "text_style_nearest_min": min(shares.values()),
        "text_psnr_db": fmean(row["psnr_db"] for row in rows),
        "text_gradient_ratio_to_teacher": fmean(row["gradient_ratio"] for row in free),
        "text_warping_error_ratio_to_teacher": fmean(row["warping_ratio"] for row in free),
        "text_styles": shares,
    }


def _by_text(study: Study, clip: Clip, styles: Sequence[str]) -> Iterator[Row]:
    picks = np.arange(EVERY, len(clip.pixels), EVERY)
    source = study.through(clip.pixels)
    painted = {
        style: study.through(np.stack([stylise(frame, style) for frame in clip.pixels])) for style in styles
    }
    maps = {style: best_colour_map(source[picks], frames[picks]) for style, frames in painted.items()}
    features = {
        name: study.trunk.features(frames[picks]) for name, frames in [*painted.items(), ("source", source)]
    }
    judge = Judge(source[picks], {s: f[picks] for s, f in painted.items()}, maps, study.trunk, features)
    for style in styles:
        output = study.restyle(clip.pixels, by_text(ASK[style]))
        yield _kept(
            study,
            {
                "kind": "text",
                "clip": clip.name,
                "style": style,
                "nearest_share": judge.nearest_share(style, output[picks]),
                **_against(clip, output, painted[style]),
            },
        )


def reference_report(study: Study, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """``reference_percentile_rank``, ``warping_error_ratio_to_teacher``, ``gradient_ratio_to_teacher``."""
    rows = [
        row
        for clip in tqdm(study.clips, desc="by reference")
        for row in _by_reference(study, clip, candidates)
    ]
    return {
        "reference_percentile_rank": fmean(row["percentile_rank"] for row in rows),
        "reference_percentile_rank_min": min(row["percentile_rank"] for row in rows),
        "reference_candidates": len(candidates),
        "reference_psnr_db": fmean(row["psnr_db"] for row in rows),
        "warping_error_ratio_to_teacher": fmean(row["warping_ratio"] for row in rows),
        "gradient_ratio_to_teacher": fmean(row["gradient_ratio"] for row in rows),
    }


def _by_reference(study: Study, clip: Clip, candidates: Sequence[Candidate]) -> Iterator[Row]:
    last = len(clip.pixels) - 1
    rest = clip.pixels[last + 1 - REST :]
    features = [study.trunk.features(study.through(candidate.painted(rest))[-1:]) for candidate in candidates]
    for place, candidate in enumerate(candidates):
        if not candidate.judged:
            continue
        output = study.restyle(clip.pixels, by_reference(candidate.picture))
        mine = study.trunk.features(output[last:])
        distances = [float(distance(mine, other)) for other in features]
        yield _kept(
            study,
            {
                "kind": "reference",
                "clip": clip.name,
                "style": candidate.name,
                "percentile_rank": percentile_rank(distances, place),
                **_against(clip, output, study.through(candidate.painted(clip.pixels))),
            },
        )


def _against(clip: Clip, output: np.ndarray, teacher: np.ndarray) -> Row:
    """Likeness, steadiness and sharpness against the teacher's frames through the autoencoder."""
    moving, reference = (warping_error(each, clip.source.motion, masked=True) for each in (output, teacher))
    return {
        "psnr_db": psnr(squared_error(output, teacher)),
        "warping_ratio": moving / reference,
        "gradient_ratio": gradient_magnitude(output) / gradient_magnitude(teacher),
    }


def _kept(study: Study, row: Row) -> Row:
    study.emit(row)
    return row
