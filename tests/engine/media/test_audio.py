"""The sound that goes along: copied or encoded, trimmed, in step with the picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from media_clips import beeping, beeps_in, ffprobe, flashes_in, flashing, make_clip

from livestyle.engine.media import audio
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.tracks import MediaFile, TrackChoice
from livestyle.engine.media.types import AudioTrack, SinkResult, Trim

FRAME = 1 / 24
WHOLE = Trim()


def through(clip: Path, out: Path, trim: Trim = WHOLE, frames: int | None = None) -> SinkResult:
    """Read a clip and write it again; ``frames`` stops early."""
    source = SourceSpec("file", str(clip), trim=trim).open()
    source.start(96, 64, "crop")
    sink = SinkSpec(str(out)).open(96, 64, source.info.fps, source.audio)
    while (chunk := source.read(8)) is not None:
        sink.write(chunk)
        if frames and chunk.index + len(chunk) >= frames:
            source.stop()
    source.close()
    return sink.close()


def assert_in_step(path: Path, expected: list[float]) -> None:
    """Flashes and beeps are where they belong, and less than a frame apart."""
    seen, heard = flashes_in(path), beeps_in(path)
    assert len(seen) == len(heard) == len(expected), (seen, heard, expected)
    for flash, beep, time in zip(seen, heard, expected, strict=True):
        assert abs(flash - time) < FRAME and abs(beep - flash) < FRAME


def flashing_clip(path: Path, seconds: int = 6, **options: object) -> Path:
    """A flash and a beep at every half second that is odd: 0.5, 1.5, ..."""
    times = options.pop("times", None) or [Fraction(index, 24) for index in range(seconds * 24)]
    flashes = [Fraction(2 * index + 1, 2) for index in range(seconds)]
    rate = options.get("sound_rate", 48_000)
    paint, sound = flashing(times, flashes, (96, 64)), beeping(seconds, flashes, rate)
    return make_clip(path, times=times, paint=paint, sound=sound, **options)


COPIED = [
    ("mp4", "aac"),
    ("mov", "alac"),
    ("mkv", "libmp3lame"),
    ("mkv", "aac"),
]
ENCODED = [
    ("mov", "pcm_s16le"),
    ("mkv", "flac"),
    ("mkv", "mp2"),
    ("avi", "pcm_s16le"),
    ("mkv", "libopus"),
    ("mp4", "ac3"),
]


@pytest.mark.parametrize("suffix,codec", COPIED + ENCODED)
def test_sound_of_every_kind_stays_in_step(tmp_path: Path, suffix: str, codec: str) -> None:
    video = {"codec": "mpeg4"} if suffix == "avi" else {}
    clip = flashing_clip(tmp_path / f"clip.{suffix}", sound_codec=codec, **video)
    out = tmp_path / "out.mp4"
    assert through(clip, out).complete
    assert_in_step(out, [0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
    with av.open(str(clip)) as before, av.open(str(out)) as after:
        was, became = before.streams.audio[0], after.streams.audio[0]
        if (suffix, codec) in COPIED:
            assert became.codec_context.codec.canonical_name == was.codec_context.codec.canonical_name
            copied = [bytes(packet) for packet in after.demux(became) if packet.size]
            original = [bytes(packet) for packet in before.demux(was) if packet.size]
            assert copied == original[: len(copied)] and len(copied) >= len(original) - 3
        else:
            assert became.codec_context.name == "aac"
    durations = [float(stream["duration"]) for stream in ffprobe(out, "-show_streams")["streams"]]
    assert abs(durations[0] - 6) < 0.01 and abs(durations[1] - 6) < 0.05


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
@pytest.mark.parametrize("trim,expected", [
    (Trim(start=1.2), [0.3, 1.3, 2.3, 3.3, 4.3]),
    (Trim(start=3.21, duration=1.5), [0.29, 1.29]),
    (Trim(duration=2.0), [0.5, 1.5]),
    (Trim(start=2.0, fps=30.0), [0.5, 1.5, 2.5, 3.5]),
])  # fmt: skip
def test_trims_cut_both_alike(tmp_path: Path, codec: str, trim: Trim, expected: list[float]) -> None:
    clip = flashing_clip(tmp_path / "clip.mov", sound_codec=codec)
    out = tmp_path / "out.mp4"
    through(clip, out, trim)
    assert_in_step(out, expected)
    streams = ffprobe(out, "-show_streams")["streams"]
    length = trim.duration or 6 - trim.start
    assert all(abs(float(stream["duration"]) - length) < 0.05 for stream in streams)
    assert float(ffprobe(out, "-show_format")["format"]["start_time"]) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_a_variable_rate_stays_in_step_to_the_end(tmp_path: Path, codec: str) -> None:
    rng = np.random.default_rng(1)
    ticks = np.cumsum(rng.integers(10, 70, 500))
    grid = {Fraction(int(tick), 1000) for tick in ticks if tick < 20_000}
    flashes = [Fraction(2 * index + 1, 2) for index in range(20)]
    times = sorted({Fraction(0)} | grid | set(flashes))
    clip = flashing_clip(tmp_path / "vfr.mov", seconds=20, times=times, sound_codec=codec)
    out = tmp_path / "out.mp4"
    assert through(clip, out).frames == len(times)
    assert_in_step(out, [float(flash) for flash in flashes if flash <= times[-1]])


def test_stop_ends_the_sound_with_the_picture(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    result = through(flashing_clip(tmp_path / "clip.mp4"), out, frames=60)
    streams = ffprobe(out, "-show_streams")["streams"]
    assert result.frames == 64
    assert all(abs(float(stream["duration"]) - 64 / 24) < 0.05 for stream in streams)


def test_an_aborted_file_is_in_step_too(tmp_path: Path) -> None:
    clip = flashing_clip(tmp_path / "clip.mp4")
    source = SourceSpec("file", str(clip)).open()
    sink = SinkSpec(str(tmp_path / "out.mp4")).open(96, 64, source.info.fps, source.audio)
    for _ in range(10):
        sink.write(source.read(10))
    assert_in_step(sink.abort().path, [0.5, 1.5, 2.5, 3.5])


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_that_begins_late_stays_late(tmp_path: Path, codec: str) -> None:
    times = [Fraction(index, 24) for index in range(96)]
    clip = make_clip(
        tmp_path / "late.mov", times=times, paint=flashing(times, [Fraction(2), Fraction(3)], (96, 64)),
        sound=beeping(3, [Fraction(1), Fraction(2)]), sound_from=48_000, sound_codec=codec,
    )  # fmt: skip
    out = tmp_path / "out.mp4"
    through(clip, out)
    assert_in_step(out, [2.0, 3.0])


def test_sound_shorter_than_the_picture_does_not_hold_it_back(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "short.mp4", frames=480, sound=beeping(2, [Fraction(1)]))
    out = tmp_path / "out.mp4"
    assert through(clip, out).frames == 480
    assert len(beeps_in(out)) == 1


def test_six_channels_and_odd_rates(tmp_path: Path) -> None:
    clip = tmp_path / "surround.mkv"
    with av.open(str(clip), "w") as container:
        video = container.add_stream("libx264", rate=24)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        audio = container.add_stream("flac", rate=37_800)
        audio.codec_context.layout = "5.1"
        for index in range(24):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 96, 3), np.uint8))
            frame.pts, frame.time_base = index, Fraction(1, 24)
            container.mux(video.encode(frame))
        block = av.AudioFrame.from_ndarray(np.zeros((1, 37_800 * 6), np.int16), "s16", "5.1")
        block.sample_rate, block.pts, block.time_base = 37_800, 0, Fraction(1, 37_800)
        container.mux(audio.encode(block))
        container.mux(audio.encode(None))
        container.mux(video.encode(None))
    through(clip, tmp_path / "out.mp4")
    audio = ffprobe(tmp_path / "out.mp4", "-show_streams")["streams"][1]
    assert (audio["codec_name"], audio["channels"], audio["sample_rate"]) == ("aac", 6, "48000")


def test_a_track_without_sound_is_left_out(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "silent.mp4")
    assert SourceSpec("file", str(clip)).open().audio is None
    silent = AudioTrack(lambda: MediaFile(av.open(str(clip)), "silent", TrackChoice()))
    sink = SinkSpec(str(tmp_path / "out.mp4")).open(96, 64, Fraction(24), silent)
    source = SourceSpec("file", str(clip)).open()
    sink.write(source.read(48))
    assert sink.close().complete
    assert len(ffprobe(tmp_path / "out.mp4", "-show_streams")["streams"]) == 1


def test_sound_that_can_not_go_along_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    given = SimpleNamespace(audio=object(), close=lambda: closed.append(True))

    def refuse(stream: object, keep_codec: bool) -> bool:
        raise av.error.InvalidDataError(22, "Invalid argument")

    monkeypatch.setattr(audio, "can_copy", refuse)
    with pytest.raises(av.error.InvalidDataError):
        audio.AudioFeed(AudioTrack(lambda: given), None)
    assert closed == [True]
