"""The live inputs of FrameStreamIO: where pictures come from and go to beside files."""

from __future__ import annotations

from ..engine.media.live.devices import list_cameras, list_screens
from .host import io

SOURCES = ("file", "network", "camera", "screen", "ndi", "browser camera", "browser screen")
TARGETS = ("file", "network", "virtual camera", "ndi")
CLOCKS = ("auto", "every_frame", "latest", "resample", "drop_oldest")


def live_inputs() -> list[io.Input]:
    """In the order in which they were added to the node."""
    return [
        io.Combo.Input(
            "source",
            options=list(SOURCES),
            default="file",
            optional=True,
            tooltip="Read: a file (or what is connected), a network stream, a camera, a screen.",
        ),
        io.String.Input(
            "url",
            default="",
            optional=True,
            placeholder="rtsp://camera.example/stream",
            tooltip=(
                "Read, source network: an address that begins with rtsp, rtmp, http(s), srt or udp. "
                "Source ndi: a part of the sender's name, or empty."
            ),
        ),
        io.Combo.Input(
            "device",
            options=["", *(device.label for device in (*list_cameras(), *list_screens()))],
            default="",
            optional=True,
            tooltip="Read, source camera or screen: which one; empty takes the first. R lists them again.",
        ),
        io.Combo.Input(
            "clock",
            options=list(CLOCKS),
            default="auto",
            optional=True,
            tooltip=(
                "Read, live: which pictures are used when more come than the model takes. latest has the "
                "least delay, resample the evenest motion, drop_oldest keeps a short queue, every_frame "
                "makes the source wait. auto is latest."
            ),
        ),
        io.Boolean.Input(
            "allow_private",
            default=False,
            optional=True,
            tooltip="Allow an address on this machine or in its own network; only one that you trust.",
        ),
        io.Combo.Input(
            "target",
            options=list(TARGETS),
            default="file",
            optional=True,
            tooltip="Write: a file, a network stream, a virtual camera or NDI. One a node; chain several.",
        ),
        io.String.Input(
            "target_url",
            default="",
            optional=True,
            placeholder="rtmp://server/app/key",
            tooltip=(
                "Write, target network: an address that begins with rtmp, rtsp, srt or udp. Virtual camera "
                "or NDI: its name, or empty."
            ),
        ),
        io.Int.Input(
            "bitrate",
            default=4000,
            min=100,
            max=50_000,
            optional=True,
            tooltip="Write, target network: kilobits a second.",
        ),
        io.Boolean.Input(
            "record",
            default=True,
            optional=True,
            tooltip="Write, target file: record from the first frame; off waits until you switch it on.",
        ),
    ]
