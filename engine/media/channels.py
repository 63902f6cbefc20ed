"""Channel layouts of decoded sound, and the one place that keeps PyAV from damaging memory over them."""

from __future__ import annotations

import av

_USUAL = dict(enumerate(("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1"), start=1))


def settle_layout(stream: av.AudioStream) -> tuple[int, ...] | None:
    """Give a track a layout in FFmpeg's own order, before anything is decoded.

    A layout in a custom order (7.1 in MOV, film order) points to a list of channels. PyAV (18.1) copies
    the pointer with each reading of ``layout`` and frees the list with each copy, so the first decoded
    frame ends the process. After this, the one copy that is read here owns the list.

    Returns:
        Which decoded channel is each channel of that layout; None where they are in order.
    """
    context = stream.codec_context
    given = context.layout
    count = given.nb_channels
    # Others are described by their channels, "4 channels (FL+FR+LFE+BC)".
    named = given.name if "channels" not in given.name and "ambisonic" not in given.name else ""
    name = named or _USUAL.get(count) or f"{count} channels"
    wanted = av.AudioLayout(name)
    context.layout = wanted
    present = [channel.name for channel in given.channels]
    usual = [channel.name for channel in wanted.channels]
    if present == usual or sorted(present) != sorted(usual):
        return None
    return tuple(present.index(channel) for channel in usual)
