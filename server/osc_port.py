"""A UDP port for OSC messages; import it only where ``extra("pythonosc")`` has found the package.

OSC 1.0: datagrams of messages and bundles. Bundles are taken apart and their times ignored: what comes
acts on the next chunk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pythonosc.osc_message_builder import build_msg
from pythonosc.osc_packet import OscPacket

from .osc_bindings import Peer
from .rate_limit import RateLimit

RATE = 2000
"""Datagrams a second that are listened to."""

MOST_MESSAGES = 256
"""Of a datagram."""


class OscPort(asyncio.DatagramProtocol):
    """Receives on the server's event loop, and sends from the same port.

    Args:
        on_message: address, arguments and sender of each message.
        on_problem: one line for what could not be understood.
    """

    def __init__(
        self,
        on_message: Callable[[str, Sequence[Any], Peer], None],
        on_problem: Callable[[str], None],
    ) -> None:
        self._on_message = on_message
        self._on_problem = on_problem
        self._rate = RateLimit(RATE)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        sender: Peer = addr[:2]
        if not self._rate.admit():
            if self._rate.just_exceeded:
                self._on_problem(f"More than {RATE} messages a second: the rest of this second is ignored.")
            return
        try:
            messages = [timed.message for timed in OscPacket(data).messages[:MOST_MESSAGES]]
        except Exception:  # python-osc raises more than its own errors where the bytes are hostile
            self._on_problem(f"A message of {len(data)} bytes is not OSC.")
            return
        for message in messages:
            self._on_message(message.address, message.params, sender)

    def send(self, address: str, value: float | int | str, peer: Peer) -> None:
        """Send one message; it may get lost, as all of UDP."""
        if self._transport is not None:
            self._transport.sendto(build_msg(address, [value]).dgram, peer)

    def close(self) -> None:
        """Receive no more."""
        if self._transport is not None:
            self._transport.close()


async def open_port(host: str, port: int, protocol: OscPort) -> None:
    """Bind it.

    Raises:
        OSError: it is taken, or the host is not one of this machine.
    """
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: protocol, local_addr=(host, port))
