"""A linear chain of FFmpeg filters: frames in, frames out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar, cast

import av
from av.filter import Graph

Frame = TypeVar("Frame", av.VideoFrame, av.AudioFrame)

# Options of the scale filter. Rounded and at full chroma resolution: without it a flat colour
# comes back up to 4/255 off. A frame takes about a millisecond, so threads would cost more.
ACCURATE = "flags=bilinear+accurate_rnd+full_chroma_int:threads=1"


class FilterChain:
    """``FilterChain(("buffer", "..."), ("scale", "..."), ("buffersink", ""))``; one reader."""

    def __init__(self, *filters: tuple[str, str]) -> None:
        self._graph = Graph()
        nodes = [self._graph.add(name, arguments or None) for name, arguments in filters]
        self._graph.link_nodes(*nodes)
        self._graph.configure()

    def push(self, frame: Frame | None) -> Iterator[Frame]:
        """Put a frame in (None ends the stream) and give what comes out, of the same kind."""
        self._graph.push(frame)
        while True:
            try:
                yield cast(Frame, self._graph.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return


def escaped(path: Path) -> str:
    """A path as a filter's argument: a drive's colon and quotes would end it."""
    return re.sub(r"([\\':,;\[\]])", r"\\\1", path.as_posix())
