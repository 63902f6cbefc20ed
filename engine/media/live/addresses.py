"""Which stream addresses may be used: a list of schemes, and no private network unless the user says so.

A workflow can come from a stranger, so an address in it must not make this machine talk to what
only this machine can reach: the host itself, its network, a cloud's metadata service.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ...errors import SettingError

SOURCE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt", "udp")
TARGET_SCHEMES = ("rtmp", "rtmps", "rtsp", "srt", "udp")
LONGEST_URL = 2048

_PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443, "http": 80, "https": 443}
# All that IANA has given out for the public; site-local, reserved and translated addresses lie outside.
_PUBLIC_V6 = IPv6Network("2000::/3")
# Translated to IPv4, and then as public as what they end with: mapped, and NAT64.
_MAPPED, _NAT64 = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")
# Ranges that end with an IPv4 address: the old compatible and translated ones, and a site's own NAT64.
_ENDS_WITH_V4 = (
    _MAPPED,
    _NAT64,
    *map(IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48")),
)
# Public by the word of some versions of Python: relays of 6to4, addresses for documentation.
_NOT_PUBLIC = tuple(map(ip_network, ("192.88.99.0/24", "3fff::/20")))
# Answers to whoever asks with the keys of the machine; no camera lives there.
_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
)

# What FFmpeg may read from the query; others choose where it listens and with whom it speaks.
_OPTIONS = {
    "udp": frozenset(
        ("pkt_size", "fifo_size", "buffer_size", "overrun_nonfatal")
        + ("ttl", "timeout", "bitrate", "burst_bits")
    ),
    "srt": frozenset(
        ("mode", "streamid", "srt_streamid", "passphrase", "pbkeylen", "enforced_encryption")
        + ("latency", "rcvlatency", "peerlatency", "tlpktdrop", "tsbpd", "nakreport", "lossmaxttl")
        + ("connect_timeout", "timeout", "transtype", "pkt_size", "payload_size", "mss", "ffs", "linger")
        + ("maxbw", "inputbw", "oheadbw", "sndbuf", "rcvbuf", "send_buffer_size", "recv_buffer_size")
    ),
}

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class StreamUrl:
    """An address that has passed the rules for its text; its host has not been looked up.

    Attributes:
        text: as the user wrote it, trimmed.
        scheme, host, port: its parts; host is empty where a UDP or SRT address listens everywhere.
    """

    text: str
    scheme: str
    host: str
    port: int

    @property
    def shown(self) -> str:
        """For errors and the node: without user, password and query, which may be secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        path = "" if self.scheme.startswith("rtmp") else urlsplit(self.text).path  # a stream key
        return f"{self.scheme}://{host}:{self.port}{path}"

    def at(self, address: str, port: int | None = None, scheme: str | None = None) -> str:
        """The same address with the host (and port) replaced, so that no name is looked up again."""
        parts = urlsplit(self.text)
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        host = f"[{address}]" if ":" in address else address
        return parts._replace(
            scheme=scheme or self.scheme, netloc=f"{user}{host}:{port or self.port}"
        ).geturl()


def parse_url(text: str, schemes: tuple[str, ...] = SOURCE_SCHEMES) -> StreamUrl:
    """Check an address as text.

    Raises:
        SettingError: it is no address, or its scheme is not one of ``schemes``.
    """
    text = text.strip()
    allowed = ", ".join(schemes)
    if not text:
        raise SettingError(f"The address is empty: enter one that begins with {allowed}.")
    # Backslashes and control characters are read differently by different parsers.
    if len(text) > LONGEST_URL or not text.isascii() or any(c <= " " or c in '\\"<>`\x7f' for c in text):
        raise SettingError("The address has spaces, odd characters or is too long: write it percent-encoded.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise SettingError(f"The address can't be read ({error}): check it.") from None
    if parts.scheme not in schemes or "://" not in text:
        raise SettingError(f"'{parts.scheme or text[:20]}' is no stream address: use one of {allowed}.")
    host = _host(parts)
    listens = parts.scheme in ("udp", "srt")
    if not host and not listens:
        raise SettingError("The address names no host: check it.")
    port = _PORTS.get(parts.scheme, 0) if port is None else port
    if not port:
        raise SettingError(f"The address needs a port, as in {parts.scheme}://host:9000.")
    return StreamUrl(text, parts.scheme, host, port)


def resolve(url: StreamUrl, allow_private: bool) -> str:
    """Look the host up, once, and give the numeric address to connect to.

    Args:
        url: where to.
        allow_private: also allow this machine, its network, multicast and listening.

    Raises:
        SettingError: the host has an address that is not allowed, or the query could open another one.
        OSError: the host is not known.
    """
    if not allow_private:
        _check_options(url)
    found = _look_up(url)
    for address in found:
        check_address(address, url, allow_private)
    return str(found[0])


def check_address(address: Address, url: StreamUrl, allow_private: bool) -> None:
    """Raise SettingError where ``address``, which ``url`` leads to, is not allowed."""
    reached = (address, *_embedded(address))
    if not _METADATA.isdisjoint(reached):
        raise SettingError(f"{url.shown} is a cloud's metadata service, which is never read.")
    if not allow_private and not all(map(_is_public, reached)):
        raise SettingError(
            f"{url.shown} leads to {address}, a private network: switch allow_private on if you trust it."
        )


def _check_options(url: StreamUrl) -> None:
    """Raise SettingError where FFmpeg would read an option from the query that is not known as harmless."""
    allowed = _OPTIONS.get(url.scheme)
    if allowed is None:
        return
    # FFmpeg begins at the first question mark, also behind a #.
    for pair in filter(None, url.text.partition("?")[2].split("&")):
        name = pair.partition("=")[0]
        if name not in allowed or (name == "mode" and pair != "mode=caller"):
            shown = pair if name == "mode" else name
            raise SettingError(
                f"{url.shown} has the option '{shown}', which could open more than this address: "
                f"remove it, or switch allow_private on if you trust it."
            )


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    # Names are letters, digits, dots and dashes; a zone (%eth0) or anything odd is not needed.
    plain = host.replace(":", "") if ":" in host else host
    if not all(c.isalnum() or c in ".-_" for c in plain):
        raise SettingError("The address has odd characters in its host: check it.")
    labels = [] if ":" in host else host.removesuffix(".").split(".")
    if host and not all(0 < len(label) < 64 for label in labels):
        raise SettingError(f"'{host[:80]}' can't be the name of a host: check its dots.")
    return host


def _look_up(url: StreamUrl) -> list[Address]:
    if not url.host:
        return [ip_address("0.0.0.0")]
    entries: list[Any] = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    found = list(dict.fromkeys(entry[4][0].partition("%")[0] for entry in entries))
    # Cameras and servers of OBS mostly listen on IPv4 only.
    return sorted((ip_address(text) for text in found), key=lambda address: address.version)


def _is_public(address: Address) -> bool:
    """Whether an address is one that everybody reaches; of a translated one, whether it may be."""
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return True
    if isinstance(address, IPv6Address) and address not in _PUBLIC_V6:
        return False
    denied = address.is_multicast or address.is_reserved or any(address in net for net in _NOT_PUBLIC)
    return address.is_global and not denied


def _embedded(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 one stands for."""
    if not isinstance(address, IPv6Address):
        return []
    inner: list[IPv4Address | None] = [address.sixtofour, *(address.teredo or ())]
    if any(address in net for net in _ENDS_WITH_V4):
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [entry for entry in inner if entry is not None]
