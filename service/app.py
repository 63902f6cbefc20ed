"""The HTTP server of a service: the pack's routes, and what an orchestrator asks for."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable

from aiohttp import ClientSession, web

from ..engine.log import log
from ..engine.runtime.registry import SessionRegistry
from ..server.request_guard import PAGE_HEADER, SECRET_HEADER
from ..server.share_links import ShareLinks
from . import host
from .player import Player

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class ServiceApp:
    """Serves until the player has ended, or a signal has drained it.

    Args:
        player: plays the workflow; started once the port is open.
        sessions: of this process.
        links: make share links.
        drain_s: seconds that a drain may take before it becomes a cancel.
    """

    def __init__(self, player: Player, sessions: SessionRegistry, links: ShareLinks, drain_s: float) -> None:
        self._player = player
        self._sessions = sessions
        self._links = links
        self._drain_s = drain_s

    async def run(self, address: str, port: int, osc: int, ended: asyncio.Event) -> None:
        """Serve; returns when ``ended`` is set and all files are closed.

        Args:
            address, port: where HTTP is answered; port 0 takes a free one.
            osc: port at which OSC is received, 0 for none.

        Raises:
            OSError: the port is taken.
        """
        app = web.Application(middlewares=host.place.middlewares, client_max_size=1 << 20)
        app.add_routes(host.place.routes)
        app.router.add_get("/health", self._health)
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/metrics", self._metrics())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, address, port)
            await site.start()
            own = runner.addresses[0]
            log.info("Serving at http://%s:%d", own[0], own[1])
            for line in self._links_of_nodes():
                log.info("%s", line)
            loop = asyncio.get_running_loop()
            for each in SIGNALS:
                loop.add_signal_handler(each, self._drain, ended)
            self._player.start()
            if osc:
                await self._open_osc(own[1], osc)
            await ended.wait()
            await asyncio.to_thread(self._player.join, self._drain_s)
        finally:
            await runner.cleanup()

    def _drain(self, ended: asyncio.Event) -> None:
        log.info("Draining: no new pictures are read, files are closed.")
        self._player.drain()
        ended.set()

    async def _health(self, request: web.Request) -> web.Response:
        """200 while the process works."""
        return web.json_response({"status": "ok"})

    async def _ready(self, request: web.Request) -> web.Response:
        """200 while pictures come, 503 before and after."""
        states = [session.state for session in self._sessions.running()]
        ready = self._player.ready
        body = {"ready": ready, "draining": self._player.draining, "states": states}
        return web.json_response(body, status=200 if ready else 503)

    def _metrics(self) -> Callable[[web.Request], Awaitable[web.Response]]:
        """The handler of /metrics; without the package it says what to install."""
        try:
            from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
        except ImportError:
            missing = "Metrics need a package: run 'pip install prometheus-client'."

            async def refuse(request: web.Request) -> web.Response:
                raise web.HTTPNotImplemented(text=missing)

            return refuse
        from .metrics import SessionMetrics

        registry = CollectorRegistry()
        registry.register(SessionMetrics(self._sessions, self._player.outcomes))

        async def metrics(request: web.Request) -> web.Response:
            """Prometheus's text format."""
            return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

        return metrics

    def _links_of_nodes(self) -> list[str]:
        """Where each write node can be watched."""
        writes = [
            node_id
            for node_id, node in host.place.graph.items()
            if node["class_type"] == "FrameStreamIO"
            and "frames" in node["inputs"]
            and "frames_b" not in node["inputs"]
        ]
        return [f"Watch node {node_id} at {self._links.path(node_id, host.CLIENT)}" for node_id in writes]

    async def _open_osc(self, port: int, osc: int) -> None:
        """As a page does: by the route for it."""
        headers = {PAGE_HEADER: "1", SECRET_HEADER: host.place.secret}
        async with ClientSession(headers=headers) as client:
            body = {"port": osc, "learned": {}}
            async with client.post(f"http://127.0.0.1:{port}/livestyle/osc", json=body) as answer:
                if answer.status != 200:
                    log.error("%s", await answer.text())
                else:
                    log.info("OSC is received at port %d", osc)


def end_when(ended: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Set an event of the loop from another thread."""
    with contextlib.suppress(RuntimeError):  # the loop is closed already
        loop.call_soon_threadsafe(ended.set)
