"""Small clips made with PyAV, and measures of what is in a file that use none of the engine's code."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

RATE = 48_000
BEEP = 0.04
_TICK = Fraction(1, 90_000)

Paint = Callable[[int], np.ndarray]


def grey_ramp(size: tuple[int, int]) -> Paint:
    """Frame i is a flat grey of 40 + 8 (i mod 24): its number can be read back."""
    return lambda index: np.full((size[1], size[0], 3), 40 + 8 * (index % 24), np.uint8)


def ramp_number(pixels: np.ndarray) -> int:
    """The number (mod 24) of a frame of ``grey_ramp``."""
    height, width = pixels.shape[:2]
    centre = pixels[height // 2 : height // 2 + 2, width // 2 : width // 2 + 2]
    return round((float(centre.mean()) - 40) / 8)


def with_latin_title(path: Path, fps: Fraction = Fraction(24)) -> Path:
    """A clip of 12 frames whose title is Latin-1, which is no UTF-8; ``path`` names the container."""
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Caf\u00e9 film"
        video = container.add_stream("mpeg4", rate=fps)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        for index in range(12):
            frame = av.VideoFrame.from_ndarray(grey_ramp((96, 64))(index), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode())
    written = path.read_bytes()
    latin = written.replace("Caf\u00e9 film".encode(), "Caf\u00e9  film".encode("latin-1"))
    assert latin != written and len(latin) == len(written), "sizes in the file count bytes"
    path.write_bytes(latin)
    return path


def flashing(times: Sequence[Fraction], flashes: Sequence[Fraction], size: tuple[int, int]) -> Paint:
    """White frames at the flash times, black otherwise."""
    lit = {min(range(len(times)), key=lambda i, f=flash: abs(times[i] - f)) for flash in flashes}
    return lambda index: np.full((size[1], size[0], 3), 255 if index in lit else 0, np.uint8)


def beeping(seconds: float, flashes: Sequence[Fraction], rate: int = RATE) -> np.ndarray:
    """Mono float32 samples, silent but for a 1 kHz burst at each flash time."""
    samples = np.zeros(round(seconds * rate), np.float32)
    burst = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(round(BEEP * rate)) / rate).astype(np.float32)
    for flash in flashes:
        start = round(float(flash) * rate)
        part = samples[start : start + len(burst)]
        part[:] = burst[: len(part)]
    return samples


def make_clip(
    path: Path,
    *,
    size: tuple[int, int] = (96, 64),
    times: Sequence[Fraction] | None = None,
    frames: int = 48,
    fps: Fraction = Fraction(24),
    paint: Paint | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    rotation: int = 0,
    aspect: Fraction | None = None,
    tags: tuple[int, int] = (0, 0),
    sound: np.ndarray | None = None,
    sound_codec: str = "aac",
    sound_rate: int = RATE,
    sound_from: int = 0,
) -> Path:
    """Write a clip.

    Args:
        times: one timestamp a frame (VFR); default is a constant ``fps``.
        paint: gives frame i as RGB; default ``grey_ramp``.
        tags: AVColorSpace and AVColorRange to write (pixels are converted to match), 0 for none.
        sound: mono samples, -1..1; ``sound_from`` is the sample that they begin at.
    """
    times = times or [index / fps for index in range(frames)]
    paint = paint or grey_ramp(size)
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=fps, options=options or {})
        video.width, video.height, video.pix_fmt = *size, pix_fmt
        fine = codec in ("libx264", "libx265") and path.suffix != ".avi"
        video.codec_context.time_base = _TICK if fine else 1 / fps
        if tags[0]:
            video.codec_context.colorspace, video.codec_context.color_range = tags
        if aspect:
            video.codec_context.sample_aspect_ratio = aspect
        if rotation:
            if not hasattr(video, "set_display_rotation"):
                pytest.skip("this PyAV can't write a rotation")
            video.set_display_rotation(rotation)
        audio = None
        if sound is not None:
            audio = container.add_stream(sound_codec, rate=sound_rate)
            audio.codec_context.layout = "mono"
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(paint(index)), format="rgb24")
            if tags[0]:
                # By its number: PyAV before 17.1 has no name for BT.2020.
                frame = frame.reformat(
                    format=pix_fmt, dst_colorspace=tags[0], src_color_range="JPEG", dst_color_range=tags[1]
                )
            frame.time_base = video.codec_context.time_base
            frame.pts = round(time / frame.time_base)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            block = 1024
            for begin in range(0, len(sound), block):
                part = av.AudioFrame.from_ndarray(sound[None, begin : begin + block], "fltp", "mono")
                part.sample_rate, part.pts = sound_rate, sound_from + begin
                part.time_base = Fraction(1, sound_rate)
                container.mux(audio.encode(part))
            container.mux(audio.encode(None))
    return path


def decode(path: Path) -> tuple[list[float], list[np.ndarray]]:
    """Times and RGB pixels of all frames."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [frame.time for frame in frames], [frame.to_ndarray(format="rgb24") for frame in frames]


def flashes_in(path: Path, start: float = 0) -> list[float]:
    """Times at which the picture turns white; seeks to ``start`` seconds or a little before."""
    times, lit = [], False
    with av.open(str(path)) as container:
        container.seek(int(start * av.time_base))
        for frame in container.decode(video=0):
            bright = frame.to_ndarray(format="gray").mean() > 128
            if bright and not lit:
                times.append(frame.time)
            lit = bright
    return times


def beeps_in(path: Path, start: float = 0) -> list[float]:
    """Times at which the sound begins after at least 100 ms of silence; seeks like ``flashes_in``."""
    onsets: list[float] = []
    heard = -1.0
    with av.open(str(path)) as container:
        container.seek(int(start * av.time_base))
        to_mono = av.AudioResampler("fltp", "mono", RATE)
        for frame in container.decode(audio=0):
            for mono in to_mono.resample(frame):
                loud = np.flatnonzero(np.abs(mono.to_ndarray()[0]) > 0.15) / RATE + mono.time
                for time in loud:
                    if time - heard > 0.1:
                        onsets.append(float(time))
                    heard = time
    return onsets


def ffprobe(path: Path, *arguments: str) -> dict:
    """ffprobe's JSON; skips the test where ffprobe is not installed."""
    if not shutil.which("ffprobe"):
        pytest.skip("ffprobe is not installed")
    command = ["ffprobe", "-v", "error", "-of", "json", *arguments, str(path)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def top_boxes(path: Path) -> list[bytes]:
    """Types of an mp4's top-level boxes in order."""
    data, position, found = path.read_bytes(), 0, []
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        found.append(data[position + 4 : position + 8])
        position += length
    return found
