"""Writing H.264 mp4: counts, times, colour, tags, structure."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
from media_clips import decode, ffprobe, grey_ramp, ramp_number, top_boxes

from livestyle.engine.errors import MediaError
from livestyle.engine.media import video_sink
from livestyle.engine.media.encoders import choose_encoder, fine_time_base, nvenc_works
from livestyle.engine.media.recording import RecordingSink, RecordSwitch, StreamFormat
from livestyle.engine.media.sinks import SinkSpec, Tags
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import Frames, FrameSink

BT709 = dict.fromkeys(("color_space", "color_transfer", "color_primaries"), "bt709") | {"color_range": "tv"}


def frames_of(size: tuple[int, int], times: list[Fraction], first: int = 0) -> Frames:
    paint = grey_ramp(size)
    return Frames(np.stack([paint(first + i) for i in range(len(times))]), first, tuple(times))


def write(sink: FrameSink, size: tuple[int, int], times: list[Fraction], chunk: int = 7) -> None:
    for first in range(0, len(times), chunk):
        sink.write(frames_of(size, times[first : first + chunk], first))


def constant(count: int, fps: Fraction) -> list[Fraction]:
    return [index / fps for index in range(count)]


def test_equal_pictures_give_equal_files(tmp_path: Path) -> None:
    """Also of few macroblocks a row, which made one file in a hundred differ."""
    drawn = np.random.default_rng(7).integers(0, 255, (24, 6, 8, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    frames = Frames(drawn, 0, tuple(constant(24, Fraction(24))))
    written = set()
    for _ in range(400):
        sink = SinkSpec(str(tmp_path / "out.mp4"), codec="libx264").open(64, 48, Fraction(24), None)
        sink.write(frames)
        sink.abort()
        with av.open(str(tmp_path / "out.mp4")) as file:
            written.add(b"".join(bytes(packet) for packet in file.demux(video=0)))
        (tmp_path / "out.mp4").unlink()
    assert len(written) == 1


@pytest.mark.parametrize(
    "fps", [Fraction(24), Fraction(30000, 1001), Fraction(12), Fraction(25, 2), Fraction(60)]
)
@pytest.mark.parametrize("ending", ["close", "abort"])
def test_n_frames_in_n_out_at_the_same_rate(tmp_path: Path, fps: Fraction, ending: str) -> None:
    path = tmp_path / "new" / "folder" / "out.mp4"
    sink = SinkSpec(str(path)).open(96, 64, fps, None)
    write(sink, (96, 64), constant(50, fps))
    result = getattr(sink, ending)()
    assert (result.path, result.frames, result.complete) == (path, 50, ending == "close")
    assert getattr(sink, ending)() is result
    times, pictures = decode(path)
    assert times == pytest.approx([float(index / fps) for index in range(50)], abs=1e-5)
    assert [ramp_number(picture) for picture in pictures] == [index % 24 for index in range(50)]
    probed = ffprobe(path, "-show_streams", "-count_frames")["streams"]
    assert len(probed) == 1
    assert Fraction(probed[0]["avg_frame_rate"]) == fps and Fraction(probed[0]["r_frame_rate"]) == fps
    assert int(probed[0]["nb_read_frames"]) == 50
    assert float(probed[0]["duration"]) == pytest.approx(float(50 / fps), abs=1e-3)
    assert float(probed[0]["start_time"]) == 0


def test_tags_and_a_colour_chart(tmp_path: Path) -> None:
    """Flat patches survive writing and reading within 2 of 255."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (6, 6, 3), np.uint8)
    colours[0] = [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 128, 128]]
    colours[1, :3] = [[255, 255, 0], [0, 255, 255], [255, 0, 255]]
    chart = np.kron(colours, np.ones((64, 64, 1), np.uint8))
    path = tmp_path / "chart.mp4"
    sink = SinkSpec(str(path)).open(384, 384, Fraction(24), None)
    sink.write(Frames(chart[None].repeat(24, 0), 0, tuple(constant(24, Fraction(24)))))
    sink.close()
    stream = ffprobe(path, "-show_streams")["streams"][0]
    assert {key: stream[key] for key in BT709} == BT709
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    source = SourceSpec("file", str(path)).open()
    for pixels in source.read(24).pixels:
        assert np.abs(pixels[32::64, 32::64].astype(int) - colours).max() <= 2
    source.close()


def test_variable_timestamps_survive(tmp_path: Path) -> None:
    times = [Fraction(index * index, 700) for index in range(40)]
    path = tmp_path / "vfr.mp4"
    sink = SinkSpec(str(path)).open(64, 64, Fraction(24), None)
    write(sink, (64, 64), times)
    sink.close()
    found, pictures = decode(path)
    assert found == pytest.approx([float(time) for time in times], abs=2e-5)
    assert [ramp_number(picture) for picture in pictures] == [index % 24 for index in range(40)]


def test_times_that_stand_still_keep_every_frame(tmp_path: Path) -> None:
    path = tmp_path / "still.mp4"
    sink = SinkSpec(str(path)).open(64, 64, Fraction(24), None)
    write(sink, (64, 64), [Fraction(index // 3, 24) for index in range(30)])
    assert sink.close().frames == 30
    found, _ = decode(path)
    assert len(found) == 30 and found == sorted(set(found))


def test_a_clean_end_is_faststart_and_an_abort_is_fragmented(tmp_path: Path) -> None:
    for ending, boxes in (
        ("close", [b"ftyp", b"moov", b"mdat"]),
        ("abort", [b"ftyp", b"moov", b"moof", b"mdat"]),
    ):
        path = tmp_path / f"{ending}.mp4"
        sink = SinkSpec(str(path)).open(96, 64, Fraction(24), None)
        write(sink, (96, 64), constant(72, Fraction(24)))
        getattr(sink, ending)()
        found = [box for box in top_boxes(path) if box != b"free"]
        assert found[: len(boxes)] == boxes
        assert (b"moof" in found) == (ending == "abort")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["abort.mp4", "close.mp4"]


def test_no_room_for_the_copy_leaves_the_fragmented_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from livestyle.engine.media import faststart

    monkeypatch.setattr(faststart, "HEADROOM", 2**62)
    path = tmp_path / "full.mp4"
    sink = SinkSpec(str(path)).open(96, 64, Fraction(24), None)
    write(sink, (96, 64), constant(48, Fraction(24)))
    assert sink.close().complete
    assert b"moof" in top_boxes(path) and len(decode(path)[0]) == 48


def test_the_workflow_travels_in_both_files(tmp_path: Path) -> None:
    workflow = '{"nodes": ["\u00e9"]}' + " " * 200_000
    tags = (("prompt", '{"3": {"class_type": "FrameStreamIO"}}'), ("workflow", workflow))
    for ending in ("close", "abort"):
        path = tmp_path / f"{ending}.mp4"
        sink = SinkSpec(str(path), metadata=tags).open(64, 64, Fraction(24), None)
        write(sink, (64, 64), constant(30, Fraction(24)))
        getattr(sink, ending)()
        with av.open(str(path)) as container:
            assert {key: container.metadata[key] for key, _ in tags} == dict(tags)
        # The front end looks for the keys in the first boxes of the file.
        assert path.read_bytes().index(b"workflow") < path.read_bytes().index(b"mdat")


@pytest.mark.parametrize("end", ["close", "abort"])
def test_a_file_keeps_the_values_of_its_end(tmp_path: Path, end: str) -> None:
    """Each take asks for the live values when it is closed or cancelled; tags that don't change stay."""
    values = {"4.strength": 1.0}

    def ended(tags: Tags, live: Mapping[str, Any], modulators: Mapping[str, Any]) -> Tags:
        text = f"{dict(tags)['workflow']} at {live['4.strength']} by {modulators['4.strength']}"
        return (("workflow", text),)

    spec = SinkSpec(
        str(tmp_path / "take.mp4"), metadata=(("prompt", "{}"), ("workflow", "oil")), last_metadata=ended
    )
    moved = {"4.strength": "hand"}
    form = StreamFormat(64, 64, Fraction(24), None, live_values=lambda: values, modulators=lambda: moved)
    sink = RecordingSink(spec, form, RecordSwitch(True), lambda taken: None)
    write(sink, (64, 64), constant(30, Fraction(24)))
    values["4.strength"], moved["4.strength"] = 0.25, "sine"
    with av.open(str(getattr(sink, end)().path)) as container:
        assert container.metadata["workflow"] == "oil at 0.25 by sine"
        assert container.metadata["prompt"] == "{}"


@pytest.mark.parametrize("size", [(97, 65), (1, 1), (3, 2), (33, 64)])
def test_odd_sizes_repeat_the_last_row_and_column(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "odd.mp4"
    sink = SinkSpec(str(path), keep_last=1).open(*size, Fraction(24), None)
    write(sink, size, constant(10, Fraction(24)))
    result = sink.close()
    assert result.tail.shape == (1, size[1], size[0], 3)
    _, pictures = decode(path)
    assert len(pictures) == 10
    assert pictures[0].shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)
    assert np.abs(pictures[0].astype(int) - 40).max() <= 3


def test_the_tail_is_the_last_frames_as_they_came(tmp_path: Path) -> None:
    sink = SinkSpec(str(tmp_path / "t.mp4"), keep_last=5).open(64, 48, Fraction(24), None)
    frames = frames_of((64, 48), constant(12, Fraction(24)))
    expected = frames.pixels[-5:].copy()
    sink.write(frames)
    frames.pixels[:] = 0
    assert (sink.close().tail == expected).all()
    short = SinkSpec(str(tmp_path / "s.mp4"), keep_last=5).open(64, 48, Fraction(24), None)
    write(short, (64, 48), constant(2, Fraction(24)))
    assert len(short.close().tail) == 2
    none = SinkSpec(str(tmp_path / "n.mp4")).open(64, 48, Fraction(24), None)
    write(none, (64, 48), constant(2, Fraction(24)))
    assert none.close().tail is None


@pytest.mark.parametrize("ending", ["close", "abort"])
def test_no_frames_leave_no_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "none.mp4"
    result = getattr(SinkSpec(str(path)).open(64, 48, Fraction(24), None), ending)()
    assert (result.path, result.frames, result.complete) == (None, 0, False)
    assert not path.exists()


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    path = tmp_path / "one.mp4"
    sink = SinkSpec(str(path)).open(64, 48, Fraction(24), None)
    write(sink, (64, 48), [Fraction(0)])
    sink.close()
    assert len(decode(path)[0]) == 1
    assert float(ffprobe(path, "-show_format")["format"]["duration"]) == pytest.approx(1 / 24, abs=1e-3)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.mp4"
    path.write_text("precious")
    with pytest.raises(MediaError, match="exists and is not overwritten"):
        SinkSpec(str(path)).open(64, 48, Fraction(24), None)
    assert path.read_text() == "precious"


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match="choose another folder"):
        SinkSpec(str(tmp_path / "file" / "out.mp4")).open(64, 48, Fraction(24), None)


def test_a_file_that_can_not_begin_is_closed_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed first, because Windows removes no open file."""
    monkeypatch.setitem(video_sink.FRAGMENTED, "movflags", "nonsense")
    path, still_open = tmp_path / "out.mp4", []
    unlink = Path.unlink

    def watched(file: Path, missing_ok: bool = False) -> None:
        still_open.extend(each.path for each in psutil.Process().open_files() if each.path == str(file))
        unlink(file, missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    with pytest.raises(MediaError, match=r"out\.mp4 can't be written"):
        SinkSpec(str(path)).open(64, 48, Fraction(24), None)
    assert not path.exists() and still_open == []


def test_the_encoder_is_one_that_works() -> None:
    works = nvenc_works(640, 480)
    assert choose_encoder("auto", 640, 480) == ("h264_nvenc" if works else "libx264")
    assert choose_encoder("libx264", 640, 480) == "libx264"
    assert choose_encoder("auto", 2, 2) == "libx264"  # Smaller than any NVENC takes.
    with pytest.raises(MediaError, match="set codec to auto"):
        choose_encoder("h264_nvenc", 2, 2)


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25, 2),
                                 Fraction(1, 3), Fraction(240), Fraction(9999, 1000)])  # fmt: skip
def test_the_time_base_holds_the_rate_exactly(fps: Fraction) -> None:
    base = fine_time_base(fps)
    assert (1 / fps / base).denominator == 1
    assert base <= Fraction(1, 90_000) and base.denominator < 2**31
