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
_NAT64 = ip_network("64:ff9b::/96")
# Answers to whoever asks with the keys of the machine; no camera lives there.
_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
)

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
        SettingError: the host has an address that is not allowed.
        OSError: the host is not known.
    """
    found = _look_up(url)
    for address in found:
        check_address(address, url, allow_private)
    return str(found[0])


def check_address(address: Address, url: StreamUrl, allow_private: bool) -> None:
    """Raise SettingError where ``address``, which ``url`` leads to, is not allowed."""
    reached = (address, *_embedded(address))
    if not _METADATA.isdisjoint(reached):
        raise SettingError(f"{url.shown} is a cloud's metadata service, which is never read.")
    outside = all(each.is_global and not each.is_multicast for each in reached)
    if not allow_private and not outside:
        raise SettingError(
            f"{url.shown} leads to {address}, a private network: switch allow_private on if you trust it."
        )


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    # Names are letters, digits, dots and dashes; a zone (%eth0) or anything odd is not needed.
    plain = host.replace(":", "") if ":" in host else host
    if not all(c.isalnum() or c in ".-_" for c in plain):
        raise SettingError("The address has odd characters in its host: check it.")
    return host


def _look_up(url: StreamUrl) -> list[Address]:
    if not url.host:
        return [ip_address("0.0.0.0")]
    entries: list[Any] = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    found = list(dict.fromkeys(entry[4][0].partition("%")[0] for entry in entries))
    # Cameras and servers of OBS mostly listen on IPv4 only.
    return sorted((ip_address(text) for text in found), key=lambda address: address.version)


def _embedded(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 one stands for."""
    if not isinstance(address, IPv6Address):
        return []
    inner: list[IPv4Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if isinstance(_NAT64, IPv6Network) and address in _NAT64:
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [entry for entry in inner if entry is not None]
