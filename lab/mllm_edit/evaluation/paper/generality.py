"""Tables IX, X and XII: unseen clips and prompts, one adapter on many prompts, the LCM-LoRA study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from ....evaluation.clips import Clip
from ....evaluation.prompts import ASK
from ....metrics.style import style_distance
from ....styles import SCREEN_LOCKED, STYLES, stylise
from .speed import CHAMPION, PLAIN
from .study import Config, Row, Study, averaged

FEW_CLIPS = 3
FEW_FRAMES = 32
UNSEEN_STYLES = 3  # how many styles the held-out prompts come from


def held_out(study: Study) -> list[Row]:
    """Table IX: clips beyond the evaluation set, and sentences that training never saw."""
    rows = [_styled(study, CHAMPION, study.clips, study.style, "clips", ASK[study.style])]
    if study.held_out:
        rows.append(_styled(study, CHAMPION, study.held_out, study.style, "more clips", ASK[study.style]))
    else:
        rows.append({"group": "more clips", "note": "not measured: give a folder with --held-out"})
    for style, kinds in [(s, k) for s, k in study.prompts.items() if s not in SCREEN_LOCKED][:UNSEEN_STYLES]:
        sentence = kinds["sentences"][0]
        rows.append(_styled(study, CHAMPION, study.clips, style, "unseen prompt", sentence))
    if not study.prompts:
        rows.append({"group": "unseen prompt", "note": "not measured: give sentences with --prompts"})
    return rows


def prompts(study: Study) -> list[Row]:
    """Table X: the same adapter under every style, with and without it."""
    clips = [replace(clip, pixels=clip.pixels[:FEW_FRAMES]) for clip in study.clips[:FEW_CLIPS]]
    clips = [replace(clip, name=f"{clip.name}, {len(clip.pixels)} frames") for clip in clips]
    return [
        _styled(study, config, clips, style, "style", ASK[style])
        for config in (PLAIN, CHAMPION)
        for style in STYLES
    ]


def lora(study: Study) -> list[Row]:
    """Table XII: an LCM-LoRA instead of the adapter, and with it. It smooths: read the sharpness too."""
    configs = (
        PLAIN,
        CHAMPION,
        replace(PLAIN, name="LCM-LoRA", lora=True),
        replace(CHAMPION, name="LCM-LoRA and adapter", lora=True),
    )
    return [study.measured(config, study.clips) for config in configs]


def _styled(study: Study, config: Config, clips: Sequence[Clip], style: str, group: str, prompt: str) -> Row:
    """``Study.measured`` with the style distance to painted targets."""
    labels = {"group": group, "style": style, "prompt": prompt}
    lacking = study.lacks(config)
    if lacking:
        return {"config": config.name, **labels, "note": lacking}
    runs, away = [], []
    for clip in clips:
        row, played = study.measure(config, clip, prompt, group=group, style=style)
        picks = np.arange(0, len(clip.pixels), 8)
        target = study.trunk.features(np.stack([stylise(clip.pixels[i], style) for i in picks]))
        seen = study.trunk.features(played.pixels[picks])
        away.append(float(style_distance(seen, target).mean()))
        runs.append(row)
    return {"config": config.name, **labels, **averaged(runs), "style_distance": fmean(away)}
