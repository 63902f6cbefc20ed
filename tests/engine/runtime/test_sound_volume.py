"""A target's volume is live: heard from its frame on, the same each time; copied sound stays copied."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from runtime_stubs import Behaviour, Zoo, stylise
from sample_clips import make_clip

from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.volume import RAMP_S, Loudness, Volume
from livestyle.engine.runtime.plan import PlanNode, Read, Write
from livestyle.engine.runtime.session import StreamSession
from livestyle.engine.takes.replay import playing
from livestyle.engine.takes.take import load_take

WAIT = 60.0
KEY = "9.volume"
RATE = 48_000
SPREAD_S = 0.03
"""A packet of AAC smears a change so far."""


def begin(clip: Path, out: Path, take: Path | None = None, volume: float = 1.0) -> StreamSession:
    """Plays a clip through a model that takes 20 ms for four pictures into a file."""
    source = PlanNode(Read(SourceSpec("file", str(clip))), (), "1")
    sink = SinkSpec(str(out), codec="libx264", keep_take=True)
    plan = PlanNode(Write(sink, volume=volume), (stylise(source),), "9")
    loaded = load_take(take) if take else None
    if loaded:
        plan = playing(plan, loaded, out.parent)
    behaviour = Behaviour(multiple=8, first=4, chunk_frames=4, delays={"denoise": 0.02})
    session = StreamSession(plan, Zoo({"stub": behaviour}), take=loaded)
    session.start()
    return session


def end(session: StreamSession) -> None:
    assert session.wait(WAIT) and session.join(WAIT)
    assert session.state == "done", session.error


def clip_of(path: Path) -> Path:
    """Four seconds of a tone; AAC, which is copied, or Opus, which is encoded."""
    if path.suffix == ".mp4":
        return make_clip(path, frames=96)
    made = make_clip(path.with_suffix(".mp4"), frames=96)
    with av.open(str(made)) as file, av.open(str(path), "w") as copy:
        video, sound = copy.add_stream_from_template(file.streams.video[0]), copy.add_stream("libopus", RATE)
        for packet in file.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                copy.mux(packet)
        file.seek(0)
        for frame in file.decode(audio=0):
            copy.mux(sound.encode(frame))
        copy.mux(sound.encode(None))
    return path


def sound_of(path: Path) -> np.ndarray:
    """The first channel, float32."""
    with av.open(str(path)) as file:
        return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


def loudness(samples: np.ndarray, begin_s: float, end_s: float) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(samples[round(begin_s * RATE) : round(end_s * RATE)] ** 2)))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_change_is_heard_from_its_frame_on_and_a_take_gives_the_same_samples(
    tmp_path: Path, suffix: str
) -> None:
    session = begin(clip_of(tmp_path / f"in{suffix}"), tmp_path / "a.mp4")
    while session.progress.done < 24:
        assert not session.wait(0.01), session.error
    session.store.set(KEY, 0.25)
    end(session)
    lane = load_take(tmp_path / "a.take.jsonl").lanes[KEY]
    assert lane.values == [0.25] and 24 <= lane.frames[0] <= 72
    at, heard = lane.frames[0] / 24, sound_of(tmp_path / "a.mp4")
    before, after = loudness(heard, 0.1, at - SPREAD_S), loudness(heard, at + SPREAD_S, 3.9)
    print(f"{suffix}: {before:.4f} before {at:.3f} s, {after:.4f} after")
    assert before == pytest.approx(0.3 / 2**0.5, rel=0.02) and after / before == pytest.approx(0.25, rel=0.02)
    assert len(heard) / RATE == pytest.approx(4, abs=0.05)

    end(begin(tmp_path / f"in{suffix}", tmp_path / "b.mp4", tmp_path / "a.take.jsonl"))
    assert np.array_equal(sound_of(tmp_path / "b.mp4"), heard)
    assert load_take(tmp_path / "b.take.jsonl").lanes[KEY] == lane


def test_packets_are_copied_where_the_volume_is_one_all_along(tmp_path: Path) -> None:
    clip = clip_of(tmp_path / "in.mp4")
    end(begin(clip, tmp_path / "plain.mp4"))
    end(begin(clip, tmp_path / "half.mp4", volume=0.5))
    assert packets_of(tmp_path / "plain.mp4") == packets_of(clip)
    assert loudness(sound_of(tmp_path / "half.mp4"), 0.1, 3.9) == pytest.approx(0.15 / 2**0.5, rel=0.02)


def test_a_cancelled_file_is_as_loud_as_it_was_set(tmp_path: Path) -> None:
    session = begin(clip_of(tmp_path / "in.mp4"), tmp_path / "a.mp4")
    while session.progress.done < 12:
        assert not session.wait(0.01), session.error
    session.store.set(KEY, 0.0)
    while session.progress.done < 60:
        assert not session.wait(0.01), session.error
    session.cancel()
    assert session.join(WAIT)
    heard = sound_of(tmp_path / "a.mp4")
    (frame,) = load_take(tmp_path / "a.take.jsonl").lanes[KEY].frames
    assert loudness(heard, 0.1, frame / 24 - SPREAD_S) > 0.2
    assert loudness(heard, frame / 24 + SPREAD_S, len(heard) / RATE) < 1e-3


def tone(form: str, begin: int, count: int) -> av.AudioFrame:
    """Full scale, constant, stereo."""
    samples = (
        np.full((2, count), 1.0, np.float32) if form == "fltp" else np.full((1, 2 * count), 32767, np.int16)
    )
    frame = av.AudioFrame.from_ndarray(samples, form, "stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, begin, Fraction(1, RATE)
    return frame


@pytest.mark.parametrize("form", ["fltp", "s16"])
def test_sound_is_the_same_however_it_is_cut_and_never_clicks(form: str) -> None:
    volume = Volume()
    for moment, factor in ((Fraction(1, 10), 0.0), (Fraction(13, 125), 2.0), (Fraction(1, 5), 0.5)):
        volume.put(moment, factor)  # the second before the ramp of the first is over
    whole = [frame.to_ndarray() for frame in Loudness(volume).until(iter([tone(form, 0, RATE // 2)]), None)]
    cut = Loudness(volume)
    frames = iter([tone(form, begin, 1000) for begin in range(0, RATE // 2, 1000)])
    parts = [part.to_ndarray() for end in range(1, 16) for part in cut.until(frames, Fraction(end, 30))]
    assert np.array_equal(np.concatenate(parts, 1), np.concatenate(whole, 1))
    heard = np.concatenate(whole, 1).astype(float)[0, :: 2 if form == "s16" else 1]
    full = 32767 if form == "s16" else 1.0
    assert np.abs(np.diff(heard)).max() <= 1.01 * 2 * full / (RAMP_S * RATE) + 1
    assert heard[: RATE // 10 + 1] == pytest.approx(full)
    assert heard[round(0.15 * RATE)] == pytest.approx(32767 if form == "s16" else 2.0)
    assert heard[round(0.22 * RATE) :] == pytest.approx(full / 2, rel=1e-4)
