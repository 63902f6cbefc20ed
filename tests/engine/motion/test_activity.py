"""How busy a source is, chunk by chunk."""

from __future__ import annotations

import numpy as np

from livestyle.engine.motion.activity import ActivityMeter, detail

HEIGHT, WIDTH = 48, 64
RAMP = np.tile(np.linspace(0, 255, WIDTH, dtype=np.uint8)[None, :, None], (HEIGHT, 1, 3))


def test_a_still_plain_source_is_calm() -> None:
    meter = ActivityMeter()
    for _ in range(2):
        activity, cuts = meter.look(np.full((4, HEIGHT, WIDTH, 3), 128, np.uint8))
        assert (activity.motion, activity.detail, activity.cut, cuts) == (0.0, 0.0, False, ())


def test_faster_motion_counts_more_and_ends_at_one() -> None:
    motions = []
    for speed in (0, 1, 4, 32):
        film = np.stack([np.roll(RAMP, speed * index, 1) for index in range(4)])
        motions.append(ActivityMeter().look(film)[0].motion)
    assert motions[0] == 0.0 and motions == sorted(motions) and motions[-1] == 1.0


def test_motion_from_chunk_to_chunk_is_seen() -> None:
    meter = ActivityMeter()
    assert meter.look(RAMP[None])[0].motion == 0.0
    assert meter.look(np.roll(RAMP, 8, 1)[None])[0].motion > 0.3


def test_detail_grows_with_fine_structure() -> None:
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, deviation, (HEIGHT, WIDTH, 1)) for deviation in (2, 10, 80)]
    found = [detail(np.clip(128 + part, 0, 255).astype(np.uint8).repeat(3, 2)) for part in noise]
    assert detail(RAMP) < 0.05 < found[1] and found == sorted(found) and found[-1] == 1.0


def test_a_cut_is_told_with_its_frame() -> None:
    green, red = (np.full((HEIGHT, WIDTH, 3), colour, np.uint8) for colour in ((20, 200, 40), (220, 10, 10)))
    meter = ActivityMeter()
    activity, cuts = meter.look(np.stack([green, green, red, red]))
    assert activity.cut and cuts == (2,)
    assert meter.look(np.stack([red] * 4))[1] == ()
