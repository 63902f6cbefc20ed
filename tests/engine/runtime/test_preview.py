"""Previews: credit, one slot, late viewers, and a stalled one that costs the others nothing."""

from __future__ import annotations

import threading
import time
import weakref
from fractions import Fraction

import cv2
import numpy as np
import pytest
from runtime_stubs import Behaviour, Zoo, read, stylise, write
from what_is_held import ThreadsSince

from livestyle.engine.media.types import Frames
from livestyle.engine.runtime.preview import BACKLOG, PreviewClient, PreviewHub
from livestyle.engine.runtime.preview_picture import PreviewFrame, PreviewWish
from livestyle.engine.runtime.session import StreamSession

WAIT = 60.0


def gray(level: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def publish(hub: PreviewHub, frame: int, source: bool = False) -> None:
    left = gray(255 - frame % 256)[None] if source else None
    hub.publish(Frames(gray(frame % 256)[None], frame, (Fraction(frame, 30),), (float(frame),), left))


def decoded(jpeg: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_a_frame_arrives_as_jpeg_with_its_number():
    hub = PreviewHub()
    client = hub.subscribe()
    client.grant()
    colour = np.dstack([gray(200)[..., 0], gray(100)[..., 0], gray(20)[..., 0]])
    hub.publish(Frames(colour[None], 7, (Fraction(7, 30),), (12.5,)))
    frame = client.take(WAIT)
    assert (frame.frame, frame.width, frame.height, frame.source) == (7, 64, 48, None)
    assert (frame.pts, frame.captured_at) == (7 / 30, 12.5)
    assert np.abs(decoded(frame.jpeg).astype(int) - (200, 100, 20)).max() <= 4
    client.close()


def test_without_credit_nothing_is_sent():
    hub = PreviewHub()
    client = hub.subscribe()
    publish(hub, 1)
    assert client.take(0.2) is None
    client.grant()
    assert client.take(WAIT).frame == 1
    publish(hub, 2)
    assert client.take(0.2) is None
    client.close()


def test_a_late_viewer_gets_the_latest_frame():
    hub = PreviewHub()
    for frame in range(5):
        publish(hub, frame)
    client = hub.subscribe()
    client.grant()
    assert client.take(WAIT).frame == 4
    client.close()
    again = hub.subscribe()
    again.grant()
    assert again.take(WAIT).frame == 4
    again.close()


def test_the_source_comes_only_to_who_asked():
    hub = PreviewHub()
    plain, both = hub.subscribe(), hub.subscribe(PreviewWish(with_source=True))
    for client in (plain, both):
        client.grant()
    publish(hub, 10, source=True)
    assert plain.take(WAIT).source is None
    assert decoded(both.take(WAIT).source).mean() == 245
    plain.close()
    both.close()


def test_large_frames_are_scaled_down():
    hub = PreviewHub(PreviewWish(longest_side=96))
    client = hub.subscribe()
    client.grant()
    hub.publish(Frames(gray(9, 720, 1280)[None], 0, (Fraction(0),), (0.0,)))
    frame = client.take(WAIT)
    assert (frame.width, frame.height) == (96, 54) == decoded(frame.jpeg).shape[1::-1]
    client.close()


def test_each_viewer_has_its_own_size():
    hub = PreviewHub()
    large, small = hub.subscribe(), hub.subscribe()
    small.ask(PreviewWish(longest_side=32, quality=50))
    for client in (large, small):
        client.grant()
    publish(hub, 0)
    assert large.take(WAIT).width == 64 and small.take(WAIT).width == 32
    large.close()
    small.close()


def test_publishing_into_a_stalled_viewer_is_bounded_and_never_blocks():
    hub = PreviewHub()
    client = hub.subscribe()
    published: list[weakref.ref] = []
    for frame in range(50 * BACKLOG):
        pixels = gray(frame % 256)
        hub.publish(Frames(pixels[None], frame, (Fraction(frame, 30),), (0.0,)))
        published.append(weakref.ref(pixels))
    del pixels
    kept = [pixels for pixels in published if pixels() is not None]
    assert len(kept) <= BACKLOG + 1 and hub.dropped >= len(published) - BACKLOG - 1  # and the current one
    client.close()


def test_no_thread_is_left_when_the_last_viewer_leaves():
    threads, hub = ThreadsSince(), PreviewHub()
    clients = [hub.subscribe() for _ in range(3)]
    for client in clients:
        client.close()
        client.close()
    deadline = time.monotonic() + WAIT
    while threads.named("livestyle-preview"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def watch(client: PreviewClient, seen: list[PreviewFrame], enough: int) -> None:
    """A good viewer: takes what comes and grants credit for the next."""
    client.grant()
    deadline = time.monotonic() + 3 * WAIT
    while len(seen) < enough and time.monotonic() < deadline:
        frame = client.take(0.5)
        if frame is not None:
            seen.append(frame)
            client.grant()


def test_a_stalled_viewer_does_not_slow_another():
    hub = PreviewHub()
    stalled, good = hub.subscribe(), hub.subscribe()
    stalled.grant(1000)
    seen: list[PreviewFrame] = []
    viewer = threading.Thread(target=watch, args=(good, seen, 60))
    viewer.start()
    for frame in range(60):
        publish(hub, frame)
        # As fast as the good viewer goes, whatever the stalled one does.
        deadline = time.monotonic() + WAIT
        while not seen or seen[-1].frame < frame:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    viewer.join(WAIT)
    assert [frame.frame for frame in seen] == list(range(60))
    assert stalled.take() is not None and stalled.take() is None
    stalled.close()
    good.close()


def test_bursts_are_played_out_one_by_one():
    hub = PreviewHub()
    client = hub.subscribe()
    seen: list[PreviewFrame] = []
    viewer = threading.Thread(target=watch, args=(client, seen, 48))
    viewer.start()
    for burst in range(12):
        for offset in range(4):
            publish(hub, burst * 4 + offset)
        time.sleep(0.2)
        if len(seen) and seen[-1].frame == 47:
            break
    deadline = time.monotonic() + WAIT
    while seen[-1].frame < 47 and time.monotonic() < deadline:
        time.sleep(0.01)
    client.close()
    numbers = [frame.frame for frame in seen]
    assert numbers == sorted(set(numbers)) and numbers[-1] == 47
    # Sent at once, a burst of four would leave one frame of each.
    assert len(numbers) > 24


def test_a_viewer_out_of_sight_gets_few_pictures_and_the_last_one():
    hub = PreviewHub()
    hidden, eager = hub.subscribe(PreviewWish(fps=4)), hub.subscribe()
    hidden.grant(1000)
    seen: list[PreviewFrame] = []
    viewer = threading.Thread(target=watch, args=(eager, seen, 40))
    viewer.start()
    arrivals, started = [], time.monotonic()
    for frame in range(40):
        publish(hub, frame)
        time.sleep(0.02)
        if (got := hidden.take()) is not None:
            arrivals.append(time.monotonic())
    viewer.join(WAIT)
    while got is None or got.frame < 39:
        got = hidden.take(WAIT)
        arrivals.append(time.monotonic())
    assert 2 <= len(arrivals) <= 4 * (time.monotonic() - started) + 2
    hidden.close()
    eager.close()


def test_pictures_that_nobody_wanted_are_not_drops():
    hub = PreviewHub()
    hidden = hub.subscribe(PreviewWish(fps=1))
    hidden.grant(1000)
    for frame in range(20):
        publish(hub, frame)
        time.sleep(0.01)
    assert hub.dropped == 0 and hub.latest().index > 0
    hidden.close()


def test_ready_is_told_from_the_hubs_thread():
    hub, told = PreviewHub(), threading.Event()
    client = hub.subscribe(on_ready=told.set)
    client.grant()
    publish(hub, 0)
    assert told.wait(WAIT) and client.take().frame == 0
    client.close()


def publish_chunk(hub: PreviewHub, count: int) -> list[weakref.ref]:
    """A chunk of results and one of sources, of which nothing but the hub knows."""
    pixels, sources = (np.stack([gray(level + frame) for frame in range(count)]) for level in (0, 100))
    pts = tuple(Fraction(frame, 30) for frame in range(count))
    hub.publish(Frames(pixels, 0, pts, (0.0,) * count, sources))
    return [weakref.ref(pixels), weakref.ref(sources)]


def gone(chunks: list[weakref.ref]) -> bool:
    deadline = time.monotonic() + WAIT
    while any(chunk() is not None for chunk in chunks) and time.monotonic() < deadline:
        time.sleep(0.01)
    return all(chunk() is None for chunk in chunks)


@pytest.mark.parametrize("ended_first", [False, True])
def test_after_the_end_the_last_frame_stays_alone(ended_first: bool):
    """A cancelled session may still show what it was about to."""
    hub = PreviewHub()
    if ended_first:
        hub.end()
    chunks = publish_chunk(hub, 8)
    hub.end()
    assert gone(chunks)
    last = hub.latest()
    assert last.index == 7 and last.pixels.base is None and last.source is None
    assert np.array_equal(last.pixels, gray(7)[None])


def test_a_viewer_gets_what_was_left_at_the_end_and_keeps_no_chunk():
    hub = PreviewHub()
    client = hub.subscribe(PreviewWish(with_source=True))
    client.grant(100)
    chunks = publish_chunk(hub, 8)
    hub.end()
    seen = []
    while not seen or seen[-1].frame < 7:
        seen.append(client.take(WAIT))
    assert gone(chunks)
    assert all(frame.source is not None for frame in seen[:-1]) and hub.latest().index == 7
    client.close()


def test_a_viewer_that_leaves_leaves_the_last_frame_alone():
    hub = PreviewHub()
    client = hub.subscribe()
    chunks = publish_chunk(hub, 8)
    hub.end()
    client.close()
    assert gone(chunks) and hub.latest().index == 7


def test_a_session_shows_result_and_source():
    hub = PreviewHub()
    client = hub.subscribe(PreviewWish(with_source=True))
    client.grant(3)
    behaviour = Behaviour()
    session = StreamSession(write(stylise(read(40, size=(64, 48)))), Zoo({"stub": behaviour}), preview=hub)
    assert session.preview is hub
    session.start()
    frame = client.take(WAIT)
    assert session.wait(WAIT) and session.state == "done"
    expected = 255 - frame.frame
    assert abs(decoded(frame.jpeg)[..., 0].mean() - expected) < 3
    assert abs(decoded(frame.source)[..., 0].mean() - frame.frame) < 3
    client.close()


def test_a_stalled_viewer_does_not_hold_up_a_session():
    hub = PreviewHub()
    client = hub.subscribe()
    client.grant(1)
    session = StreamSession(write(stylise(read(400))), Zoo({"stub": Behaviour()}), preview=hub)
    session.start()
    assert session.wait(WAIT) and session.state == "done" and session.progress.done == 400
    assert session.telemetry.snapshot()["drops"] > 0
    client.close()
