"""Switches in mid-stream: how soon the new style is there, and how visible the way to it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

import numpy as np
from tqdm import tqdm

from ....engine.cache.switch import POLICIES, PolicyName
from ....engine.conditioning.blend import blend_weight
from ....engine.conditioning.recipe import ConditioningRecipe
from ....engine.conditioning.timeline import StyleTimeline
from ...evaluation.clips import Clip
from ...evaluation.prompts import ASK
from ...metrics.perceptual import distance
from ...styles import stylise
from .candidates import Candidate
from .study import Row, Study, by_reference, by_text

BLEND_FRAMES = 24
BEFORE = 4  # chunks under the old style
FRAMES = 65  # of a clip, enough for what comes after
SCORE = 0.9


@dataclass(frozen=True)
class Style:
    """A style, and what the per-frame teacher makes of frames (N, H, W, 3) in it."""

    recipe: ConditioningRecipe
    paint: Callable[[np.ndarray], np.ndarray]


Pair = tuple[Style, Style]


def pairs(candidates: Sequence[Candidate]) -> dict[str, Pair]:
    """One switch of each kind."""
    one, other = [Style(by_reference(each.picture), each.painted) for each in candidates if each.judged][:2]
    first, second = (Style(by_text(ASK[name]), partial(_painted, style=name)) for name in ("oil", "pastel"))
    return {
        "text to text": (first, second),
        "text to reference": (first, one),
        "reference to reference": (one, other),
    }


def _painted(frames: np.ndarray, style: str) -> np.ndarray:
    return np.stack([stylise(frame, style) for frame in frames])


def switch_report(
    study: Study, candidates: Sequence[Candidate], policies: Sequence[PolicyName] = POLICIES
) -> dict[str, Any]:
    """``switch_spike_blend``, ``switch_chunks_to_90`` and a table of all policies."""
    rows = [
        row
        for clip in tqdm(study.clips, desc="switches")
        for kind, pair in pairs(candidates).items()
        for row in _switches(study, clip, kind, pair, policies)
    ]

    def of(policy: str, key: str) -> list[float]:
        return [row[key] for row in rows if row["policy"] == policy]

    return {
        "switch_spike_blend": fmean(of("blend", "spike")),
        "switch_spike_blend_max": max(of("blend", "spike")),
        "switch_chunks_to_90": max(of("refresh_last", "chunks_to_90")),
        "switch_gap_chunks": max(row["gap_chunks"] for row in rows),
        "switch_policies": {
            policy: {
                "chunks_to_90": fmean(of(policy, "chunks_to_90")),
                "spike": fmean(of(policy, "spike")),
                "score_2_chunks": fmean(of(policy, "score_2_chunks")),
            }
            for policy in policies
        },
    }


def _switches(study: Study, clip: Clip, kind: str, pair: Pair, policies: Sequence[PolicyName]) -> list[Row]:
    """A row for each policy, all against the same two unswitched runs."""
    old, new = (study.restyle(clip.pixels, style.recipe) for style in pair)
    target, recipes = study.through(pair[1].paint(clip.pixels)), tuple(style.recipe for style in pair)
    rows = []
    for policy in policies:
        timeline = StyleTimeline(recipes, policy=policy, blend_frames=BLEND_FRAMES, node_id="switch")
        output = study.restyle(clip.pixels, timeline, {BEFORE: {"switch.active": 2}})
        rows.append(
            {
                "kind": "switch",
                "clip": clip.name,
                "pair": kind,
                "policy": policy,
                "gap_chunks": 0 if len(output) == len(clip.pixels) else 1,
                **_measure(study, output, old, new, target),
            }
        )
        study.emit(rows[-1])
    return rows


def _measure(study: Study, output: np.ndarray, old: np.ndarray, new: np.ndarray, target: np.ndarray) -> Row:
    chunk = study.model.autoencoder.temporal * study.model.profile.block
    at = 1 + chunk * BEFORE - study.model.autoencoder.temporal  # the first chunk shows fewer frames
    crossed = crossfade(old, new, at, BLEND_FRAMES)
    spikes = [spike(each, at, BLEND_FRAMES + chunk) for each in (output, crossed)]
    scores = [
        score(study, *(each[first : first + chunk] for each in (output, old, new, target)))
        for first in range(at, len(output) - chunk + 1, chunk)
    ]
    reached = [number for number, found in enumerate(scores, start=1) if found >= SCORE]
    return {
        "spike": spikes[0] / spikes[1],
        "score_2_chunks": scores[1],
        "chunks_to_90": float(reached[0] if reached else len(scores) + 1),
        "scores": scores,
    }


def crossfade(old: np.ndarray, new: np.ndarray, at: int, frames: int) -> np.ndarray:
    """Two clips, uint8 (N, H, W, 3), mixed pixel by pixel from frame ``at`` on, as ``blend`` weighs them."""
    weights = np.array(
        [blend_weight(frame - at, frames) if frame >= at else 0.0 for frame in range(len(old))]
    )
    return np.float32(old) + np.float32(weights)[:, None, None, None] * (np.float32(new) - np.float32(old))


def spike(clip: np.ndarray, at: int, frames: int) -> float:
    """The largest mean absolute difference of neighbours in the ``frames`` frames from ``at`` on."""
    stretch = np.float32(clip[at - 1 : at + frames])
    return float(np.abs(np.diff(stretch, axis=0)).mean((1, 2, 3)).max())


def score(study: Study, output: np.ndarray, old: np.ndarray, new: np.ndarray, target: np.ndarray) -> float:
    """``(d_old - d) / (d_old - d_new)`` with d the perceptual distance to the new style's target.

    Args:
        output, old, new: one chunk of the switched run and of the two unswitched ones, uint8.
        target: the teacher's frames through the autoencoder.
    """
    wanted = study.trunk.features(target)
    away, far, near = (
        float(distance(study.trunk.features(each), wanted).mean()) for each in (output, old, new)
    )
    return (far - away) / (far - near)
