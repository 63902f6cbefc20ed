"""Somebody who performs during a soak: in background mode, by OSC, presets, modulators and Runs."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from typing import Any

from comfy_client import ComfyClient
from pythonosc.udp_client import SimpleUDPClient
from soak_visitors import DENOISE, ENCODE, PROMPTS, WRITE, Visitors

STEADY, FOLLOW = "6", "7"
"""Two Flow Warps: a wave and presets move the one, the picture's motion moves the other."""

FLOW = {"estimator": "dis_fast", "scale": 0.5, "occlusion": True, "blend": 0.5}
WAVE = {"signal": "sine", "offset": 0.5, "depth": 0.4, "rate": 0.25}
MOTION = {"signal": "motion", "offset": 0.2, "depth": 0.6, "smoothing": 0.2}
OSC_HZ = 60
PRESET_S, FADE_S, RUNS_S = 5.0, 2.0, 55.0

Graph = dict[str, Any]


def to_perform(graph: Graph) -> Graph:
    """The default workflow with the Flow Warps, in background mode."""
    for node, frames in ((STEADY, DENOISE), (FOLLOW, STEADY)):
        graph[node] = {"class_type": "FlowWarp", "inputs": {**FLOW, "frames": [frames, 0]}}
    graph[WRITE]["inputs"] |= {"frames": [FOLLOW, 0], "run_mode": "background"}
    return graph


class Performer(Visitors):
    """Each method stays until its task is cancelled."""

    async def turn(self, port: int) -> None:
        """A fader over OSC that never rests."""
        with SimpleUDPClient("127.0.0.1", port) as desk:
            begun = time.monotonic()
            for number in itertools.count(1):
                desk.send_message(f"/livestyle/node/{DENOISE}/strength", (1 + math.sin(number / OSC_HZ)) / 2)
                self._records.counts["changes"] += 1
                await asyncio.sleep(max(0.0, begun + number / OSC_HZ - time.monotonic()))

    async def play_presets(self) -> None:
        """They fade in, and what they took from the wave is given back."""
        async with self._socket() as socket:
            await socket.send_json({"type": "modulate", "key": f"{FOLLOW}.blend", "modulator": MOTION})
            for number in itertools.count():
                values = {f"{ENCODE}.prompt": PROMPTS[number % len(PROMPTS)], f"{DENOISE}.seed": number % 9}
                values[f"{STEADY}.blend"] = float(number % 2)
                await socket.send_json({"type": "recall", "values": values, "fade": FADE_S})
                self._records.counts["changes"] += len(values)
                await asyncio.sleep(PRESET_S - FADE_S)
                await socket.send_json({"type": "modulate", "key": f"{STEADY}.blend", "modulator": WAVE})
                await asyncio.sleep(FADE_S)

    async def run_again(self, client: ComfyClient, graph: Graph) -> None:
        """Press Run with another instruction, which changes what plays."""
        for number in itertools.count():
            await asyncio.sleep(RUNS_S)
            graph[ENCODE]["inputs"]["prompt"] = f"watercolour {number}"
            prompt_id = await asyncio.to_thread(client.queue, graph)
            outcome = await asyncio.to_thread(client.wait, prompt_id, 60)
            if outcome.status != "success":
                raise RuntimeError(f"a Run changed nothing: {outcome.error}")
