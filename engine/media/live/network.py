"""Network streams through FFmpeg: time limits, low delay, and only checked addresses."""

from __future__ import annotations

import math
import time

import av

from ...errors import MediaError
from ..containers import ANY_TAGS
from .addresses import StreamUrl, resolve
from .container_capture import ContainerCapture
from .http_stream import HttpStream
from .relay import Relay
from .subprocess_stream import SubprocessStream, receive_srt

OPEN_S = 5.0
"""Seconds for a server to answer and to send what tells its streams."""

READ_S = 2.0
"""Seconds of silence after which a connection counts as lost."""

# None of these opens anything but what it was told to.
_FORMATS = "rtsp,rtp,flv,live_flv,mpegts,mpjpeg,mjpeg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,h264,hevc,ogg"
# Enough to see a stream's format, little enough to begin at once.
_LOW_DELAY = {"fflags": "nobuffer", "flags": "low_delay", "probesize": "500000", "analyzeduration": "500000"}
_MICROSECONDS = 1_000_000


SRT_SILENCE_S = 3.0
"""The same for SRT, which repairs losses itself before it passes anything on."""


class NetworkCapture(ContainerCapture):
    """RTSP, RTMP, HLS, HTTP, SRT and UDP.

    Args:
        url: checked as text; its host is looked up and checked at each connection.
        allow_private: see ``resolve``.
    """

    def __init__(self, url: StreamUrl, allow_private: bool) -> None:
        super().__init__(url.shown)
        self._url = url
        self._allow_private = allow_private
        self._relay: Relay | None = None
        self._srt: SubprocessStream | None = None
        self._http: HttpStream | None = None
        self._piece = -1

    def open(self) -> None:
        try:
            super().open()
        except MediaError:
            if self._relay is not None and self._relay.redirected:
                raise MediaError(
                    f"{self.name} sends its viewers elsewhere: enter the address that it leads to."
                ) from None
            raise
        self.finite = self._container is not None and self._container.duration is not None
        if self._http is not None and self._http.in_pieces:
            self.finite = self._http.finite

    def close(self) -> None:
        super().close()
        if self._http is not None:
            self._piece = self._http.last
        for end in (self._relay, self._srt, self._http):
            if end is not None:
                end.close()
        self._relay = self._srt = self._http = None

    def interrupt(self) -> None:
        super().interrupt()
        stream = self._http
        if stream is not None:
            stream.interrupt()

    def _open_container(self) -> av.container.InputContainer:
        if self._url.scheme in ("http", "https"):
            return self._open_http()
        if self._url.scheme == "srt":
            return self._open_srt()
        if self._url.scheme == "udp":
            return self._open_udp()
        return self._open_through_relay()

    def _open_http(self) -> av.container.InputContainer:
        stream = self._http = HttpStream(self._url, self._allow_private, READ_S, self._piece)
        if self._interrupted.is_set():  # before ``interrupt`` could find the stream
            stream.interrupt()
        stream.deadline = time.monotonic() + 2 * OPEN_S
        stream.open()
        self.paced = stream.in_pieces
        options = {**_LOW_DELAY, "protocol_whitelist": "pipe", "format_whitelist": _FORMATS}
        if stream.in_pieces:
            del options["fflags"]  # what is looked at to see the format would be dropped: whole pieces
        container = av.open(stream, options=options, **ANY_TAGS)
        stream.deadline = math.inf
        return container

    def _open_udp(self) -> av.container.InputContainer:
        options = {
            **_LOW_DELAY,
            "protocol_whitelist": "udp",
            "format_whitelist": _FORMATS,
            "overrun_nonfatal": "1",
            "fifo_size": "8192",
            "reuse": "1",
        }
        address = resolve(self._url, self._allow_private)
        return av.open(self._url.at(address), options=options, timeout=(OPEN_S, READ_S), **ANY_TAGS)

    def _open_srt(self) -> av.container.InputContainer:
        self._srt = receive_srt(self._url.at(resolve(self._url, self._allow_private)), SRT_SILENCE_S)
        options = {**_LOW_DELAY, "protocol_whitelist": "pipe", "format_whitelist": "mpegts"}
        return av.open(self._srt, format="mpegts", options=options, buffer_size=1316 * 8, **ANY_TAGS)

    def _open_through_relay(self) -> av.container.InputContainer:
        url = self._url
        tls_host = url.host if url.scheme.endswith("s") else ""
        self._relay = Relay(resolve(url, self._allow_private), url.port, tls_host, OPEN_S)
        scheme = url.scheme.removesuffix("s")
        options = {**_LOW_DELAY, "protocol_whitelist": f"{scheme},tcp,rtp", "format_whitelist": _FORMATS}
        if scheme == "rtsp":
            options |= {"rtsp_transport": "tcp", "allowed_media_types": "video+audio"}
            options |= {"timeout": str(round(OPEN_S * _MICROSECONDS))}
        else:
            options |= {"rtmp_tcurl": tc_url(url), "rtmp_live": "live"}
        target = url.at("127.0.0.1", self._relay.port, scheme)
        container = av.open(target, options=options, timeout=(OPEN_S, READ_S), **ANY_TAGS)
        self._relay.trust()
        return container


def tc_url(url: StreamUrl) -> str:
    """What an RTMP server is told that it was called by: everything before the stream's key."""
    return url.text.rpartition("/")[0] if url.text.count("/") > 3 else url.text
