"""Decoding and encoding alone: a file through source and sink, beside a plain loop of PyAV."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import median

import av

from ...engine.media.encoders import add_video_stream
from ...engine.media.sinks import SinkSpec
from ...engine.media.sources import SourceSpec

PAIRS = 5
QUALITY = 18
CHUNK = 8
"""Frames read at a time."""


def measure(clip: Path, pairs: int = PAIRS) -> dict:
    """CPU time of both, run in turns; the median of the ratios is what to go by.

    Args:
        clip: an ordinary H.264 file.
        pairs: how often each runs, the order changing.
    """
    engine, plain = [], []
    with tempfile.TemporaryDirectory() as folder:
        for index in range(pairs):
            turns = [(engine, through_engine), (plain, through_pyav)]
            for times, work in turns if index % 2 else reversed(turns):
                target = Path(folder) / f"{index}_{work.__name__}.mp4"
                times.append(cpu_seconds(lambda work=work, target=target: work(clip, target)))
                target.unlink()
    return {
        "clip": clip.name,
        "media_engine_cpu_s": median(engine),
        "media_pyav_cpu_s": median(plain),
        "media_pyav_over_engine": median(b / a for a, b in zip(engine, plain, strict=True)),
    }


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of a call, all threads together."""
    started = time.process_time()
    work()
    return time.process_time() - started


def through_engine(clip: Path, target: Path) -> None:
    """As a plan that only copies."""
    source = SourceSpec("file", str(clip)).open()
    info = source.info
    source.start(info.width, info.height, "crop")
    sink = SinkSpec(str(target), codec="libx264", quality=QUALITY).open(
        info.width, info.height, info.fps, source.audio
    )
    sink.ending = source.ending
    while (frames := source.read(CHUNK)) is not None:
        sink.write(frames)
    source.close()
    sink.close()


def through_pyav(clip: Path, target: Path) -> None:
    """Decode to RGB arrays, encode with the engine's settings, no sound: the least that has to be done."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as output:
        video = source.streams.video[0]
        video.thread_type = "AUTO"
        fps = Fraction(video.average_rate or 25)
        size = (video.width - video.width % 2, video.height - video.height % 2)
        stream = add_video_stream(output, "libx264", size, fps, QUALITY)
        for index, frame in enumerate(source.decode(video)):
            pixels = frame.to_ndarray(format="rgb24")[: size[1], : size[0]].copy()
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = index, 1 / fps
            output.mux(stream.encode(picture.reformat(format="yuv420p")))
        output.mux(stream.encode(None))
