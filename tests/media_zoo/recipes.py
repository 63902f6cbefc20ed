"""How the animals are made: small files as people have them, from FFmpeg or PyAV, none kept."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

Recipe = Callable[[Path], Path]
"""Makes a file (or a folder) in a folder."""

FLASH = 0.8
"""Where the picture is white for a frame and a tone of 40 ms sounds."""

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "12", "-bf", "0")
MPEG2 = ("-c:v", "mpeg2video", "-qscale:v", "3", "-bf", "0")
AAC = ("-c:a", "aac")


def ffmpeg(*arguments: object) -> None:
    """Run FFmpeg's program; skips the test where there is none."""
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    command = ["ffmpeg", "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def flashing(
    folder: Path,
    name: str,
    *options: str,
    seconds: float = 1.2,
    flash: float = FLASH,
    filters: str = "null",
    channels: int = 1,
    rate: int = 48_000,
) -> Path:
    """Black at 25 frames a second with one white frame and one beep at ``flash``."""
    path = folder / name
    number = round(flash * 25)
    tone = f"0.5*sin(2*PI*1000*t)*between(t,{flash},{flash + 0.04})"
    ffmpeg(
        *("-f", "lavfi", "-i", f"color=black:s=96x64:r=25:d={seconds},"
          f"drawbox=c=white:t=fill:enable='eq(n,{number})',{filters}"),
        *("-f", "lavfi", "-i", f"aevalsrc='{'|'.join([tone] * channels)}':s={rate}:d={seconds}"),
        *options, path,
    )  # fmt: skip
    return path


def joined(folder: Path, suffix: str, *parts: tuple[str, ...], **options: object) -> Path:
    """Files of one kind, one after the other, byte by byte; each part has its own options."""
    whole = folder / f"joined.{suffix}"
    with whole.open("wb") as target:
        for index, part in enumerate(parts):
            each = flashing(folder, f"part{index}.{suffix}", *part, **options)
            target.write(each.read_bytes())
    return whole


def changing_sound(folder: Path) -> Path:
    """Mono at 48 kHz, then stereo at 44.1 kHz, on one clock, as broadcasters do."""
    whole = folder / "change.ts"
    with whole.open("wb") as target:
        for index, (channels, rate) in enumerate(((1, 48_000), (2, 44_100))):
            part = flashing(folder, f"p{index}.ts", *H264, *AAC, "-output_ts_offset", str(1.2 * index),
                            channels=channels, rate=rate)  # fmt: skip
            target.write(part.read_bytes())
    return whole


def with_pauses(folder: Path) -> Path:
    """An AVI with 50 empty chunks: a screen recorder that left frames out."""
    return flashing(
        folder, "pauses.avi", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-vsync", "passthrough",
        "-c:a", "pcm_s16le", seconds=4, flash=3.2, filters="select='not(between(n,25,74))'",
    )  # fmt: skip


def held(folder: Path, suffix: str, frames: int, hold: Fraction, sound: float = 0) -> Path:
    """``frames`` at 10 a second, the last one for ``hold`` seconds; beeps at 0.1 s where it has sound."""
    path = folder / f"held.{suffix}"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10, options={"bf": "0"})
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        audio = container.add_stream("aac", rate=48_000, layout="mono") if sound else None
        packets = []
        for index in range(frames):
            grey = np.full((64, 96, 3), 255 if index == frames - 1 else 20, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey)
            frame.pts, frame.time_base = index * 100, Fraction(1, 1000)
            packets += video.encode(frame)
        packets += video.encode(None)
        for packet in packets:
            packet.duration = round(hold / packet.time_base) if packet is packets[-1] else packet.duration
            container.mux(packet)
        if audio is not None:
            tone = np.zeros((1, round(sound * 48_000)), np.float32)
            tone[0, 4800:6720] = 0.5 * np.sin(np.arange(1920) / 48_000 * 2000 * np.pi)
            for begin in range(0, tone.shape[1], 1024):
                piece = av.AudioFrame.from_ndarray(tone[:, begin : begin + 1024], "fltp", "mono")
                piece.sample_rate, piece.pts, piece.time_base = 48_000, begin, Fraction(1, 48_000)
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


def flat(folder: Path, name: str, rgb: str, *options: str, filters: str = "null") -> Path:
    """Half a second of one colour, given as the file's own RGB."""
    path = folder / name
    source = f"color=0x{rgb}:s=96x64:r=10:d=0.5,format=gbrp,{filters}"
    ffmpeg("-f", "lavfi", "-i", source, *options, path)
    return path


def coloured(primaries: str, transfer: str, matrix: str, folder: Path, rgb: str) -> Path:
    """HEVC in 10 bits with these tags."""
    tags = ("-color_primaries", primaries, "-color_trc", transfer, "-colorspace", matrix)
    to_yuv = f"scale=out_color_matrix={'bt2020' if '2020' in matrix else 'bt709'}:out_range=tv"
    return flat(
        folder, "colour.mp4", rgb, *tags, "-c:v", "libx265", "-x265-params",
        f"log-level=none:colorprim={primaries}:transfer={transfer}:colormatrix={matrix}:range=limited:crf=1",
        "-color_range", "tv", filters=f"{to_yuv},format=yuv420p10le",
    )  # fmt: skip


def transparent(folder: Path, name: str, *options: str) -> Path:
    """Red, hidden on the left half."""
    return flat(
        folder, name, "ff0000", *options, filters="format=rgba,geq=r='255':g='0':b='0':a='255*gte(X,48)'"
    )


def two_tracks(folder: Path, kind: str) -> Path:
    """Two tracks of sound or of picture; the second one is the default and flashes and beeps."""
    first = folder / f"plain.{'mp4' if kind == 'v' else 'm4a'}"
    if kind == "v":
        ffmpeg("-f", "lavfi", "-i", "color=gray:s=32x32:r=1:d=2", *H264, first)
    else:
        ffmpeg("-f", "lavfi", "-i", "anullsrc=r=48000:cl=mono:d=1.2", "-t", "1.2", *AAC, first)
    second = flashing(folder, "second.mp4", *H264, *AAC)
    path = folder / "tracks.mp4"
    other = "a" if kind == "v" else "v"
    chosen = ("-map", f"0:{kind}", "-map", f"1:{kind}", "-map", f"1:{other}")
    marks = (f"-disposition:{kind}:0", "0", f"-disposition:{kind}:1", "default")
    ffmpeg("-i", first, "-i", second, *chosen, "-c", "copy", *marks, path)
    return path


def cut_without_decoding(folder: Path) -> Path:
    """An edit list hides what lies between the keyframe and the cut."""
    whole = flashing(folder, "whole.mp4", *H264, *AAC, seconds=2, flash=1.6)
    path = folder / "cut.mp4"
    ffmpeg("-ss", "0.8", "-i", whole, "-c", "copy", path)
    return path


def from_a_mac(folder: Path) -> Path:
    """A folder of pictures with what macOS leaves beside them."""
    path = folder / "frames"
    path.mkdir()
    ffmpeg("-f", "lavfi", "-i", "color=white:s=96x64:r=10:d=0.3", path / "f%d.png")
    for number in (1, 2, 3):
        (path / f"._f{number}.png").write_bytes(b"\x00\x05\x16\x07 no picture")
    for other in (".DS_Store", "Thumbs.db"):
        (path / other).write_bytes(b"\x00")
    return path


def clip(name: str, *options: str, **more: object) -> Recipe:
    """``flashing`` with these options."""
    return partial(_clip, name=name, options=options, more=more)


def _clip(folder: Path, name: str, options: tuple[str, ...], more: dict) -> Path:
    return flashing(folder, name, *options, **more)
