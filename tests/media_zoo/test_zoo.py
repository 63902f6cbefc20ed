"""Every animal of the zoo, read and written by the engine, against what is right."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from media_clips import beeps_in, decode, ffprobe, flashes_in
from recipes import AAC, H264, flashing
from zoo import ZOO, Animal, Right

from livestyle.engine.errors import MediaError
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.tracks import TrackChoice
from livestyle.engine.media.types import SinkResult, Trim

FRAME = 1 / 25
NEAR = 1.1 * FRAME
WHOLE, DEFAULTS = Trim(), TrackChoice()
PLAYED = {"aac", "mp3", "alac"}
"""The sound that QuickTime, Premiere and browsers play in an mp4."""


def play(
    path: Path, out: Path, trim: Trim = WHOLE, tracks: TrackChoice = DEFAULTS, **sink: bool
) -> tuple[SinkResult, list[str]]:
    """Read and write a file, as a plan that only copies does; the result and what the node would say."""
    kind = "sequence" if path.is_dir() else "file"
    source = SourceSpec(kind, str(path), trim=trim, tracks=tracks).open()
    source.start(source.info.width, source.info.height, "crop")
    writer = SinkSpec(str(out), **sink).open(
        source.info.width, source.info.height, source.info.fps, source.audio
    )
    writer.ending = source.ending
    while (frames := source.read(8)) is not None:
        writer.write(frames)
    source.close()
    result = writer.close()
    return result, [status.note for status in (source.status(), writer.status()) if status and status.note]


def check(out: Path, right: Right) -> None:
    """The written file has what is right."""
    streams = {stream["codec_type"]: stream for stream in ffprobe(out, "-show_streams")["streams"]}
    times, pictures = decode(out)
    video = streams["video"]
    assert float(video["duration"]) == pytest.approx(right.seconds, abs=NEAR)
    assert right.frames is None or len(times) == right.frames
    assert right.pixels or flashes_in(out) == pytest.approx(right.flashes, abs=NEAR)
    assert ("audio" in streams) == (right.sound is not None)
    if right.sound is not None:
        assert streams["audio"]["codec_name"] in PLAYED
        assert float(streams["audio"]["duration"]) == pytest.approx(right.sound, abs=0.1)
        assert beeps_in(out) == pytest.approx(right.beeps, abs=0.1)
    if right.pixels is not None:
        height, width = pictures[2].shape[:2]
        for x, rgb in zip((width // 4, 3 * width // 4), right.pixels, strict=True):
            assert pictures[2][height // 2, x].tolist() == pytest.approx(rgb, abs=6)


@pytest.mark.parametrize("animal", ZOO, ids=str)
def test_the_engine_plays_it_right(tmp_path: Path, animal: Animal) -> None:
    result, notes = play(animal.make(tmp_path), tmp_path / "out.mp4", animal.trim, animal.tracks)
    assert result.complete
    check(tmp_path / "out.mp4", animal.right)
    assert animal.right.note in " ".join(notes) and (animal.right.note or not notes), notes


CODECS = {
    "mkv": "aac ac3 eac3 alac flac mp2 libmp3lame libopus libvorbis wmav1 wmav2 pcm_s16le pcm_s24le "
    "pcm_f32le pcm_u8 tta wavpack truehd dca",
    "mov": "pcm_s16be pcm_f64le pcm_mulaw adpcm_ima_qt",
    "avi": "adpcm_ms adpcm_ima_wav pcm_alaw",
    "asf": "wmav1 wmav2",
    "ts": "aac mp2 ac3 s302m libopus",
}
PAIRS = [(suffix, codec) for suffix, codecs in CODECS.items() for codec in codecs.split()]


@pytest.mark.parametrize("suffix,codec", PAIRS)
def test_sound_of_every_codec_is_whole(tmp_path: Path, suffix: str, codec: str) -> None:
    rate = 44_100 if codec == "adpcm_ima_qt" else 48_000
    channels = 2 if codec in ("s302m", "truehd", "mlp", "adpcm_ima_qt") else 1
    video = H264 if suffix != "avi" else ("-c:v", "mpeg4")
    clip = flashing(
        tmp_path, f"c.{suffix}", *video, "-c:a", codec, "-strict", "-2", channels=channels, rate=rate
    )
    result, notes = play(clip, tmp_path / "out.mp4")
    assert result.complete and not notes
    with av.open(str(tmp_path / "out.mp4")) as written:
        audio = written.streams.audio[0]
        assert audio.codec_context.codec.canonical_name in PLAYED
        length = sum(frame.samples for frame in written.decode(audio)) / audio.codec_context.sample_rate
    assert length == pytest.approx(1.2, abs=0.1)
    assert beeps_in(tmp_path / "out.mp4") == pytest.approx([0.8], abs=0.1)


LAYOUTS = [
    *(("pcm_s16le", suffix, channels) for suffix in ("mov", "mkv") for channels in range(1, 17)),
    *(("aac", "mov", channels) for channels in range(1, 9) if channels != 7),
    *(("flac", "mkv", channels) for channels in range(1, 9)),
    *(("ac3", "mkv", channels) for channels in range(1, 7)),
]


@pytest.mark.parametrize("codec,suffix,channels", LAYOUTS)
def test_sound_of_every_layout_is_kept(tmp_path: Path, codec: str, suffix: str, channels: int) -> None:
    """PyAV 18.1 ends the process at a layout in custom order: then this whole run ends."""
    clip = flashing(tmp_path, f"c.{suffix}", *H264, "-c:a", codec, channels=channels)
    play(clip, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as written:
        assert written.streams.audio[0].codec_context.layout.name in (
            "mono",
            "stereo",
            "5.1",
            "2.1",
            "3.0",
        ) or (codec == "aac")
    assert beeps_in(tmp_path / "out.mp4") == pytest.approx([0.8], abs=0.1)


@pytest.mark.parametrize("codec,written", [("libopus", "opus"), ("ac3", "ac3"), ("libvorbis", "aac")])
def test_other_sound_is_copied_only_on_demand(tmp_path: Path, codec: str, written: str) -> None:
    clip = flashing(tmp_path, "c.mkv", *H264, "-c:a", codec)
    play(clip, tmp_path / "out.mp4", keep_audio_codec=True)
    assert ffprobe(tmp_path / "out.mp4", "-show_streams")["streams"][1]["codec_name"] == written


def test_a_track_that_is_not_there(tmp_path: Path) -> None:
    clip = flashing(tmp_path, "c.mp4", *H264, *AAC)
    with pytest.raises(MediaError, match="has 1 audio tracks: set audio_track to 0"):
        play(clip, tmp_path / "out.mp4", tracks=TrackChoice(audio=3))
