"""The soak itself: a server, a stream, viewers, changes, and what is measured of them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import struct
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import psutil
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from environment import ROOT

WORKFLOW = ROOT / "workflows" / "api" / "restyle_a_video.json"
READ, ENCODE, DENOISE, WRITE = "1", "3", "4", "5"
SIZE = {"width": 128, "height": 96}
SOURCE_FPS = 60
"""More than the model takes on two cores."""

DIES_EVERY_S, AWAY_S = 40.0, 3.0
RECORDS_S = 25.0
SAMPLE_S = 2.0
WARM_UP = 0.3
"""Share of the run before memory counts: caches and heaps fill in it."""

COUNTED = ("threads", "handles", "sockets", "children")
SETTLE_S = 30.0
"""How long after Stop a busy machine may take to close them."""

PROMPTS = ("make it an oil painting", "pencil sketch", "watercolour")
SLOPE = 1.0
"""Megabytes a minute that memory may grow."""

BREATH_MB = 12.0
"""Range within which flat memory was seen to come and go; in a short run that looks like a slope."""


async def soak(comfyui: Path, folder: Path, seconds: float) -> dict[str, Any]:
    """Play for ``seconds``; the report."""
    server = ComfyServer(comfyui, ROOT, folder)
    await asyncio.to_thread(server.start)
    try:
        async with Soak(server) as run:
            await run.play(min(20.0, seconds / 4))  # once before, so that what stays for good is there
            before = run.resources()
            samples = await run.play(seconds)
            after = await run.settle(before)
            return report(run, samples, before, after, seconds)
    finally:
        await asyncio.to_thread(server.stop)


class Soak:
    """A server, and what is done to it."""

    def __init__(self, server: ComfyServer) -> None:
        self._server = server
        self._client = ComfyClient(server.url)
        self._process = psutil.Process(server.pid)
        self._address = f"udp://127.0.0.1:{server.port + 1}"
        self._publisher: subprocess.Popen[bytes] | None = None
        self.counts = {"changes": 0, "applied": 0, "drawn": 0, "deaths": 0, "takes": 0}
        self.telemetry: dict[str, Any] = {}
        self.latencies: list[float] = []

    async def __aenter__(self) -> Soak:
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._kill()
        await self._http.close()

    async def play(self, seconds: float) -> list[dict[str, float]]:
        """One session from Run to Stop; what was sampled."""
        self._publish()
        prompt_id = await asyncio.to_thread(self._client.queue, self._graph())
        session = await self._session()
        samples: list[dict[str, float]] = []
        acts: tuple[Callable[[dict[str, Any]], Awaitable[None]], ...]
        acts = (self._draw, self._stall, self._change, self._record, self._die)
        tasks = [asyncio.create_task(act(session)) for act in acts]
        tasks.append(asyncio.create_task(self._sample(samples)))
        try:
            await asyncio.sleep(seconds)
            for task in tasks:
                if task.done():
                    task.result()  # raises what ended it
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        path = f"/livestyle/sessions/{session['session']}/stop"
        await asyncio.to_thread(self._client.request, path, {"token": session["token"]})
        outcome = await asyncio.to_thread(self._client.wait, prompt_id, 60)
        if outcome.status != "success":
            raise RuntimeError(f"the run ended with {outcome.status}: {outcome.error}")
        self._kill()
        await asyncio.sleep(3)
        return samples

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

    def _graph(self) -> dict[str, Any]:
        graph = json.loads(WORKFLOW.read_text(encoding="utf-8"))
        live = {"source": "network", "url": self._address, "allow_private": True, "clock": "latest"}
        graph[READ]["inputs"] = {"mode": "read", "file": "", **live}
        graph[DENOISE]["inputs"] |= SIZE
        return graph

    async def _session(self) -> dict[str, Any]:
        for _ in range(1800):
            answer = await asyncio.to_thread(
                self._client.request, "/livestyle/sessions", None, {"X-LiveStyle": "1"}
            )
            playing = [one for one in answer["sessions"] if one["state"] == "running"]
            if playing:
                return playing[0]
            await asyncio.sleep(0.1)
        raise RuntimeError(f"no session plays:\n{self._server.last_words()}")

    @contextlib.asynccontextmanager
    async def _socket(self, session: dict[str, Any]):
        url = f"{self._server.url}/livestyle/sessions/{session['session']}/ws"
        async with self._http.ws_connect(url, params={"token": session["token"]}, max_msg_size=0) as socket:
            yield socket

    async def _draw(self, session: dict[str, Any]) -> None:
        """A viewer that keeps up, and listens to receipts and telemetry."""
        async with self._socket(session) as socket:
            await socket.send_json({"type": "credit", "n": 2})
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    struct.unpack(">I", message.data[:4])
                    self.counts["drawn"] += 1
                    await socket.send_json({"type": "credit", "n": 1})
                elif message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(json.loads(message.data))

    def _hear(self, said: dict[str, Any]) -> None:
        kind = said.get("type")
        self.counts["applied"] += kind == "applied"
        self.counts["takes"] += kind == "take"
        if kind == "telemetry":
            self.telemetry = said
            self.latencies.append(said["latency_ms"]["p95"])

    async def _stall(self, session: dict[str, Any]) -> None:
        """A viewer that asks for pictures and never reads."""
        async with self._socket(session) as socket:
            await socket.send_json({"type": "credit", "n": 1000})
            await asyncio.sleep(float("inf"))

    async def _change(self, session: dict[str, Any]) -> None:
        async with self._socket(session) as socket:
            for number in itertools.count():
                await socket.send_json(
                    {"type": "set", "key": f"{DENOISE}.strength", "value": number % 10 / 10}
                )
                self.counts["changes"] += 1
                if number % 6 == 0:
                    prompt = PROMPTS[number // 6 % len(PROMPTS)]
                    await socket.send_json({"type": "set", "key": f"{ENCODE}.prompt", "value": prompt})
                    self.counts["changes"] += 1
                await asyncio.sleep(0.5)

    async def _record(self, session: dict[str, Any]) -> None:
        async with self._socket(session) as socket:
            for on in itertools.cycle((False, True)):
                await asyncio.sleep(RECORDS_S)
                await socket.send_json({"type": "record", "node": WRITE, "on": on})

    async def _die(self, session: dict[str, Any]) -> None:
        while True:
            await asyncio.sleep(DIES_EVERY_S)
            self._kill()
            self.counts["deaths"] += 1
            await asyncio.sleep(AWAY_S)
            self._publish()

    async def _sample(self, samples: list[dict[str, float]]) -> None:
        started = time.monotonic()
        while True:
            samples.append({"s": round(time.monotonic() - started, 1), **self.resources()})
            await asyncio.sleep(SAMPLE_S)

    def _publish(self) -> None:
        picture = f"testsrc2=size=192x144:rate={SOURCE_FPS}"
        encode = [
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-tune",
            "zerolatency",
            "-g",
            "30",
            "-threads",
            "1",
        ]
        target = ["-f", "mpegts", f"{self._address}?pkt_size=1316"]
        self._publisher = subprocess.Popen(
            [
                "ffmpeg",
                "-nostdin",
                "-loglevel",
                "error",
                "-re",
                "-f",
                "lavfi",
                "-i",
                picture,
                *encode,
                *target,
            ]
        )

    def _kill(self) -> None:
        if self._publisher is not None:
            self._publisher.kill()
            self._publisher.wait()
            self._publisher = None


def report(
    run: Soak,
    samples: list[dict[str, float]],
    before: dict[str, float],
    after: dict[str, float],
    seconds: float,
) -> dict[str, Any]:
    """What was measured; see docs/measures.md."""
    late = samples[int(len(samples) * WARM_UP) :]
    slope = np.polyfit([each["s"] / 60 for each in late], [each["rss_mb"] for each in late], 1)[0]
    source = run.telemetry.get("sources", {}).get(READ, {})
    half = len(run.latencies) // 2
    ranges = {
        name: [min(s[name] for s in late), max(s[name] for s in late)] for name in ("threads", "handles")
    }
    return {
        "minutes": round(seconds / 60, 2),
        "load": os.getloadavg(),
        "rss_slope_mb_per_min": round(float(slope), 3),
        "rss_mb": [round(late[0]["rss_mb"], 1), round(late[-1]["rss_mb"], 1)],
        **ranges,
        "sockets": [min(s["sockets"] for s in late), max(s["sockets"] for s in late)],
        "left": {name: after[name] - before[name] for name in COUNTED},
        "latency_p95_ms": [_median(run.latencies[:half]), _median(run.latencies[half:])],
        "fps": run.telemetry.get("fps"),
        "source": source,
        **run.counts,
        "files": len(run.files),
        "unplayable": [file.name for file in run.files if not _plays(file)],
        "samples": samples,
    }


def problems(measured: dict[str, Any]) -> list[str]:
    """What a soak must not show, a line each."""
    found = []
    slope = measured["rss_slope_mb_per_min"]
    if slope > SLOPE and slope * measured["minutes"] * (1 - WARM_UP) > BREATH_MB:
        found.append(f"memory grew by {slope} MB a minute")
    found += [f"{count} {name} are left after Stop" for name, count in measured["left"].items() if count > 0]
    if measured["unplayable"]:
        found.append(f"not playable: {', '.join(measured['unplayable'])}")
    for name in ("changes", "applied", "drawn"):
        if not measured[name]:
            found.append(f"nothing was {name}")
    deaths = measured["deaths"]
    if deaths and measured["source"].get("reconnects", 0) < deaths - 1:
        found.append(
            f"the source died {deaths} times and came back {measured['source'].get('reconnects')} times"
        )
    return found


def _median(values: list[float]) -> float:
    return round(float(np.median(values)), 1) if values else 0.0


def _plays(file: Path) -> bool:
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", str(file)]
    answer = subprocess.run(command, capture_output=True, text=True)
    return answer.returncode == 0 and "nb_read_frames=" in answer.stdout and not answer.stderr
