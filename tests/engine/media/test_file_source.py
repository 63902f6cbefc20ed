"""Reading video files: containers, timing, trims, stopping, and what is said when it can't."""

from __future__ import annotations

import threading
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import RATE, grey_ramp, make_clip, ramp_number, with_latin_title

from livestyle.engine.errors import MediaError
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import Frames, FrameSource, Trim


def read_all(source: FrameSource, chunk: int = 5) -> Frames:
    """Everything in one piece; checks that indexes go on without a gap."""
    parts: list[Frames] = []
    while (part := source.read(chunk)) is not None:
        assert part.index == sum(len(earlier) for earlier in parts)
        assert part.pixels.flags.c_contiguous and part.pixels.dtype == np.uint8
        assert len(part.pts) == len(part.pixels)
        parts.append(part)
    assert source.read(chunk) is None
    source.close()
    assert all(len(part) == chunk for part in parts[:-1])
    return Frames(np.concatenate([p.pixels for p in parts]), 0, tuple(t for p in parts for t in p.pts))


def numbers(frames: Frames) -> list[int]:
    return [ramp_number(pixels) for pixels in frames.pixels]


def open_file(path: Path, **trim: float) -> FrameSource:
    return SourceSpec("file", str(path), trim=Trim(**trim)).open()


CONTAINERS = [
    ("mp4", "libx264", "yuv420p"),
    ("mov", "libx264", "yuv422p10le"),
    ("mkv", "libx264", "yuv444p"),
    ("webm", "libvpx-vp9", "yuv420p"),
    ("avi", "mpeg4", "yuv420p"),
    ("avi", "libx264", "yuv420p"),
    ("ts", "libx264", "yuv420p"),
    ("gif", "gif", "gray"),
]


@pytest.mark.parametrize("suffix,codec,pix_fmt", CONTAINERS)
def test_containers(tmp_path: Path, suffix: str, codec: str, pix_fmt: str) -> None:
    options = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx-vp9" else {}
    fps = Fraction(25)  # GIF counts in hundredths of a second.
    path = make_clip(tmp_path / f"clip.{suffix}", codec=codec, pix_fmt=pix_fmt, options=options, fps=fps)
    source = open_file(path)
    assert (source.info.width, source.info.height) == (96, 64)
    assert source.info.fps == fps
    assert source.info.frames in (48, None)
    assert source.info.duration == pytest.approx(48 / 25, abs=0.05)
    assert not source.info.has_audio and source.audio is None and not source.info.endless
    frames = read_all(source)
    assert numbers(frames) == [index % 24 for index in range(48)]
    assert frames.pts == tuple(index / fps for index in range(48))


@pytest.mark.parametrize("suffix,codec,pix_fmt", CONTAINERS)
def test_a_late_trim_is_exact_in_every_container(
    tmp_path: Path, suffix: str, codec: str, pix_fmt: str
) -> None:
    options = {"g": "12"} if codec != "libvpx-vp9" else {"deadline": "realtime", "cpu-used": "8"}
    path = make_clip(tmp_path / f"c.{suffix}", codec=codec, pix_fmt=pix_fmt, options=options, frames=96,
                     fps=Fraction(25))  # fmt: skip
    frames = read_all(open_file(path, start=2.04, duration=0.4))
    assert numbers(frames) == [index % 24 for index in range(51, 61)]
    assert frames.pts == tuple(Fraction(index, 25) for index in range(10))


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(24), Fraction(60)])
def test_matroska_milliseconds_are_undone(tmp_path: Path, fps: Fraction) -> None:
    path = make_clip(tmp_path / "ms.mkv", fps=fps)
    frames = read_all(open_file(path))
    assert frames.pts == tuple(index / fps for index in range(48))


def test_variable_rate_timestamps_are_kept(tmp_path: Path) -> None:
    times = [Fraction(index * index, 1000) for index in range(48)]
    for suffix in ("mp4", "mkv"):
        path = make_clip(tmp_path / f"vfr.{suffix}", times=times)
        frames = read_all(open_file(path))
        assert numbers(frames) == [index % 24 for index in range(48)]
        assert all(
            abs(found - time) < Fraction(1, 500) for found, time in zip(frames.pts, times, strict=True)
        )


@pytest.mark.skipif(not hasattr(av.stream.Stream, "index_entries"), reason="this PyAV shows no index")
@pytest.mark.parametrize("trim", [{}, {"every_nth": 5}, {"fps": 10.0}, {"start": 0.5, "duration": 1.0},
                                  {"start": 1.3, "fps": 30.0, "every_nth": 2}])  # fmt: skip
def test_an_mp4_tells_its_exact_count_before(tmp_path: Path, trim: dict[str, float]) -> None:
    path = make_clip(tmp_path / "count.mp4")
    source = open_file(path, **trim)
    told = source.info.frames
    assert told == len(read_all(source))


def test_resampling_a_file(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    frames = read_all(open_file(path, fps=12.0))
    assert numbers(frames) == [index % 24 for index in range(0, 48, 2)]
    assert frames.pts == tuple(Fraction(index, 12) for index in range(24))


def test_without_seeking_a_trim_still_works(tmp_path: Path) -> None:
    """A webm that was streamed has no index to seek by."""
    whole = make_clip(tmp_path / "a.webm", codec="libvpx", frames=96, options={"deadline": "realtime"})
    live = tmp_path / "live.webm"
    with av.open(str(whole)) as source, av.open(str(live), "w", options={"live": "1"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert numbers(read_all(open_file(live, start=3.0, duration=0.25))) == [0, 1, 2, 3, 4, 5]


def test_a_video_in_memory_opens_again_and_again(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "m.mp4", sound=np.zeros(RATE * 2, np.float32)).read_bytes()
    buffer = BytesIO(data)
    buffer.seek(1000)
    for payload in (data, buffer, lambda: BytesIO(data)):
        spec = SourceSpec("file", payload=payload, trim=Trim(start=1.5))
        for _ in range(2):
            source = spec.open()
            with source.audio.open() as container:
                assert container.audio is not None
            assert numbers(read_all(source)) == list(range(12, 24))
    assert buffer.tell() == 1000


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_tags_that_are_no_utf8_do_not_matter(tmp_path: Path, suffix: str) -> None:
    path = with_latin_title(tmp_path / f"clip.{suffix}")
    assert numbers(read_all(open_file(path))) == list(range(12))


def test_a_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    audio_only = tmp_path / "song.mka"
    with av.open(str(audio_only), "w") as container:
        stream = container.add_stream("libopus", rate=RATE)
        stream.codec_context.layout = "mono"
        block = av.AudioFrame.from_ndarray(np.zeros((1, RATE), np.float32), "fltp", "mono")
        block.sample_rate = RATE
        container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match="audio only.*picture track"):
        open_file(audio_only)


def test_one_line_for_every_bad_input(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "good.mp4")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "broken.mp4").write_bytes(clip.read_bytes()[:700])
    (tmp_path / "text.mp4").write_text("not a video at all\n" * 100)
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(clip.read_bytes())
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n")
    cases = {
        "missing.mp4": "does not exist",
        ".": "not a file",
        "empty.mp4": "empty",
        "broken.mp4": "broken",
        "text.mp4": "no supported video",
        "list.mp4": "no supported video",
        "list.m3u8": "no supported video",
    }
    for name, expected in cases.items():
        with pytest.raises(MediaError, match=expected) as caught:
            open_file(tmp_path / name)
        assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)
    with pytest.raises(MediaError, match="2.00 s long.*lower start"):
        open_file(clip, start=7.0)


@pytest.mark.parametrize(
    "suffix,said", [("mp4", "has no video"), ("avi", "has no frame"), ("mkv", "incomplete")]
)
def test_zero_frames(tmp_path: Path, suffix: str, said: str) -> None:
    path = tmp_path / f"zero.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height = 96, 64
        container.start_encoding()
    with pytest.raises(MediaError, match=f"zero.{suffix}.*{said}"):
        open_file(path)


def test_a_trim_between_two_frames_says_so(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "slides.mkv", times=[Fraction(0), Fraction(5), Fraction(10)])
    source = open_file(path, start=6.0, duration=1.0)
    with pytest.raises(MediaError, match="raise duration"):
        source.read(4)
    held = read_all(open_file(path, start=6.0, duration=1.0, fps=4.0))
    assert numbers(held) == [1, 1, 1, 1]


def test_a_truncated_file_gives_what_it_has(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "w.mkv", frames=96, paint=lambda i: np.random.default_rng(i).integers(
        0, 255, (64, 96, 3), np.uint8))  # fmt: skip
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert 30 < len(read_all(open_file(cut))) < 60


def test_damage_in_the_middle_does_not_end_the_clip(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "d.mkv", frames=96, codec="mpeg4", options={"g": "8"})
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    path.write_bytes(bytes(data))
    frames = read_all(open_file(path))
    assert len(frames) > 60 and numbers(frames)[-1] == 95 % 24


def test_stop_ends_at_the_next_frame_and_close_may_repeat(tmp_path: Path) -> None:
    source = open_file(make_clip(tmp_path / "s.mp4", frames=96))
    assert len(source.read(10)) == 10
    source.stop()
    assert source.read(10) is None
    source.close()
    source.close()
    assert source.read(1) is None


def test_stop_and_close_from_another_thread(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "t.mp4", size=(320, 240), frames=240, paint=grey_ramp((320, 240)))
    for end in (FrameSource.stop, FrameSource.close):
        source = open_file(path)
        source.start(320, 240, "crop")
        assert source.read(1) is not None
        ender = threading.Timer(0.02, end, (source,))
        ender.start()
        count = 1
        while (frames := source.read(4)) is not None:
            count += len(frames)
        ender.join()
        assert count <= 240
        source.close()


def test_one_pixel(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "one.gif", size=(1, 1), codec="gif", pix_fmt="gray", fps=Fraction(25))
    source = open_file(path)
    assert (source.info.width, source.info.height) == (1, 1)
    assert read_all(source).pixels.shape == (48, 1, 1, 3)
