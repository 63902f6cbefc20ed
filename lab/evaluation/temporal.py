"""What a temporal adapter changes: steadiness, sharpness, style, drift, and the first chunks after a cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from tqdm import tqdm

from ...engine.families.base import DenoiseSettings, StreamModel, TemporalAdapter
from ...engine.motion.blend import FlowBlender
from ...engine.motion.flow import FlowSettings
from ..benchmark.inline import restyle
from ..metrics.drift import drift
from ..metrics.perceptual import EfficientNetLite0, distance
from ..metrics.sharpness import gradient_magnitude
from ..metrics.style import style_distance
from ..metrics.temporal import clip_motion, pair_errors
from ..styles import SCREEN_LOCKED, STYLES, stylise
from .clips import Clip, spliced, to_and_fro
from .prompts import ASK
from .quality import SourceClip, rank_agreement

SIDES = ("without", "with")
BLENDED = "blended"
"""A third side of steadiness: no adapter, and FlowWarp's blend over the output at the node's defaults."""
Row = dict[str, Any]


@dataclass(frozen=True)
class TemporalStudy:
    """What is run.

    Attributes:
        styles: those that are not locked to the screen.
        seeds: of the noise.
        noise: ``shared`` by all frames, or ``fresh`` for each, where there is more flicker to take.
        steps, chunk: as on StreamDenoise.
        blend: share of FlowWarp's blend.
        sample_every: one frame of this many is compared with its painted target.
        long_styles: styles of the drift and cut measurements.
        frames: of each clip, for everything but drift.
        length, window: frames of the drift run, and of a window of it.
    """

    styles: tuple[str, ...] = tuple(style for style in STYLES if style not in SCREEN_LOCKED)
    seeds: tuple[int, ...] = (0, 1, 2)
    noise: str = "shared"
    steps: int = 1
    chunk: int = 4
    blend: float = 0.5
    sample_every: int = 8
    long_styles: tuple[str, ...] = ("oil", "ink", "fauvist")
    frames: int = 24
    length: int = 480
    window: int = 64

    def settings(self, seed: int) -> DenoiseSettings:
        return DenoiseSettings(steps=self.steps, chunk=self.chunk, noise=self.noise, seed=seed)


@dataclass(frozen=True)
class Temporal:
    """A model with and without its adapters on the same clips.

    Attributes:
        adapters: empty measures one side only.
        emit: takes each row as it is measured.
    """

    model: StreamModel
    adapters: tuple[TemporalAdapter, ...]
    clips: Sequence[Clip]
    study: TemporalStudy
    trunk: EfficientNetLite0
    emit: Callable[[Row], None]

    def measure(self) -> dict[str, Any]:
        """All figures of ``scripts/evaluate.py temporal``; docs/measures.md defines the keys."""
        rows = list(self._kept(self.steadiness()))
        drifts = list(self._kept(self.drift()))
        cuts = list(self._kept(self.cuts()))
        return {**summarise(rows), **long_run(drifts), **_after_cut(cuts)}

    @property
    def sides(self) -> Mapping[str, tuple[TemporalAdapter, ...]]:
        return dict(zip(SIDES, ((), self.adapters), strict=True)) if self.adapters else {"without": ()}

    def steadiness(self) -> Iterator[Row]:
        """A row for each clip, style, seed and side; one more with FlowWarp in place of the adapter."""
        for clip in tqdm(self.clips, desc="clips"):
            pixels = clip.pixels[: self.study.frames]
            source, picks = SourceClip(pixels), np.arange(0, len(pixels), self.study.sample_every)
            for style in self.study.styles:
                target = self.trunk.features(np.stack([stylise(pixels[i], style) for i in picks]))
                for seed in self.study.seeds:
                    outputs = {side: self._run(pixels, style, side, seed) for side in self.sides}
                    blend = FlowBlender(FlowSettings())
                    outputs[BLENDED] = blend.blend(outputs["without"], pixels, self.study.blend)
                    for side, output in outputs.items():
                        seen = self.trunk.features(output[picks])
                        yield {
                            "kind": "steadiness",
                            "clip": clip.name,
                            "style": style,
                            "seed": seed,
                            "side": side,
                            **source.measure(output, self.study.chunk),
                            "style_distance": float(style_distance(seen, target).mean()),
                            "perceptual_distance": float(distance(seen, target).mean()),
                        }

    def drift(self) -> Iterator[Row]:
        """The first clip to and fro: does anything move that the content does not?"""
        clip, study = self.clips[0], self.study
        source = to_and_fro(clip.pixels, study.length, study.window)
        cycle = clip_motion(source[: 1 + min(study.window, max(1, 2 * len(clip.pixels) - 2))])
        motion = [cycle[i % len(cycle)] for i in range(len(source) - 1)]
        for style in study.long_styles:
            for side in self.sides:
                output = self._run(source, style, side, study.seeds[0])
                errors = pair_errors(output, motion)
                first = self.trunk.features(output[: study.window])
                series = {
                    "warping_error_masked": (errors.visible, errors.share),
                    "gradient": (np.array([gradient_magnitude(frame[None]) for frame in output]), None),
                    "brightness": (output.mean((1, 2, 3), dtype=np.float64), None),
                }
                row: Row = {"kind": "drift", "clip": clip.name, "style": style, "side": side}
                for name, (values, weights) in series.items():
                    found = drift(values, study.window, weights)
                    row |= {
                        f"{name}_windows": found.windows,
                        f"{name}_share": found.share,
                        f"{name}_change": found.change,
                        f"{name}_interval": (found.low, found.high),
                        f"{name}_ok": found.ok,
                    }
                row["distance_to_first_window"] = [
                    float(distance(self.trunk.features(output[at : at + study.window]), first).mean())
                    for at in range(study.window, len(output) - study.window + 1, study.window)
                ]
                yield row

    def cuts(self) -> Iterator[Row]:
        """Two clips cut together against the second one alone: is anything of the first one left?"""
        chunk = self.study.chunk
        whole = [clip for clip in self.clips if len(clip.pixels) >= 2 * chunk]
        at, every, pairs = 2 * chunk, max(1, chunk // 4), list(zip(whole, whole[1:], strict=False))
        for before, after in tqdm(pairs, desc="cuts"):
            scene = after.pixels[: 2 * chunk]
            joined = spliced(before.pixels, scene, at)
            for style in self.study.long_styles:
                target = self.trunk.features(np.stack([stylise(frame, style) for frame in scene[::every]]))
                for side in self.sides:
                    alone = self._run(scene, style, side, self.study.seeds[0])
                    following = self._run(joined, style, side, self.study.seeds[0])[-len(scene) :]
                    row: Row = {
                        "kind": "cut",
                        "clip": f"{before.name} to {after.name}",
                        "style": style,
                        "side": side,
                    }
                    far = {
                        name: distance(self.trunk.features(output[::every]), target)
                        for name, output in (("after_cut", following), ("from_start", alone))
                    }
                    half = chunk // every
                    for name, values in far.items():
                        row[f"{name}_first_chunk"] = float(values[:half].mean())
                        row[f"{name}_refreshed_chunk"] = float(values[half:].mean())
                    yield row

    def _run(self, pixels: np.ndarray, style: str, side: str, seed: int) -> np.ndarray:
        return restyle(self.model, pixels, ASK[style], self.study.settings(seed), adapters=self.sides[side])

    def _kept(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            self.emit(row)
            yield row


AVERAGED = (
    "excess",
    "excess_dis",
    "warping_error",
    "warping_error_dis",
    "warping_error_masked",
    "gradient",
    "sobel",
    "high_frequency",
    "consecutive_l1",
    "consistency_ratio",
    "slot_flicker",
    "style_distance",
    "perceptual_distance",
)


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Means over clips, styles and seeds, a side at a time; the changes; the styles on their own."""
    report: dict[str, Any] = {"rows": len(rows)}
    for side in (*SIDES, BLENDED):
        mine = [row for row in rows if row["side"] == side]
        for key in AVERAGED:
            values = [row[key] for row in mine if key in row]
            if values:
                report[f"{key}_{side}"] = fmean(values)
    for key in ("excess", "excess_dis", "gradient", "style_distance"):
        for side, name in (("with", "change"), (BLENDED, "blended_change")):
            if f"{key}_{side}" in report:
                report[f"{key}_{name}"] = report[f"{key}_{side}"] / report[f"{key}_without"] - 1.0
    report["styles"] = {
        style: {
            f"{key}_{side}": fmean(r[key] for r in rows if (r["style"], r["side"]) == (style, side))
            for key in ("excess", "gradient", "style_distance")
            for side in {row["side"] for row in rows}
        }
        for style in dict.fromkeys(row["style"] for row in rows)
    }
    report["rank_agreement"] = _agreement(rows)
    return report


def _agreement(rows: Sequence[Row]) -> float | None:
    """Whether DIS and Farneback rank the configurations (style, side) alike."""
    configurations = sorted({(row["style"], row["side"]) for row in rows})
    if len(configurations) < 2:
        return None
    means = [
        [fmean(r[key] for r in rows if (r["style"], r["side"]) == c) for c in configurations]
        for key in ("excess", "excess_dis")
    ]
    return rank_agreement(*map(np.array, means))


def long_run(rows: Sequence[Row]) -> dict[str, Any]:
    """``drift_ok`` holds for every style, of the side that is shipped: with an adapter where there is one."""
    side = SIDES[any(row["side"] == "with" for row in rows)]
    mine = [row for row in rows if row["side"] == side]
    names = ("warping_error_masked", "gradient", "brightness")
    return {
        "drift_ok": all(row["warping_error_masked_ok"] for row in mine),
        **{f"drift_{name}_share": max((row[f"{name}_share"] for row in mine), key=abs) for name in names},
        "drift": [dict(row) for row in rows],
    }


def _after_cut(rows: Sequence[Row]) -> dict[str, Any]:
    """Distance to the painted target over that of a run that starts at the cut."""
    report: dict[str, Any] = {}
    for side in SIDES:
        mine = [row for row in rows if row["side"] == side]
        for part in ("first_chunk", "refreshed_chunk"):
            if mine:
                following, alone = (
                    fmean(row[f"{name}_{part}"] for row in mine) for name in ("after_cut", "from_start")
                )
                report[f"after_cut_{part}_ratio_{side}"] = following / alone
    return report
