"""Does the picture show what the prompt names? Read by the world's classical-vision detector."""

from __future__ import annotations

from ....engine.families.base import DenoiseSettings
from ....engine.families.stream_dit.model import StreamDiTModel
from ...world.detector import detect
from ...world.scoring import Score
from .films import PROMPT, Case, film, real_film

JUDGED = 40  # frames that the detector reads


def judge_films(model: StreamDiTModel, cases: list[Case], side: int) -> Score:
    """A film of each case; the detector reads it from the second chunk on."""
    score = Score()
    frames = model.requirements(DenoiseSettings()).first + JUDGED
    for index, case in enumerate(cases):
        pixels = film(model, case.sentence.text, frames, side, seed=index)
        score.add(case.sentence, detect(pixels[-JUDGED:]))
    return score


def judge_real(model: StreamDiTModel, cases: list[Case], side: int) -> Score:
    """The same of AE(world): the ceiling that detector and autoencoder allow."""
    score = Score()
    for case in cases:
        score.add(case.sentence, detect(real_film(model, case.scene, JUDGED, side)))
    return score


def judge_switches(model: StreamDiTModel, cases: list[Case], side: int) -> Score:
    """Each case asked for in the middle of the film of the one before it.

    A chunk that enters after the change is emitted N - 1 chunks later; from there on the detector
    reads ``JUDGED`` frames.
    """
    score = Score()
    needs, latency = model.requirements(DenoiseSettings()), switch_latency(model)
    change = 2
    first = needs.first + (change - 1 + latency) * needs.chunk_frames
    for index, (before, case) in enumerate(zip(cases, cases[1:] + cases[:1], strict=True)):
        changes = {change: {PROMPT: case.sentence.text}}
        pixels = film(model, before.sentence.text, first + JUDGED, side, seed=index, changes=changes)
        score.add(case.sentence, detect(pixels[first:]))
    return score


def switch_latency(model: StreamDiTModel) -> int:
    """Chunks that still show the old prompt's noise after a change: N - 1."""
    return model.profile.partitions[0].chunks - 1


def attribute_report(model: StreamDiTModel, seen: list[Case], unseen: list[Case], side: int) -> dict:
    """All keys that begin with ``attribute``."""
    on_seen, on_unseen = judge_films(model, seen, side), judge_films(model, unseen, side)
    switched, ceiling = judge_switches(model, seen, side), judge_real(model, seen, side)
    return {
        "attribute_min": on_seen.worst,
        "attribute_joint": on_seen.joint,
        "attribute_unseen_min": on_unseen.worst,
        "attribute_unseen_joint": on_unseen.joint,
        "attribute_after_switch_min": switched.worst,
        "attribute_after_switch_joint": switched.joint,
        "attribute_ceiling_min": ceiling.worst,
        "attributes": {
            "seen": on_seen.shares,
            "unseen": on_unseen.shares,
            "after_switch": switched.shares,
            "ceiling": ceiling.shares,
        },
        "switch_latency_chunks": switch_latency(model),
    }
