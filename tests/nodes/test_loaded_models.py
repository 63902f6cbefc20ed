"""Loading models on sessions' threads while the prompt's thread goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from runtime_stubs import Behaviour, Zoo, read, stylise, write

from livestyle.engine.families.base import ModelHandle
from livestyle.engine.runtime.loaded_models import ModelStore

A, B = ModelHandle("a"), ModelHandle("b")

PROMPT_S = 0.3
"""How soon a Cancel is answered, as the issue promises."""


class SlowZoo(Zoo):
    """Its gate keeps only ``a`` from being loaded; knows how many loads ran at once."""

    def __init__(self) -> None:
        super().__init__({"a": Behaviour(), "b": Behaviour(), "stub": Behaviour()})
        self.opened = threading.Event()
        self.at_once = self.most_at_once = 0

    def __call__(self, handle: ModelHandle) -> object:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.gate = self.opened if handle.checkpoint == "a" else None
        model = super().__call__(handle)
        self.at_once -= 1
        return model

    def began(self, *checkpoints: str) -> bool:
        """Wait until these were loaded or are being loaded."""
        deadline = time.monotonic() + 10
        while self.loads != list(checkpoints) and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.loads == list(checkpoints)


@pytest.fixture
def zoo() -> Iterator[SlowZoo]:
    made = SlowZoo()
    yield made
    made.opened.set()


@pytest.fixture
def threads(zoo: SlowZoo) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(4)
    yield pool
    zoo.opened.set()  # else a failed test would wait for ever
    pool.shutdown()


def test_the_next_run_does_not_wait_for_a_load(zoo: SlowZoo, threads: ThreadPoolExecutor) -> None:
    store = ModelStore(zoo)
    loading = threads.submit(store.get, A)
    assert zoo.began("a")
    threads.submit(store.keep_only, [B]).result(PROMPT_S)
    assert not loading.done()


def test_a_load_that_nobody_wants_any_more_is_not_kept(zoo: SlowZoo, threads: ThreadPoolExecutor) -> None:
    store = ModelStore(zoo)
    loading = threads.submit(store.get, A)
    assert zoo.began("a")
    store.keep_only([B])
    zoo.opened.set()
    first = loading.result(10)
    assert store.get(A) is not first


def test_a_load_that_is_wanted_again_is_kept(zoo: SlowZoo, threads: ThreadPoolExecutor) -> None:
    store = ModelStore(zoo)
    loading = threads.submit(store.get, A)
    assert zoo.began("a")
    store.keep_only([B])
    store.keep_only([A])
    zoo.opened.set()
    assert store.get(A) is loading.result(10)
    assert zoo.loads == ["a"]


def test_asked_for_twice_at_once_it_is_loaded_once(zoo: SlowZoo, threads: ThreadPoolExecutor) -> None:
    store = ModelStore(zoo)
    asked: list[Future] = [threads.submit(store.get, A) for _ in range(3)]
    assert zoo.began("a")
    time.sleep(0.05)  # the others have asked by now
    zoo.opened.set()
    assert len({id(each.result(10)) for each in asked}) == 1
    assert zoo.loads == ["a"]


def test_models_are_loaded_one_after_the_other(zoo: SlowZoo, threads: ThreadPoolExecutor) -> None:
    store = ModelStore(zoo)
    one = threads.submit(store.get, A)
    assert zoo.began("a")
    other = threads.submit(store.get, B)
    time.sleep(0.05)
    assert zoo.loads == ["a"]
    zoo.opened.set()
    assert one.result(10) is not other.result(10)
    assert zoo.most_at_once == 1


def test_what_is_loaded_is_given_while_another_loads(zoo: SlowZoo, threads: ThreadPoolExecutor) -> None:
    store = ModelStore(zoo)
    loaded = store.get(B)
    threads.submit(store.get, A)
    assert zoo.began("b", "a")
    assert threads.submit(store.get, B).result(PROMPT_S) is loaded


def test_a_load_that_failed_is_tried_again(zoo: SlowZoo) -> None:
    broken = [OSError("unplugged")]

    def load(handle: ModelHandle) -> object:
        if broken:
            raise broken.pop()
        return zoo(handle)

    store = ModelStore(load)
    with pytest.raises(OSError, match="unplugged"):
        store.get(B)
    assert store.get(B) is store.get(B)


def test_cancel_is_answered_while_the_last_runs_model_still_loads(
    comfy: Path, zoo: SlowZoo, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from comfy import model_management

    from livestyle.nodes import run

    monkeypatch.setattr(run, "models", ModelStore(zoo))
    monkeypatch.setattr(run, "_must_leave_a_file", lambda plan: False)  # the stub's sink keeps frames
    for checkpoint in ("a", "stub"):
        plan = write(stylise(read(length=4), checkpoint=checkpoint))
        running = threads.submit(run.run_plan, plan)
        assert zoo.began("a")
        time.sleep(0.25)  # the second one waits for the first one's threads by now
        model_management.interrupt_current_processing()
        with pytest.raises(model_management.InterruptProcessingException):
            running.result(PROMPT_S)
    assert zoo.loads == ["a"]
    zoo.opened.set()
    result, _ = run.run_plan(write(stylise(read(length=4), checkpoint="stub")))
    assert result.frames == 4
