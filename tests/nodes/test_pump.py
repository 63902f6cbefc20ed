"""Waiting for a session on the prompt's thread: progress, Cancel, errors, and what pages are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runtime_stubs import Behaviour, Zoo, read, stylise, write

from livestyle.engine.errors import LiveStyleError
from livestyle.engine.media.types import SinkResult
from livestyle.engine.runtime.loaded_models import ModelStore
from livestyle.engine.runtime.preview_picture import PreviewWish
from livestyle.engine.runtime.pump import PICTURE_S, pump
from livestyle.engine.runtime.session import StreamSession
from livestyle.server.owners import hash_secret, owner_of, set_owner
from livestyle.server.session_events import EVENT, describe, file_entry, send_session_event


class Interrupted(Exception):
    """As ComfyUI's InterruptProcessingException, a plain Exception."""


class Display:
    """Remembers what was shown."""

    def __init__(self) -> None:
        self.bars: list[tuple[int, int]] = []
        self.texts: list[str] = []
        self.pictures: list[np.ndarray] = []
        self.moments: list[float] = []

    def bar(self, done: int, total: int, picture: np.ndarray | None = None) -> None:
        self.bars.append((done, total))
        if picture is not None:
            self.pictures.append(picture)
            self.moments.append(time.monotonic())

    def text(self, line: str) -> None:
        self.texts.append(line)


def _session(behaviour: Behaviour | None = None, zoo: Zoo | None = None, **source: Any) -> StreamSession:
    zoo = zoo or Zoo({"stub": behaviour or Behaviour()})
    return StreamSession(write(stylise(read(**source))), zoo)


def _never() -> None:
    pass


def _raise_once(event: threading.Event) -> Callable[[], None]:
    def check() -> None:
        if event.is_set():
            raise Interrupted

    return check


def test_progress_reaches_the_end() -> None:
    display = Display()
    pump(_session(Behaviour(delays={"denoise": 0.05}), length=24), display, _never)
    assert display.bars[-1] == (24, 24)
    assert [done for done, _ in display.bars] == sorted(done for done, _ in display.bars)
    assert all(0 <= done <= total and total > 0 for done, total in display.bars)
    assert not display.texts  # nothing to note


@pytest.mark.parametrize("moment", ["loading", "denoising", "waiting for a slow source"])
def test_cancel_is_quick_in_every_state(moment: str) -> None:
    gate = threading.Event()
    behaviour = Behaviour()
    zoo = Zoo({"stub": behaviour}, gate=gate if moment == "loading" else None)
    if moment == "denoising":
        behaviour.gates["denoise"] = gate
    source = (
        {"length": 1000, "block_at": 6, "unblock": gate} if moment.startswith("waiting") else {"length": 1000}
    )
    session = _session(zoo=zoo, **source)
    cancelled = threading.Event()
    raised: list[float] = []

    def run() -> None:
        with pytest.raises(Interrupted):
            pump(session, Display(), _raise_once(cancelled))
        raised.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    cancelled.set()
    asked = time.monotonic()
    thread.join(5)
    assert raised and raised[0] - asked < 0.3  # the promise of the issue, not a measure of speed
    assert session.state == "cancelled"
    gate.set()
    assert session.join(10)


def test_a_display_that_raises_cancels_as_well() -> None:
    """ComfyUI's progress bar itself raises after Cancel."""

    class Raising(Display):
        def bar(self, done: int, total: int, picture: np.ndarray | None = None) -> None:
            raise Interrupted

    session = _session(Behaviour(delays={"denoise": 0.2}), length=1000)
    with pytest.raises(Interrupted):
        pump(session, Raising(), _never)
    assert session.state == "cancelled" and session.join(10)


def test_the_sessions_error_is_raised() -> None:
    session = _session(Behaviour(raises={("denoise", 1): RuntimeError("boom")}), length=20)
    with pytest.raises(LiveStyleError, match="boom"):
        pump(session, Display(), _never)


def test_clients_without_the_canvas_get_two_pictures_a_second() -> None:
    display = Display()
    pump(_session(Behaviour(delays={"denoise": 0.2}), length=24), display, _never)
    first = display.pictures[0]
    assert first.dtype == np.uint8 and first.ndim == 3 and first.shape[2] == 3
    assert all(later - earlier >= PICTURE_S for earlier, later in pairwise(display.moments))


def test_a_page_that_shows_the_pictures_itself_gets_no_others() -> None:
    display, session = Display(), _session(Behaviour(delays={"denoise": 0.2}), length=24)
    viewer = session.preview.subscribe(PreviewWish(on_canvas=True))
    pump(session, display, _never)
    viewer.close()
    assert display.bars[-1] == (24, 24) and not display.pictures


def test_a_page_that_queued_may_be_slow_to_say_what_it_shows() -> None:
    """One picture sent too early would stay on the node, beside the page's own, for the whole run."""
    display, session = Display(), _session(Behaviour(delays={"denoise": 0.2}), length=24)
    viewer = session.preview.subscribe()
    threading.Timer(0.6, viewer.ask, [PreviewWish(on_canvas=True)]).start()
    pump(session, display, _never, by_page=True)
    viewer.close()
    assert not display.pictures


def test_a_page_in_app_mode_has_its_first_picture_at_once() -> None:
    display, session = Display(), _session(Behaviour(delays={"denoise": 0.2}), length=24)
    viewer = session.preview.subscribe(PreviewWish(on_canvas=False))
    pump(session, display, _never, by_page=True)
    viewer.close()
    assert display.pictures


def test_pages_hear_of_a_session_and_of_its_files() -> None:
    heard: list[tuple[str, Any]] = []
    closed = threading.Event()

    def send(event: str, data: Any) -> None:
        heard.append((event, data))

    def view_of(path: Path) -> dict[str, str]:
        return {"filename": path.name, "subfolder": "a", "type": "output"}

    def on_closed(session: StreamSession) -> None:
        session.results["9"] = SinkResult(Path("/out/a/b.mp4"), 7, complete=False)
        send_session_event(
            session, send, lambda path: {"filename": path.name, "subfolder": "a", "type": "output"}
        )
        closed.set()

    plan = write(stylise(read(length=4)))
    session = StreamSession(plan, Zoo({"stub": Behaviour()}), on_closed=on_closed)
    set_owner(session, plan, "tab")
    send_session_event(session, send, lambda path: {})
    pump(session, Display(), _never)
    assert closed.wait(10)
    (first_event, first), (_, last) = heard
    assert first_event == EVENT and first["token"] == session.token and first["files"] == {}
    assert first["state"] == "loading" and set(first["nodes"]) == {"1", "2", "m", "p", "9"}
    assert last["state"] == "done" and last["token"] == "" and "2.strength" in last["live"]
    assert last["files"] == {
        "9": {
            "filename": "b.mp4",
            "subfolder": "a",
            "type": "output",
            "format": "video/mp4",
            "frames": 7,
            "complete": False,
        }
    }
    assert owner_of(session).client == "tab"


def test_the_event_has_no_token_where_the_prompt_came_with_a_secret() -> None:
    """ComfyUI sends it to whoever connects with the client's id, which ``/queue`` shows to everyone."""
    session, heard = _session(), []
    set_owner(session, write(stylise(read())), "tab", hash_secret("the tab's secret"))
    send_session_event(session, lambda event, data: heard.append(data["token"]), lambda path: {})
    assert heard == [""]


def test_what_wrote_nothing_has_no_file() -> None:
    assert file_entry(SinkResult(None, 0), lambda path: {}) is None


def test_a_session_that_nobody_owns_is_described() -> None:
    session = _session(length=1)
    assert describe(session)["nodes"] == ["9"] and owner_of(session).client is None


def test_models_stay_loaded_for_the_next_run_and_no_longer() -> None:
    zoo = Zoo({"a": Behaviour(), "b": Behaviour()})
    store = ModelStore(zoo)

    def run(*checkpoints: str, node_id: str = "2") -> None:
        plans = [stylise(read(), node_id, checkpoint) for checkpoint in checkpoints]
        handles = [plan.operation.model for plan in plans]
        store.keep_only(handles)
        for handle in handles:
            store.get(handle)

    run("a")
    run("a", node_id="5")
    assert zoo.loads == ["a"]
    run("a", "b")
    assert zoo.loads == ["a", "b"]
    run("b")
    run("a")
    assert zoo.loads == ["a", "b", "a"]
