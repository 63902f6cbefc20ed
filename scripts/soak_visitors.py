"""Pages that look at the session of a soak and change it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import struct
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
from soak_records import Records

READ, ENCODE, DENOISE, WRITE = "1", "3", "4", "5"
"""Nodes of the default workflow."""

CREDIT = 2
PROMPTS = ("make it an oil painting", "pencil sketch", "watercolour")
CHANGES_S, PROMPT_EVERY = 0.5, 6
RECORDS_S = 25.0


class Visitors:
    """Each method is one page; it stays until its task is cancelled.

    Args:
        http: for the connections.
        url: of ComfyUI.
        session: as the route lists it.
        records: where what is seen goes.
    """

    def __init__(
        self, http: aiohttp.ClientSession, url: str, session: dict[str, Any], records: Records
    ) -> None:
        self._http = http
        self._url = f"{url}/livestyle/sessions/{session['session']}/ws"
        self._token = session["token"]
        self._records = records

    async def draw(self, counts: Callable[[], bool]) -> None:
        """Keep up, and listen to receipts and telemetry; ``counts`` says whether latency is meant now."""
        async with self._socket() as socket:
            await socket.send_json({"type": "credit", "n": CREDIT})
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    if counts():
                        self._records.seen(time.monotonic() - _born(message.data))
                    self._records.counts["drawn"] += 1
                    await socket.send_json({"type": "credit", "n": 1})
                elif message.type is aiohttp.WSMsgType.TEXT:
                    self._records.hear(json.loads(message.data))

    async def stall(self) -> None:
        """Ask for pictures and never read."""
        async with self._socket() as socket:
            await socket.send_json({"type": "credit", "n": 1000})
            await asyncio.sleep(float("inf"))

    async def change(self, denoiser: str, encoder: str) -> None:
        """Turn the strength, and now and then the instruction."""
        async with self._socket() as socket:
            for number in itertools.count():
                changes: dict[str, Any] = {f"{denoiser}.strength": number % 10 / 10}
                if number % PROMPT_EVERY == 0:
                    changes[f"{encoder}.prompt"] = PROMPTS[number // PROMPT_EVERY % len(PROMPTS)]
                for key, value in changes.items():
                    await socket.send_json({"type": "set", "key": key, "value": value})
                    self._records.counts["changes"] += 1
                await asyncio.sleep(CHANGES_S)

    async def record(self, writer: str) -> None:
        """Switch recording off and on."""
        async with self._socket() as socket:
            for on in itertools.cycle((False, True)):
                await asyncio.sleep(RECORDS_S)
                await socket.send_json({"type": "record", "node": writer, "on": on})

    @contextlib.asynccontextmanager
    async def _socket(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with self._http.ws_connect(self._url, params={"token": self._token}, max_msg_size=0) as socket:
            yield socket


def _born(message: bytes) -> float:
    """Seconds on the monotonic clock, which all processes of a machine share, at which it was captured."""
    (length,) = struct.unpack_from(">I", message)
    return json.loads(message[4 : 4 + length])["born"] / 1000
