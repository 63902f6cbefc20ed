"""H.264 and AAC to an RTMP, RTSP, SRT or UDP address."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Any

import av
import numpy as np

from ...errors import MediaError
from .addresses import StreamUrl, resolve
from .network import OPEN_S
from .relay import Relay
from .sender import Sender
from .subprocess_stream import SOON, SubprocessStream, send, send_srt
from .track_sound import RATE

KEYFRAME_S = 2
"""Seconds between keyframes; a viewer that joins waits as long, and services ask for 2."""

SEND_S = 3.0
"""Seconds that a server may take no data before the connection counts as lost."""

FINISH_S = 1.5
"""Seconds for what is on its way at the end."""

_TICKS = 90_000
_SOUND_BITS = 160_000


class NetworkSender(Sender):
    """Encodes with the least delay and pushes.

    Args:
        url: checked as text; the host is looked up and checked at each connection.
        allow_private: see ``resolve``.
        bitrate: kilobits a second of the picture.
        sounds: whether there will be sound.
    """

    kind = "network"

    def __init__(self, url: StreamUrl, allow_private: bool, bitrate: int, sounds: bool) -> None:
        self.name = url.shown
        self._url = url
        self._allow_private = allow_private
        self._bitrate = bitrate
        self.sounds = sounds
        self._container: Any = None
        self._streams: list[Any] = []
        self._relay: Relay | None = None
        self._carrier: SubprocessStream | None = None
        self._last = -1

    def open(self, width: int, height: int, fps: Fraction) -> None:
        self._last = -1
        try:
            self._carrier = self._carry()
            self._container = av.open(self._carrier, "w", format="nut", options=SOON, buffer_size=4096)
            self._streams = [self._add_picture(width, height, fps)]
            if self.sounds:
                self._streams.append(self._add_sound())
            self._container.start_encoding()
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure("can't be reached", error) from error

    def send(self, pixels: np.ndarray, time: Fraction) -> None:
        if pixels.shape[0] % 2 or pixels.shape[1] % 2:
            pixels = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        self._last = max(round(time * _TICKS), self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        self._push(self._streams[0], frame)

    def hear(self, sound: av.AudioFrame) -> None:
        self._push(self._streams[1], sound)

    def close(self) -> None:
        container, self._container = self._container, None
        try:
            if container is not None:
                for stream in self._streams:
                    container.mux(stream.encode(None))
                container.close()
        except (av.error.FFmpegError, OSError):
            pass  # the other end is gone already
        if self._carrier is not None:
            self._carrier.finish(FINISH_S)
            self._carrier.close()
        if self._relay is not None:
            self._relay.close()
        self._carrier = self._relay = None

    def _push(self, stream: Any, frame: av.VideoFrame | av.AudioFrame) -> None:
        try:
            self._container.mux(stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure("is lost", error) from error

    def _carry(self) -> SubprocessStream:
        """Start the process that connects."""
        url, scheme = self._url, self._url.scheme.removesuffix("s")
        address = resolve(url, self._allow_private)
        if scheme == "srt":
            return send_srt(url.at(address), SEND_S)
        if scheme == "udp":
            return send(_with_packets(url.at(address)), "mpegts", {}, SEND_S)
        self._relay = Relay(address, url.port, url.host if url.scheme == "rtmps" else "", OPEN_S)
        target = url.at("127.0.0.1", self._relay.port, scheme)
        if scheme == "rtsp":
            return send(target, "rtsp", {"rtsp_transport": "tcp"}, SEND_S)
        return send(target, "flv", {"flvflags": "no_duration_filesize"}, SEND_S)

    def _add_picture(self, width: int, height: int, fps: Fraction) -> av.VideoStream:
        options = {
            "preset": "veryfast",
            "tune": "zerolatency",
            "g": str(max(1, round(KEYFRAME_S * fps))),
            "maxrate": f"{self._bitrate}k",
            "bufsize": f"{ceil(self._bitrate / 2)}k",
        }
        stream = self._container.add_stream("libx264", rate=fps.limit_denominator(1001), options=options)
        context = stream.codec_context
        context.width, context.height = width + width % 2, height + height % 2
        context.pix_fmt = "yuv420p"
        context.bit_rate = self._bitrate * 1000
        context.time_base = Fraction(1, _TICKS)
        return stream

    def _add_sound(self) -> av.AudioStream:
        stream = self._container.add_stream("aac", rate=RATE)
        stream.codec_context.layout, stream.codec_context.bit_rate = "stereo", _SOUND_BITS
        return stream

    def _failure(self, what: str, error: Exception) -> MediaError:
        complaint = self._carrier.complaint if self._carrier is not None else ""
        reason = complaint or getattr(error, "strerror", None) or str(error)
        return MediaError(f"{self.name} {what} ({reason}): check the address and that the server runs.")


def _with_packets(url: str) -> str:
    """Whole MPEG-TS packets in each datagram, as many as fit into an Ethernet frame."""
    return url if "pkt_size" in url else f"{url}{'&' if '?' in url else '?'}pkt_size=1316"
