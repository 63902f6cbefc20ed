"""The soak itself: a server, a stream that dies and returns, and visitors."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from environment import ROOT
from soak_performer import Performer, to_perform
from soak_records import Records
from soak_report import COUNTED, report, unplayable
from soak_source import SoakSource
from soak_visitors import DENOISE, ENCODE, READ, WRITE

WORKFLOW = ROOT / "workflows" / "api" / "restyle_a_video.json"
SIZE = {"width": 128, "height": 96}
CHUNK = 2

TOO_FAST, EASY = 1.5, 0.5
"""Pictures of the source for each that the session takes: to see how it bears too many, and to perform."""

FIRST_GUESS_FPS = 60.0
"""Of the source while it is found out what the session takes."""

TRIAL_S = 30.0
DIES_EVERY_S, AWAY_S = 40.0, 3.0
SAMPLE_S = 2.0
SETTLE_S = 30.0
"""How long after Stop a busy machine may take to close what it opened."""


async def soak(comfyui: Path, folder: Path, seconds: float, *, performs: bool = False) -> dict[str, Any]:
    """Play for ``seconds``; the report. ``performs``: moved by a ``Performer``, in the background."""
    server = ComfyServer(comfyui, ROOT, folder)
    await asyncio.to_thread(server.start)
    try:
        async with Soak(server, performs) as run:
            # Once before: what stays for good is there then, and what the session takes is known.
            trial = await run.play(min(TRIAL_S, seconds / 4), FIRST_GUESS_FPS)
            before = run.resources()
            fps = round((EASY if performs else TOO_FAST) * max(1.0, trial.taken_fps), 1)
            records = await run.play(seconds, fps)
            after = await run.settle(before)
            left = {name: after[name] - before[name] for name in COUNTED}
            return {
                "size": list(SIZE.values()),
                "chunk": CHUNK,
                "performs": performs,
                "source_fps": fps,
                **report(records, seconds),
                "left": left,
                "files": len(run.files),
                "unplayable": unplayable(run.files),
            }
    finally:
        await asyncio.to_thread(server.stop)


class Soak:
    """A server, and what is done to it."""

    def __init__(self, server: ComfyServer, performs: bool) -> None:
        self._server = server
        self._performs = performs
        self._client = ComfyClient(server.url, secrets.token_urlsafe())
        self._process = psutil.Process(server.pid)
        self._source = SoakSource(f"udp://127.0.0.1:{server.port + 1}")

    async def __aenter__(self) -> Soak:
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._source.kill()
        await self._http.close()

    async def play(self, seconds: float, fps: float) -> Records:
        """One session from Run to Stop, on a source of ``fps`` pictures a second; what was seen."""
        records = Records()
        self._source.play(fps)
        prompt_id = await asyncio.to_thread(self._client.queue, self._graph())
        session = await self._session()
        busy = self._cpu_seconds()
        visitors = Performer(self._http, self._server.url, session, records)
        acts = [visitors.draw(lambda: self._source.steady), visitors.stall()]
        acts += [visitors.record(WRITE), self._die(records), self._sample(records)]
        if self._performs:
            acts += [visitors.turn(await self._osc()), visitors.play_presets()]
            acts.append(visitors.run_again(self._client, self._graph()))
        else:
            acts.append(visitors.change(DENOISE, ENCODE))
        tasks = [asyncio.create_task(act) for act in acts]
        try:
            await asyncio.sleep(seconds)
            for task in tasks:
                if task.done():
                    task.result()  # raises what ended it
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        records.cpu_cores = round((self._cpu_seconds() - busy) / seconds, 3)
        path = f"/livestyle/sessions/{session['session']}/stop"
        await asyncio.to_thread(self._client.request, path, {"token": session["token"]})
        outcome = await asyncio.to_thread(self._client.wait, prompt_id, 60)
        if outcome.status != "success":
            raise RuntimeError(f"the run ended with {outcome.status}: {outcome.error}")
        self._source.kill()
        while await self._playing():  # a prompt ends before what plays in the background
            await asyncio.sleep(0.1)
        await asyncio.sleep(3)
        return records

    def resources(self) -> dict[str, float]:
        """What the server's process holds now."""
        with self._process.oneshot():
            return {
                "rss_mb": self._process.memory_info().rss / 1e6,
                "threads": self._process.num_threads(),
                "handles": self._process.num_fds() if os.name == "posix" else self._process.num_handles(),
                "sockets": len(self._process.net_connections()),
                "children": len(self._process.children()),
            }

    async def settle(self, before: dict[str, float]) -> dict[str, float]:
        """What is held once nothing more than ``before`` is, or else after ``SETTLE_S``."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            now = self.resources()
            if all(now[name] <= before[name] for name in COUNTED) or time.monotonic() > deadline:
                return now
            await asyncio.sleep(0.5)

    @property
    def files(self) -> list[Path]:
        """The recorded files."""
        return sorted(self._server.output.rglob("*.mp4"))

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def _graph(self) -> dict[str, Any]:
        graph = json.loads(WORKFLOW.read_text(encoding="utf-8"))
        live = {"source": "network", "url": self._source.url, "allow_private": True, "clock": "latest"}
        graph[READ]["inputs"] = {"mode": "read", "file": "", **live}
        graph[DENOISE]["inputs"] |= {**SIZE, "chunk": CHUNK}
        return to_perform(graph) if self._performs else graph

    async def _osc(self) -> int:
        """A port at which OSC is received from now on."""
        answer = await asyncio.to_thread(
            self._client.request, "/livestyle/osc", {"port": self._server.port + 2}, self._headers
        )
        return answer["port"]

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-LiveStyle": "1", "X-LiveStyle-Client-Secret": self._client.secret}

    async def _playing(self) -> list[dict[str, Any]]:
        """Our sessions that have not ended."""
        answer = await asyncio.to_thread(self._client.request, "/livestyle/sessions", None, self._headers)
        return [one for one in answer["sessions"] if one["token"]]

    async def _session(self) -> dict[str, Any]:
        for _ in range(1800):
            for one in await self._playing():
                if one["state"] == "running":
                    return one
            await asyncio.sleep(0.1)
        raise RuntimeError(f"no session plays:\n{self._server.last_words()}")

    async def _die(self, records: Records) -> None:
        while True:
            await asyncio.sleep(DIES_EVERY_S)
            self._source.kill()
            records.counts["deaths"] += 1
            await asyncio.sleep(AWAY_S)
            self._source.play(self._source.fps)

    async def _sample(self, records: Records) -> None:
        while True:
            records.sample(self.resources())
            await asyncio.sleep(SAMPLE_S)
