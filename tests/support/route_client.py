"""The pack's routes on a real HTTP server, with sessions of the stub family; no ComfyUI."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from runtime_stubs import Behaviour, Zoo, read, stylise, write

from livestyle.engine.runtime.plan import PlanNode
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession
from livestyle.server.actions import Files
from livestyle.server.host_names import HostNames
from livestyle.server.owners import hash_secret, set_owner
from livestyle.server.routes import register_routes
from livestyle.server.share_links import ShareLinks

PAGE = {"X-LiveStyle": "1"}
SECRET = "the tab's secret"
OWNER = {**PAGE, "X-LiveStyle-Client-Secret": SECRET}
"""Headers of the tab that started the tests' sessions."""
FOREIGN = {"Origin": "http://evil.example"}
PATIENCE_S = 60.0
"""A busy machine may stand still for a while; what waits longer waits for ever."""
LINKS = ShareLinks(b"secret")
READER = "1"
"""The node that reads the source in the sessions of the tests."""
FILES = Files(lambda pixels, tags: Path("snapshot.png"), lambda path: {"filename": path.name}, str)


def start(registry: SessionRegistry, client: str | None = "tab", **source: Any) -> StreamSession:
    """A session that plays slowly, and for longer than a test lasts."""
    return start_plan(
        registry, write(stylise(read(**{"length": 100_000, "size": (64, 48), **source}))), client
    )


def start_plan(registry: SessionRegistry, plan: PlanNode, client: str | None = "tab") -> StreamSession:
    """A session of a plan whose model takes 20 ms a step."""
    session = registry.open(plan, Zoo({"stub": Behaviour(delays={"denoise": 0.02})}))
    set_owner(session, plan, client, hash_secret(SECRET))
    session.start()
    return session


def serve(
    registry: SessionRegistry, talk: Callable[[TestClient], Awaitable[None]], files: Files = FILES
) -> None:
    """Run the routes, and ``talk`` to them."""

    async def run() -> None:
        table = web.RouteTableDef()
        register_routes(table, registry, LINKS, HostNames(), files)
        app = web.Application()
        app.add_routes(table)
        async with TestClient(TestServer(app)) as client:
            await asyncio.wait_for(talk(client), 4 * PATIENCE_S)

    asyncio.run(run())


@asynccontextmanager
async def socket_of(client: TestClient, session: StreamSession, **options: Any) -> AsyncIterator[Any]:
    """A session's websocket."""
    path = f"/livestyle/sessions/{session.id}/ws?token={session.token}"
    async with client.ws_connect(path, **options) as socket:
        yield socket


async def next_text(socket: Any, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """The next text message that fits."""
    while True:
        message = await socket.receive(timeout=PATIENCE_S)
        assert message.type in (WSMsgType.TEXT, WSMsgType.BINARY), message
        if message.type is WSMsgType.TEXT and wanted(data := json.loads(message.data)):
            return data


async def next_frame(socket: Any) -> tuple[dict[str, Any], bytes]:
    """Header and JPEGs of the next picture."""
    while True:
        message = await socket.receive(timeout=PATIENCE_S)
        if message.type is WSMsgType.BINARY:
            (length,) = struct.unpack(">I", message.data[:4])
            return json.loads(message.data[4 : 4 + length]), message.data[4 + length :]


def upload(data: bytes, **header: Any) -> bytes:
    """A message of a picture or a sound for the read node."""
    text = json.dumps({"node": READER, **header}).encode()
    return struct.pack(">I", len(text)) + text + data


def of_type(kind: str) -> Callable[[dict[str, Any]], bool]:
    """Tells messages of a type."""
    return lambda message: message["type"] == kind
