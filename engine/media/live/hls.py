"""HLS lists (RFC 8216): which pieces a stream is made of."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urljoin

from ...errors import MediaError

MOST_PIECES = 50_000
"""Pieces that a list may name; a day of two seconds each."""

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
_URI_SAFE = "%/:=&?~#+!$,;'@()*[]"


@dataclass(frozen=True)
class Piece:
    """A part of a stream.

    Attributes:
        url: where it is.
        span: (first byte, how many), or None for all of it.
        set_up: what goes before it where the piece before had another one; fragmented mp4 has it.
    """

    url: str
    span: tuple[int, int] | None = None
    set_up: Piece | None = None


@dataclass(frozen=True)
class MediaList:
    """The pieces of one stream.

    Attributes:
        url: of the list.
        first: number of the first piece.
        pieces: in order.
        duration: the longest that one lasts, seconds.
        ended: whether no more will come.
    """

    url: str
    first: int
    pieces: tuple[Piece, ...]
    duration: float
    ended: bool


def is_list(beginning: bytes) -> bool:
    """Whether what begins like this is a list."""
    return beginning.startswith((b"#EXTM3U", b"\xef\xbb\xbf#EXTM3U"))


def parse_list(text: str, url: str, name: str) -> MediaList | str:
    """What a list says: its pieces; or of a list of variants, the address of the first one with a picture.

    Args:
        text: of the list.
        url: where it came from, which relative addresses begin with.
        name: for errors.

    Raises:
        MediaError: it is encrypted, names too much, or can't be read.
    """
    variants: list[str] = []
    pieces: list[Piece] = []
    variant: Mapping[str, str] | None = None
    set_up: Piece | None = None
    span: tuple[int, int] | None = None
    first, duration, ended = 0, 0.0, False
    for line in text.splitlines():
        tag, _, value = line.strip().partition(":")
        if tag == "#EXT-X-STREAM-INF":
            variant = _attributes(value)
        elif tag in ("#EXT-X-KEY", "#EXT-X-SESSION-KEY"):
            method = _attributes(value).get("METHOD", "NONE")
            if method != "NONE":
                raise MediaError(f"{name} is encrypted ({method[:20]}): use an address that is not.")
        elif tag == "#EXT-X-TARGETDURATION":
            duration = _number(value)
        elif tag == "#EXT-X-MEDIA-SEQUENCE":
            first = int(_number(value))
        elif tag == "#EXT-X-ENDLIST":
            ended = True
        elif tag == "#EXT-X-MAP":
            said = _attributes(value)
            set_up = Piece(_join(url, said.get("URI", ""), name), _span(said.get("BYTERANGE", ""), 0))
        elif tag == "#EXT-X-BYTERANGE":
            end = sum(pieces[-1].span or (0, 0)) if pieces else 0
            span = _span(value, end)
        elif tag and not tag.startswith("#"):
            address = _join(url, line.strip(), name)
            if variant is not None:
                variants.append(address)
                if _has_picture(variant):
                    return address
            else:
                pieces.append(Piece(address, span, set_up))
            variant = span = None
        if len(pieces) > MOST_PIECES or len(variants) > MOST_PIECES:
            raise MediaError(f"{name} names more than {MOST_PIECES} pieces: use a shorter stream.")
    if variants:
        return variants[0]
    return MediaList(url, first, tuple(pieces), duration, ended)


def _has_picture(variant: Mapping[str, str]) -> bool:
    codecs = variant.get("CODECS", "")
    sound_only = codecs and all(
        codec.strip().startswith(("mp4a", "ac-3", "ec-3")) for codec in codecs.split(",")
    )
    return "RESOLUTION" in variant or not sound_only


def _attributes(value: str) -> Mapping[str, str]:
    return {name: text.strip('"') for name, text in _ATTRIBUTE.findall(value)}


def _number(text: str) -> float:
    """A number from 0 on; 0 for what is none."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return min(max(value, 0.0), 2.0**52) if math.isfinite(value) else 0.0


def _span(text: str, after: int) -> tuple[int, int] | None:
    """``length@offset``; without an offset it goes on ``after`` the piece before."""
    length, _, offset = text.partition("@")
    if not _number(length):
        return None
    return int(_number(offset)) if offset else after, int(_number(length))


def _join(url: str, address: str, name: str) -> str:
    try:
        return urljoin(url, quote(address, safe=_URI_SAFE))
    except ValueError as error:
        raise MediaError(
            f"{name} names an address that can't be read: check it with another player."
        ) from error
