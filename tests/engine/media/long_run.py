"""Read and write a long clip, and report memory, frame counts and sync.

By hand: ``python tests/engine/media/long_run.py --minutes 20 --json FILE``. The input is made
first (a short loop, its packets repeated), with a flash and a beep every ten seconds.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import av
import numpy as np

FPS = 30
LOOP = 10
FLASH = Fraction(5)
CHUNK = 8


@dataclass(frozen=True)
class Report:
    """What a run did.

    Attributes:
        rss_growth_mb: peak resident memory while running, less that before.
        rss_second_half_mb: peak of the second half, less that of the first; a leak grows here.
        sync_offset_ms: beep less flash at the last flash; a frame lasts ``frame_ms``.
    """

    minutes: float
    width: int
    height: int
    variable_rate: bool
    frames_in: int
    frames_out: int
    rss_growth_mb: float
    rss_second_half_mb: float
    sync_offset_ms: float
    frame_ms: float
    seconds: float
    cpu_seconds: float


class MemoryWatch(threading.Thread):
    """Samples this process's resident memory, in MB, every 50 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.samples: list[float] = [self.now()]
        self._done = threading.Event()

    @staticmethod
    def now() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def run(self) -> None:
        while not self._done.wait(0.05):
            self.samples.append(self.now())

    def finish(self) -> list[float]:
        self._done.set()
        self.join()
        return self.samples


def load(name: str, path: Path) -> ModuleType:
    """Import a file by its path."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_input(path: Path, minutes: float, size: tuple[int, int], variable: bool, clips: ModuleType) -> None:
    """A clip with moving noise, a white frame 5 s into every 10, a beep with each."""
    rng = np.random.default_rng(0)
    noise = (
        rng.integers(0, 200, (size[1] // 8 + 60, size[0] // 8 + 60, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    )
    loops = max(1, round(minutes * 60 / LOOP))
    times = [Fraction(index, FPS) for index in range(LOOP * FPS)]
    if variable:  # Every third frame is a third of a frame late, but the flash is not.
        late = Fraction(1, 3 * FPS)
        times = [time + late if index % 3 == 1 else time for index, time in enumerate(times)]

    def paint(index: int) -> np.ndarray:
        if index == FLASH * FPS:
            return np.full((size[1], size[0], 3), 255, np.uint8)
        at = index % 400
        return noise[at : at + size[1], at : at + size[0]] // 2

    with tempfile.TemporaryDirectory() as folder:
        loop = clips.make_clip(
            Path(folder, "loop.mp4"),
            size=size,
            times=times,
            fps=Fraction(FPS),
            paint=paint,
            options={"preset": "ultrafast", "bf": "0", "crf": "26"},
        )
        with av.open(str(loop)) as source, av.open(str(path), "w") as target:
            _repeat(source, target, loops, clips)


def _repeat(source: av.container.InputContainer, target, loops: int, clips: ModuleType) -> None:
    template = source.streams.video[0]
    video = target.add_stream_from_template(template, opaque=True)
    audio = target.add_stream("aac", rate=clips.RATE)
    audio.codec_context.layout = "mono"
    sound = clips.beeping(LOOP, [FLASH])
    for number in range(loops):
        source.seek(0)
        for packet in source.demux(template):
            if packet.dts is not None:
                shift = round(number * LOOP / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = video
                target.mux(packet)
        for begin in range(0, len(sound), 1024):
            block = av.AudioFrame.from_ndarray(sound[None, begin : begin + 1024], "fltp", "mono")
            block.sample_rate, block.time_base = clips.RATE, Fraction(1, clips.RATE)
            block.pts = number * len(sound) + begin
            target.mux(audio.encode(block))
    target.mux(audio.encode(None))


def run(minutes: float, size: tuple[int, int], variable: bool, folder: Path) -> Report:
    """Make the input, read and write it, measure."""
    here = Path(__file__).resolve().parent
    clips = load("media_clips", here / "clips.py")
    load("livestyle_pack_loader", here.parents[2] / "scripts" / "pack.py").load_pack()
    from livestyle.engine.media.sinks import SinkSpec
    from livestyle.engine.media.sources import SourceSpec

    clip, out = folder / "in.mp4", folder / "out.mp4"
    make_input(clip, minutes, size, variable, clips)
    watch = MemoryWatch()
    watch.start()
    begin, cpu = time.monotonic(), time.process_time()
    source = SourceSpec("file", str(clip)).open()
    source.start(*size, "crop")
    sink = SinkSpec(str(out)).open(*size, source.info.fps, source.audio)
    frames_in = 0
    while (frames := source.read(CHUNK)) is not None:
        frames_in += len(frames)
        sink.write(frames)
    source.close()
    result = sink.close()
    seconds, cpu = time.monotonic() - begin, time.process_time() - cpu
    samples = watch.finish()
    half = len(samples) // 2
    return Report(
        minutes=minutes,
        width=size[0],
        height=size[1],
        variable_rate=variable,
        frames_in=frames_in,
        frames_out=_count(out),
        rss_growth_mb=round(max(samples) - samples[0], 1),
        rss_second_half_mb=round(max(samples[half:]) - max(samples[:half]), 1),
        sync_offset_ms=round(1000 * _offset(out, result.frames // FPS, clips), 2),
        frame_ms=round(1000 / FPS, 2),
        seconds=round(seconds, 1),
        cpu_seconds=round(cpu, 1),
    )


def _count(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def _offset(path: Path, length: int, clips: ModuleType) -> float:
    """Beep less flash, seconds, in the last loop of the file; decodes only that."""
    start = length - LOOP
    flashes = [time for time in clips.flashes_in(path, start) if time >= start]
    beeps = [time for time in clips.beeps_in(path, start) if time >= start]
    assert len(flashes) == len(beeps) == 1, (flashes, beeps)
    return beeps[0] - flashes[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="length of the clip")
    parser.add_argument("--size", default="1920x1080", help="WIDTHxHEIGHT of input and output")
    parser.add_argument("--vfr", action="store_true", help="vary the frame rate")
    parser.add_argument("--json", type=Path, help="also write the report here")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        report = run(arguments.minutes, (width, height), arguments.vfr, Path(folder))
    text = json.dumps(asdict(report), indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
