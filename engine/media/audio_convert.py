"""Decoded sound of any format, also one that changes on the way, as one even stream for an encoder."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

import av

from .filters import FilterChain

_MOST_NAMED = 8
"""FFmpeg mixes down layouts of so many channels; beyond, they are tracks of their own."""


class SoundConverter:
    """Audio frames in, frames of one format from time 0 on out: gaps are silent, overlaps cut.

    Args:
        rate: samples a second of the output.
        form: FFmpeg's name of its sample format.
        layout: and of its channel layout.
        start: seconds of the input's time that become 0; what lies before is cut.
        order: which input channel is each of its layout's; None where they are in order.

    Attributes:
        used: whether any sound came.
    """

    def __init__(
        self, rate: int, form: str, layout: str, start: Fraction, order: tuple[int, ...] | None = None
    ) -> None:
        self._rate, self._form, self._layout = rate, form, layout
        self._start = start
        self._order = order
        self._format: tuple[str, str, int] | None = None
        self._entry: FilterChain
        self._next: Fraction | None = None
        self.used = False
        self._even = FilterChain(
            (
                "abuffer",
                f"time_base=1/{rate}:sample_rate={rate}:sample_fmt={form}:channel_layout={layout}",
            ),
            ("atrim", "start=0"),
            ("aresample", f"{rate}:async=1000:min_hard_comp=0.03:first_pts=0"),
            ("aformat", f"sample_fmts={form}:channel_layouts={layout}"),
            ("abuffersink", ""),
        )

    def push(self, frame: av.AudioFrame) -> Iterator[av.AudioFrame]:
        """Convert a frame; one without a timestamp follows the frame before it."""
        # Decoders with delay (WMA) give their last frames without one.
        time = self._next if frame.pts is None else frame.pts * frame.time_base - self._start
        if time is None:
            time = -self._start
        self._next = time + Fraction(frame.samples, frame.sample_rate)
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        ready: Iterator[av.AudioFrame] = iter(())
        if form != self._format:
            ready = self._drain()
            self._entry = self._entry_for(frame)
            self._format = form
        frame.time_base = Fraction(1, frame.sample_rate)
        frame.pts = round(time * frame.sample_rate)
        for converted in chain(ready, self._entry.push(frame)):
            yield from self._even.push(converted)
        self.used = True

    def finish(self) -> Iterator[av.AudioFrame]:
        """What is left."""
        for converted in self._drain():
            yield from self._even.push(converted)
        if self.used:
            yield from self._even.push(None)

    def _drain(self) -> Iterator[av.AudioFrame]:
        return iter(()) if self._format is None else self._entry.push(None)

    def _entry_for(self, frame: av.AudioFrame) -> FilterChain:
        return FilterChain(
            (
                "abuffer",
                f"time_base=1/{frame.sample_rate}:sample_rate={frame.sample_rate}"
                f":sample_fmt={frame.format.name}:channel_layout={frame.layout.name}",
            ),
            self._mix(frame.layout),
            ("aresample", str(self._rate)),
            ("aformat", f"sample_fmts={self._form}:channel_layouts={self._layout}"),
            ("abuffersink", ""),
        )

    def _mix(self, layout: av.AudioLayout) -> tuple[str, str]:
        """The filter that makes a layout one that FFmpeg can convert."""
        channels = layout.nb_channels
        if channels > _MOST_NAMED:
            left = "+".join(f"{2 / channels}*c{index}" for index in range(0, channels, 2))
            right = "+".join(f"{2 / channels}*c{index}" for index in range(1, channels, 2))
            return "pan", f"stereo|c0={left}|c1={right}"
        if self._order is not None and len(self._order) == channels:
            pairs = "|".join(f"{source}-{target}" for target, source in enumerate(self._order))
            return "channelmap", f"map={pairs}:channel_layout={layout.name}"
        return "anull", ""
