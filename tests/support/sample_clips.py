"""Small clips made on the spot, so that the tests run anywhere."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def make_clip(
    path: Path,
    *,
    frames: int = 24,
    fps: Fraction = Fraction(24),
    size: tuple[int, int] = (128, 96),
    audio: bool = True,
) -> Path:
    """Write a clip with a bright square that wanders over a gradient, and a tone.

    Args:
        path: the file; its suffix chooses the container.
        frames: how many; 0 gives a file whose video stream is empty.
        fps: frames a second.
        size: width and height.
        audio: whether a 440 Hz tone of the same length goes along.
    """
    width, height = size
    # without this an MP4 drops a stream that got no frames
    options = {} if frames else {"movflags": "empty_moov"}
    with av.open(str(path), "w", container_options=options) as file:
        video = file.add_stream("libx264", rate=fps)
        # one-pixel clips exist, but not with subsampled colour
        video.width, video.height = size
        video.pix_fmt = "yuv420p" if width % 2 == 0 and height % 2 == 0 else "yuv444p"
        tone = file.add_stream("aac", rate=48000) if audio else None
        file.start_encoding()
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(_picture(index, width, height), format="rgb24")
            frame.pts = index
            frame.time_base = 1 / fps
            file.mux(video.encode(frame))
        if frames:
            file.mux(video.encode(None))
        if tone:
            write_tone(file, tone, float(frames / fps) or 1.0)
    return path


def make_audio(path: Path, seconds: float = 1.0) -> Path:
    """Write a file that has a tone and no pictures."""
    with av.open(str(path), "w") as file:
        write_tone(file, file.add_stream("aac", rate=48000), seconds)
    return path


def _picture(index: int, width: int, height: int) -> np.ndarray:
    """RGB uint8 of shape (height, width, 3)."""
    rows, columns = np.mgrid[0:height, 0:width]
    picture = np.stack([columns * 255 // width, rows * 255 // height, np.full_like(rows, 96)], axis=-1)
    side = max(1, min(width, height) // 4)
    left = (index * 3) % max(1, width - side)
    picture[height // 3 : height // 3 + side, left : left + side] = (250, 240, 60)
    return picture.astype(np.uint8)


def write_tone(file: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    """A sine of 440 Hz on an AAC stream of 48 kHz."""
    samples = np.arange(int(seconds * 48000))
    wave = (np.sin(samples * (2 * np.pi * 440 / 48000)) * 0.3).astype(np.float32)
    for start in range(0, len(wave), 1024):
        part = np.stack([wave[start : start + 1024]] * 2)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format="fltp", layout="stereo")
        frame.sample_rate = 48000
        frame.pts = start
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


REAL_CLIP = Path(__file__).resolve().parents[3] / "shared" / "clips" / "train" / "mdn_flower_cc0.mp4"


def write_camera_clip(path: Path, frames: int = 30, size: tuple[int, int] = (320, 180)) -> Path:
    """Write what Chromium's fake camera plays: JPEGs one after the other.

    Of a real clip where the shared ones are, else of the wandering square.
    """
    source = (
        REAL_CLIP if REAL_CLIP.exists() else make_clip(path.with_suffix(".mp4"), frames=frames, size=size)
    )
    with av.open(str(source)) as clip, av.open(str(path), "w", format="mjpeg") as file:
        video = file.add_stream("mjpeg", rate=10)
        video.width, video.height = size
        video.pix_fmt = "yuvj420p"
        for index, frame in zip(range(frames), clip.decode(video=0), strict=False):
            picture = frame.reformat(*size, format="yuvj420p")
            picture.pts, picture.time_base = index, Fraction(1, 10)
            file.mux(video.encode(picture))
        file.mux(video.encode(None))
    return path
