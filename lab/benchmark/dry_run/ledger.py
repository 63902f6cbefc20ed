"""What the devices were asked to do: kernels, copies to, from and between them, and waits of the host."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field

from ... import ROOT

HERE = str(ROOT / "lab" / "benchmark" / "dry_run")
DOOR = str(ROOT / "engine" / "networks" / "fused_attention.py")
"""Every call of attention goes through it, and says there what it expects."""
IN_BETWEEN = (
    *(HERE, DOOR, str(ROOT / "engine" / "transfers.py")),
    str(ROOT / "engine" / "families" / "crossing.py"),
)
"""What is done there was asked for by its caller."""
SPEED = ("flash", "efficient", "math")
"""Attention's back ends, the fastest first; the last writes all scores out."""
PACK = (str(ROOT / "engine"), str(ROOT / "nodes"), str(ROOT / "lab"))


@dataclass(frozen=True)
class Launch:
    """One kernel.

    Attributes:
        name: of torch's operator.
        flops: of products, convolutions and attention; 0 for others.
        bytes: read and written, if nothing stays in the device's caches.
        half: its products are of 16 or 8 bits.
        place: who asked for it.
        device: number of the card.
    """

    name: str
    flops: int
    bytes: int
    half: bool
    place: str
    device: int


@dataclass(frozen=True)
class Crossed:
    """Bytes from card to card, ``"cuda:0 cuda:1"``; the host is free."""

    bytes: int
    way: str
    place: str


@dataclass(frozen=True)
class Copy:
    """Bytes between host and device; only a pinned, non-blocking one leaves the host free."""

    bytes: int
    pinned: bool
    blocking: bool
    place: str

    @property
    def holds_up(self) -> bool:
        """Whether the host waits for it: of pageable memory, CUDA copies through a buffer of its own."""
        return self.blocking or not self.pinned


@dataclass(frozen=True)
class Attention:
    """A kind of call of scaled dot product attention.

    Attributes:
        chosen: the back end that torch takes.
        expected: the slowest one that the call states (``engine/networks/fused_attention.py``); None where
            a library's code makes it.
        place: who makes it.
    """

    chosen: str
    expected: str | None
    place: str

    @property
    def as_expected(self) -> bool:
        """Whether it is as fast as its call states; without a statement, whether it is fused."""
        return SPEED.index(self.chosen) <= SPEED.index(self.expected or "efficient")


@dataclass
class Ledger:
    """What was asked for while it was the device's.

    Attributes:
        syncs: how often the host waited for the device, by ``"<kind> <place>"``.
        attention: how often each kind of call was made.
    """

    launches: list[Launch] = field(default_factory=list)
    uploads: list[Copy] = field(default_factory=list)
    downloads: list[Copy] = field(default_factory=list)
    crossings: list[Crossed] = field(default_factory=list)
    syncs: Counter[str] = field(default_factory=Counter)
    attention: Counter[Attention] = field(default_factory=Counter)

    def wait(self, kind: str) -> None:
        """The host waits here."""
        self.syncs[f"{kind} {place()}"] += 1

    def upload(self, copied: Copy) -> None:
        self.uploads.append(copied)
        if copied.holds_up and copied.bytes:
            self.syncs[f"upload {copied.place}"] += 1

    def download(self, copied: Copy) -> None:
        self.downloads.append(copied)
        if copied.holds_up:
            self.syncs[f"download {copied.place}"] += 1

    @property
    def flops(self) -> int:
        return sum(launch.flops for launch in self.launches)

    @property
    def bytes(self) -> int:
        return sum(launch.bytes for launch in self.launches)


def place() -> str:
    """The pack's innermost function that is at work: ``engine/motion/flow.py:find``."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(PACK) and not file.startswith(IN_BETWEEN):
            inside = file[len(str(ROOT)) + 1 :].replace("\\", "/")
            return f"{inside}:{frame.f_code.co_qualname}"
        frame = frame.f_back
    return "elsewhere"


def expected_kernel() -> str | None:
    """What the call of attention that is under way states, if it goes through the engine's door."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == DOOR:
            return frame.f_locals["expects"]
        frame = frame.f_back
    return None
