"""Tables II to V and XI: the speed ladder, sustained latency, the lanes, batch scaling, hardware.

Every rate is frames delivered by wall time after the warm-up; the paper's own rates leave out the
time of the prefetch (docs/mllm_edit_paper.md).
"""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

import numpy as np

from .....engine.motion.flow import FlowSettings
from ....benchmark.playback import Playback
from ....evaluation.clips import to_and_fro
from ....evaluation.prompts import ASK
from ....evaluation.quality import rank_agreement
from ....metrics.perceptual import distance
from ...benchmark.stages import PARTS, part_seconds
from .study import Config, Row, Study, averaged, with_chunk

FOUR_STEPS = Config("4 steps, frame by frame", steps=4, chunk=1)
PLAIN = Config("1 step, no adapter")
CHAMPION = Config("adapter on down blocks, refresh 8", hooks="down")
LADDER = (
    FOUR_STEPS,
    Config("2 steps", steps=2),
    with_chunk(PLAIN, 8),
    with_chunk(PLAIN, 16),
    Config("adapter on all blocks, refresh 1, frame by frame", hooks="all", refresh=1, chunk=1),
    with_chunk(Config("adapter on all blocks, refresh 1", hooks="all", refresh=1), 8),
    with_chunk(CHAMPION, 8),
    with_chunk(CHAMPION, 16),
    replace(
        with_chunk(CHAMPION, 16), name="adapter on down blocks, refresh 8, chunk 16, compiled", compiled=True
    ),
)
SOURCE_FPS = 30.0  # the paper's camera


def ladder(study: Study) -> list[Row]:
    """Table II: each step from the plain pipeline to the champion, in rate, steadiness and sharpness."""
    reference = {}
    for clip in study.clips:
        pixels = study.play(FOUR_STEPS, clip.pixels).pixels
        reference[clip.name] = study.trunk.features(pixels[:24])
    rows = []
    for config in LADDER:
        lacking = study.lacks(config)
        if lacking:
            rows.append({"config": config.name, "note": lacking})
            continue
        runs, away = [], []
        for clip in study.clips:
            row, played = study.measure(config, clip)
            seen = study.trunk.features(played.pixels[:24])
            away.append(float(distance(seen, reference[clip.name]).mean()))
            runs.append(row)
        rows.append(
            {
                "config": config.name,
                **averaged(runs),
                "warping_error_dis": fmean(run["warping_error_dis"] for run in runs),
                "distance_to_4_steps": fmean(away),
            }
        )
    measured = [row for row in rows if "note" not in row]
    if len(measured) > 1:
        pair = (np.array([row[key] for row in measured]) for key in ("warping_error", "warping_error_dis"))
        rows.append({"config": "rank agreement of DIS and Farneback", "kendall_tau": rank_agreement(*pair)})
    return rows


def sustained(study: Study) -> list[Row]:
    """Table III: rate and latency of a long run, for the ways of finding motion."""
    ours = FlowSettings()
    configs = (
        with_chunk(replace(CHAMPION, name="refresh 8, Farneback at full size"), 16),
        with_chunk(replace(CHAMPION, name="refresh 8, DIS at half size", flow=ours), 16),
        with_chunk(replace(CHAMPION, name="refresh once", refresh=0), 16),
        with_chunk(replace(CHAMPION, name="refresh 8, DIS at half size", flow=ours), 8),
        with_chunk(PLAIN, 16),
    )
    pixels = to_and_fro(study.clips[0].pixels, study.length)
    rows = []
    for config in configs:
        lacking = study.lacks(config)
        row = (
            {"note": lacking} if lacking else latency(study.play(config, pixels), config.chunk, study.warm_up)
        )
        rows.append({"config": config.name, **row})
        study.emit({"table": study.table, "clip": study.clips[0].name, **rows[-1]})
    return rows


def latency(played: Playback, chunk: int, warm_up: int) -> Row:
    """Rate, chunk period and latency in milliseconds.

    ``wait_ms`` is what a camera of 30 fps needs to fill a chunk; ``paper_e2e`` is that plus a chunk's
    period, as the paper counts; ``e2e`` is that plus the time which a chunk really spends in the
    pipeline, the chunk encoded ahead of it included.
    """
    periods, inside = played.periods(warm_up) * 1000, played.latencies(warm_up) * 1000
    wait = (chunk - 1) * 1000 / SOURCE_FPS
    row: Row = {"fps": played.fps(warm_up), "wait_ms": wait}
    for name, values in (("period", periods), ("paper_e2e", periods + wait), ("e2e", inside + wait)):
        row |= {f"{name}_p{q}_ms": float(np.percentile(values, q)) for q in (50, 95)}
    return row


def lanes(study: Study) -> list[Row]:
    """Table IV: what each part costs alone at chunk 16, and the wall time of all together, ms a frame."""
    rows = []
    for config in (with_chunk(PLAIN, 16), with_chunk(CHAMPION, 16)):
        lacking = study.lacks(config)
        if lacking:
            rows.append({"config": config.name, "note": lacking})
            continue
        pixels = to_and_fro(study.clips[0].pixels, (study.warm_up + 4) * config.chunk)
        played = study.play(config, pixels)
        spent = part_seconds(study.runner(config, pixels), pixels[: config.chunk], ASK[study.style])
        a_frame = {part: spent[part] * 1000 / config.chunk for part in PARTS}
        rows.append(
            {
                "config": config.name,
                **a_frame,
                "side": a_frame["text_encoder"] + a_frame["vae_encode"],
                "main": a_frame["unet"] + a_frame["vae_decode"],
                "wall": 1000 / played.fps(study.warm_up),
            }
        )
        study.emit({"table": study.table, "clip": study.clips[0].name, **rows[-1]})
    return rows


def batches(study: Study) -> list[Row]:
    """Table V: milliseconds a chunk of the text encoder and of the U-Net."""
    rows = []
    for chunk in (1, 2, 4, 8, 16):
        config = with_chunk(PLAIN, chunk)
        pixels = to_and_fro(study.clips[0].pixels, chunk)
        spent = part_seconds(study.runner(config, pixels), pixels, ASK[study.style])
        row: Row = {"chunk": chunk, **{part: spent[part] * 1000 for part in ("text_encoder", "unet")}}
        rows.append(row)
        study.emit({"table": study.table, "clip": study.clips[0].name, **row})
    return rows


def hardware(study: Study) -> list[Row]:
    """Table XI: the champion on this machine; run the command on others for their rows."""
    rows = [
        study.measured(with_chunk(config, 16), study.clips, hardware=study.hardware)
        for config in (PLAIN, CHAMPION)
    ]
    if study.device.type != "cuda":
        rows.append({"config": CHAMPION.name, "hardware": "a CUDA device", "note": "not measured: none here"})
    return rows
