"""H.264 encoders: which one works here, and its settings."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Literal

import av
import numpy as np

from ..errors import MediaError

Codec = Literal["auto", "libx264", "h264_nvenc"]

_TICKS = 90_000
_BT709 = 1  # AVCOL_PRI_BT709, AVCOL_TRC_BT709 and AVCOL_SPC_BT709 alike.
_LIMITED = 1  # AVCOL_RANGE_MPEG


def choose_encoder(codec: Codec, width: int, height: int) -> str:
    """The encoder to use for that size in pixels; ``auto`` prefers the GPU's where it really works.

    Raises:
        MediaError: NVENC was asked for and can't encode here.
    """
    if codec == "libx264":
        return codec
    if nvenc_works(width, height):
        return "h264_nvenc"
    if codec == "h264_nvenc":
        raise MediaError(
            f"This machine can't encode {width}x{height} with h264_nvenc: set codec to auto or libx264."
        )
    return "libx264"


@lru_cache(maxsize=32)
def nvenc_works(width: int, height: int) -> bool:
    """Whether NVENC encodes a frame of that size: drivers, GPUs and minimum sizes decide only when tried."""
    try:
        context = av.CodecContext.create("h264_nvenc", "w")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.framerate, context.time_base = Fraction(25), Fraction(1, 25)
        grey = np.full((height * 3 // 2, width), 128, np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, format="yuv420p")
        frame.pts = 0
        return bool(context.encode(frame) + context.encode(None))
    except (av.error.FFmpegError, ValueError):
        return False


def add_video_stream(
    container: av.container.OutputContainer,
    encoder: str,
    size: tuple[int, int],
    fps: Fraction,
    quality: int,
) -> av.VideoStream:
    """Add a yuv420p stream, tagged BT.709 limited range.

    Args:
        container: the output.
        encoder: ``libx264`` or ``h264_nvenc``.
        size: (width, height), even.
        fps: average frames a second; timestamps may vary.
        quality: constant quality, 0 (best) to 51.
    """
    # No B-frames: packets leave in the order of display, so a killed process loses few frames.
    options = {"bf": "0", "g": str(max(1, round(2 * fps)))}
    if encoder == "libx264":
        # No lookahead, and so no macroblock tree: with AVX-512 x264's reads beyond its rows, and one file in
        # a hundred of equal pictures differed. It would save 4 % of the bits.
        options |= {"preset": "veryfast", "crf": str(quality), "rc-lookahead": "0"}
    else:
        options |= {"preset": "p4", "rc": "vbr", "cq": str(quality)}
    stream = container.add_stream(encoder, rate=fps, options=options)
    context = stream.codec_context
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base = fine_time_base(fps)
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED
    return stream


def fine_time_base(fps: Fraction) -> Fraction:
    """A unit of about 1/90000 s that also divides 1/fps, so that constant rates stay exact."""
    return Fraction(1, fps.numerator * ceil(_TICKS / fps.numerator))
