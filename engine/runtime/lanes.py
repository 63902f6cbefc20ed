"""Lanes: the threads that run every torch stage of every session on a device, or on several together.

They belong to the device and live as long as the process, because a CUDA graph belongs to the
thread and the stream that recorded it (``networks/cuda_graphs.py``).

There is a lane for each stage: encode, denoise, decode. The paper of MLLM-edit has two streams: its
side stream is the encode lane, its main stream the denoise and the decode lane. Here they are two,
so that the decoder doesn't hold up the next chunk.

A stage is over when its work on the device is. The host thread waits for an event of its own
stream, so a lane never runs ahead of the device: late values are read as late as possible, an
asynchronous error is caught in the stage it belongs to, and a tensor handed to the next lane is
complete. Lanes overlap with each other all the same.

Where a model's parts are on several devices, a lane has a stream on each card. A copy from one card to
another is ordered on both by events (torch's own), and a stage is over when its work on all of them is.
"""

from __future__ import annotations

import itertools
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from .device import DevicePlan, plan_device

Stage = Literal["encode", "denoise", "decode"]
STAGES: tuple[Stage, ...] = ("encode", "denoise", "decode")

Done = Callable[[Any, BaseException | None, float], None]
"""Called on the lane with the result, or the error, and the seconds that the work took."""

Ended = Callable[[], None]
"""Called on the lane once it holds nothing of the job any more."""


@dataclass(frozen=True)
class _Job:
    work: Callable[[], Any]
    done: Done
    ended: Ended


class Lane:
    """One thread, with a stream of its own on every card, that works off jobs in order of their keys.

    Args:
        plan: of the device that is the current one: the denoiser's.
        others: devices of the model's other parts.
    """

    def __init__(self, name: str, plan: DevicePlan, others: Sequence[torch.device] = ()) -> None:
        self.name = name
        devices = (*others, plan.device)
        hosts = (
            [plan]
            if plan.device.type != "cuda"
            else [plan_device(each) for each in others if each.type == "cpu"]
        )
        self._threads = hosts[0].threads if hosts else 0
        self._jobs: queue.PriorityQueue[tuple[tuple[float, int], int, _Job | None]] = queue.PriorityQueue()
        self._arrival = itertools.count()
        self._streams = [torch.cuda.Stream(device) for device in devices if device.type == "cuda"]
        thread_name = f"livestyle-{plan.device}-{name}"
        threading.Thread(target=self._work, name=thread_name, daemon=True).start()

    def submit(self, key: tuple[int, int], work: Callable[[], Any], done: Done, ended: Ended) -> None:
        """Queue a job; the smallest key goes first, equal keys in order of arrival."""
        self._jobs.put((key, next(self._arrival), _Job(work, done, ended)))

    def close(self) -> None:
        """End the thread behind all queued jobs."""
        self._jobs.put(((math.inf, 0), next(self._arrival), None))

    def follow(self, event: torch.cuda.Event) -> None:
        """Have what is queued on a card from now on wait for an event; the host does not."""
        for stream in self._streams:
            stream.wait_event(event)

    def _work(self) -> None:
        if self._threads:
            torch.set_num_threads(self._threads)
        with torch.inference_mode(), ExitStack() as current:
            for stream in self._streams:
                current.enter_context(torch.cuda.stream(stream))
            while True:
                _, _, job = self._jobs.get()
                if job is None:
                    return
                self._run(job)
                ended = job.ended
                # An idle lane must not keep a chunk's tensors alive, nor a runner whose session is over.
                del job
                ended()
                del ended

    def _run(self, job: _Job) -> None:
        result, error = None, None
        started = time.perf_counter()
        try:
            result = job.work()
            for stream in self._streams:
                event = torch.cuda.Event(blocking=True)
                event.record(stream)
                event.synchronize()
        except BaseException as caught:  # handed to the owner of the job
            error = caught
        job.done(result, error, time.perf_counter() - started)


class Lanes:
    """The lanes of a model's devices: one for each stage, or one compute worker for all.

    Args:
        plan: of the denoiser's device.
        others: devices of the other parts.
    """

    def __init__(self, plan: DevicePlan, others: Sequence[torch.device] = ()) -> None:
        self.plan = plan
        self._cards = [device for device in (plan.device, *others) if device.type == "cuda"]
        if plan.lanes == "single":
            worker = Lane("compute", plan, others)
            self._lane_of = dict.fromkeys(STAGES, worker)
        else:
            self._lane_of = {stage: Lane(stage, plan, others) for stage in STAGES}

    def name(self, stage: Stage) -> str:
        """The name of the lane that runs a stage."""
        return self._lane_of[stage].name

    def follow_caller(self) -> None:
        """Have every lane wait for what this thread has queued on the cards: weights, caches' zeros."""
        for card in self._cards:
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(card))
            for lane in set(self._lane_of.values()):
                lane.follow(event)

    def close(self) -> None:
        """End the threads behind all queued jobs; for lanes that are not a device's."""
        for lane in set(self._lane_of.values()):
            lane.close()

    def submit(
        self,
        stage: Stage,
        first_frame: int,
        work: Callable[[], Any],
        done: Done,
        ended: Ended = lambda: None,
    ) -> None:
        """Queue a stage of a chunk: the oldest chunk goes first, and its latest stage before others.

        Args:
            stage: what to run.
            first_frame: index of the chunk's first frame.
            work: runs in inference mode, on the lane's stream.
            done: called on the lane afterwards; must not raise.
            ended: called on the lane after that, when it refers to neither of the two any more.
        """
        self._lane_of[stage].submit((first_frame, -STAGES.index(stage)), work, done, ended)


_lanes: dict[tuple[torch.device, ...], Lanes] = {}
_lock = threading.Lock()


def lanes_of(*devices: torch.device) -> Lanes:
    """The lanes of a device, or of a model's devices, the denoiser's first; made at the first call."""
    devices = tuple(
        torch.device("cuda", torch.cuda.current_device()) if device == torch.device("cuda") else device
        for device in devices
    )
    with _lock:
        if devices not in _lanes:
            _lanes[devices] = own_lanes(*devices)
        return _lanes[devices]


def own_lanes(*devices: torch.device) -> Lanes:
    """The same for one user alone, who closes them."""
    plan = plan_device(devices[0])
    if len(devices) > 1:  # stages that don't share a device need not wait for each other
        plan = replace(plan, lanes="triple")
    return Lanes(plan, devices[1:])
