"""Lanes: one worker on a CPU, order of work, threads that outlive sessions."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from livestyle.engine.runtime.device import DevicePlan, plan_device
from livestyle.engine.runtime.lanes import STAGES, Lane, Lanes, lanes_of

CPU = torch.device("cpu")


class Log:
    """Collects what jobs did, in order."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, int]] = []
        self.threads: set[int] = set()
        self.results: list[object] = []
        self.idle = threading.Event()

    def job(self, lanes: Lanes, stage, frame: int, last: bool = False) -> None:
        def work() -> int:
            self.entries.append((stage, frame))
            self.threads.add(threading.get_ident())
            return frame

        def done(result, error, seconds) -> None:
            self.results.append(error or result)
            if last:
                self.idle.set()

        lanes.submit(stage, frame, work, done)


def test_the_oldest_chunk_and_its_latest_stage_go_first():
    lanes, log, gate = lanes_of(CPU), Log(), threading.Event()
    lanes.submit("encode", 0, gate.wait, lambda *_: None)
    log.job(lanes, "encode", 100, last=True)
    log.job(lanes, "encode", 8)
    log.job(lanes, "denoise", 4)
    log.job(lanes, "decode", 4)
    log.job(lanes, "decode", 8)
    gate.set()
    assert log.idle.wait(10)
    assert log.entries == [("decode", 4), ("denoise", 4), ("decode", 8), ("encode", 8), ("encode", 100)]
    assert len(log.threads) == 1


def test_equal_keys_keep_their_order():
    lanes, gate, order, idle = lanes_of(CPU), threading.Event(), [], threading.Event()
    lanes.submit("encode", 0, gate.wait, lambda *_: None)
    for number in range(20):
        lanes.submit("encode", 1, lambda number=number: order.append(number), lambda *_: None)
    lanes.submit("encode", 2, lambda: None, lambda *_: idle.set())
    gate.set()
    assert idle.wait(10) and order == list(range(20))


def test_an_error_reaches_the_owner_and_the_lane_goes_on():
    lanes, log = lanes_of(CPU), Log()
    failure = ValueError("no")

    def fail() -> None:
        raise failure

    errors: list[object] = []
    lanes.submit("denoise", 0, fail, lambda result, error, seconds: errors.append(error))
    log.job(lanes, "denoise", 1, last=True)
    assert log.idle.wait(10)
    assert errors == [failure] and log.results == [1]


def test_lanes_belong_to_the_device():
    assert lanes_of(CPU) is lanes_of(torch.device("cpu"))
    assert {lanes_of(CPU).name(stage) for stage in STAGES} == {"compute"}


def test_a_lane_holds_nothing_of_a_job_that_has_ended():
    """A session gives memory back when its last job has ended: nothing may hold its runner then."""
    lanes, held, idle = lanes_of(CPU), [], threading.Event()
    owner = Log()
    known = weakref.ref(owner)

    def ended() -> None:
        held.append(known())
        idle.set()

    gate = threading.Event()
    lanes.submit("encode", 0, gate.wait, lambda *_: None)
    lanes.submit("encode", 1, lambda owner=owner: owner, lambda *_, owner=owner: None, ended)
    del owner
    gate.set()
    assert idle.wait(10) and held == [None]


def test_an_idle_lane_keeps_no_result():
    lanes, idle = lanes_of(CPU), threading.Event()
    seen: list[weakref.ref] = []

    def work() -> torch.Tensor:
        tensor = torch.zeros(4)
        seen.append(weakref.ref(tensor))
        return tensor

    lanes.submit("encode", 0, work, lambda *_: None)
    lanes.submit("encode", 1, lambda: None, lambda *_: idle.set())
    assert idle.wait(10)
    gc.collect()
    assert seen[0]() is None


def test_three_lanes_work_side_by_side():
    lanes = Lanes(DevicePlan(CPU, torch.float32, "triple"))
    assert [lanes.name(stage) for stage in STAGES] == ["encode", "denoise", "decode"]
    meeting = threading.Barrier(2)
    done = threading.Semaphore(0)
    for stage in ("encode", "denoise"):
        lanes.submit(stage, 0, lambda: meeting.wait(10), lambda *_: done.release())
    assert done.acquire(timeout=10) and done.acquire(timeout=10)
    assert not meeting.broken


def test_every_lane_waits_for_what_a_session_has_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a pretended device: weights and zeroed caches are the session thread's work, on another stream."""
    lanes = Lanes(DevicePlan(CPU, torch.float32, "triple"))
    waits: list[tuple[str, object]] = []
    for stage in STAGES:
        stream = SimpleNamespace(wait_event=lambda event, stage=stage: waits.append((stage, event.stream)))
        monkeypatch.setattr(lanes._lane_of[stage], "_streams", [stream])
    monkeypatch.setattr(lanes, "_cards", [torch.device("cuda", 0), torch.device("cuda", 1)])
    recorded = SimpleNamespace(stream=None)
    recorded.record = lambda stream: setattr(recorded, "stream", stream)
    monkeypatch.setattr(torch.cuda, "Event", lambda: recorded)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda card: f"the session's of {card}")
    lanes.follow_caller()
    assert sorted(waits) == sorted(
        (stage, f"the session's of cuda:{card}") for stage in STAGES for card in (0, 1)
    )


def test_a_stage_is_over_when_its_work_on_every_card_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """On pretended devices: a stream on each, the denoiser's card current, an event of each waited for."""
    story: list[str] = []

    class Event:
        def __init__(self, **_: object) -> None: ...

        def record(self, stream: str) -> None:
            self.stream = stream

        def synchronize(self) -> None:
            story.append(f"waits for {self.stream}")

    @contextmanager
    def entered(stream: str) -> Iterator[None]:
        story.append(f"enters {stream}")
        yield

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: f"a stream of {device}")
    monkeypatch.setattr(torch.cuda, "stream", entered)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    plan = DevicePlan(torch.device("cuda", 0), torch.float32, "triple")
    lane, idle = Lane("encode", plan, [torch.device("cuda", 1), CPU]), threading.Event()
    lane.submit((0, 0), lambda: story.append("works"), lambda *_: idle.set(), lambda: None)
    assert idle.wait(10)
    lane.close()
    streams = ("a stream of cuda:1", "a stream of cuda:0")
    assert story == [
        *(f"enters {each}" for each in streams),
        "works",
        *(f"waits for {each}" for each in streams),
    ]


def test_parts_on_several_devices_have_lanes_of_their_own() -> None:
    other = torch.device("meta")
    assert lanes_of(CPU, other) is lanes_of(CPU, other) is not lanes_of(CPU)
    assert [lanes_of(CPU, other).name(stage) for stage in STAGES] == ["encode", "denoise", "decode"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_cuda_stages_have_streams_of_their_own_and_hand_over_complete_tensors():
    lanes = lanes_of(torch.device("cuda"))
    streams, sums, idle = [], [], threading.Event()

    def encode() -> torch.Tensor:
        streams.append(torch.cuda.current_stream().cuda_stream)
        torch.cuda._sleep(50_000_000)
        return torch.ones(1 << 20, device="cuda")

    def denoise(tensor: torch.Tensor) -> None:
        streams.append(torch.cuda.current_stream().cuda_stream)
        sums.append(float(tensor.sum()))

    lanes.submit(
        "encode",
        0,
        encode,
        lambda result, *_: lanes.submit("denoise", 0, lambda: denoise(result), lambda *_: idle.set()),
    )
    assert idle.wait(30)
    assert sums == [float(1 << 20)]
    assert len(set(streams)) == 2 and torch.cuda.default_stream().cuda_stream not in streams


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [((7, 5), torch.float32), ((8, 0), torch.bfloat16), ((8, 9), torch.bfloat16), ((12, 0), torch.bfloat16)],
)
def test_a_gpu_that_only_emulates_bf16_works_in_fp32(capability, dtype, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    plan = plan_device.__wrapped__(torch.device("cuda", 0))
    assert plan.dtype == dtype and plan.lanes == "triple"


def test_the_cpu_plan_is_made_once():
    plan = plan_device(CPU)
    assert plan is plan_device(CPU)
    assert plan.lanes == "single" and plan.prefetch == 1
    assert plan.dtype in (torch.bfloat16, torch.float32)
    assert 1 <= plan.threads <= torch.get_num_threads()
