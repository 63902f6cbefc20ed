"""A network source's sound reaches the file in step with flashes, with drops and after a reconnection."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from flashes import assert_in_step, flashing, out_of_step
from runtime_stubs import Behaviour, Zoo, stylise
from stream_servers import free_port

from livestyle.engine.media.live.source_spec import LiveSpec
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.modulation.modulator import Modulator
from livestyle.engine.runtime.plan import PlanNode, Read, Write
from livestyle.engine.runtime.session import StreamSession

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0


def play(url: str, target: Path, denoise_s: float) -> tuple[StreamSession, Behaviour]:
    """Plays the address through a model that takes so long for two pictures, and inverts them.

    A server that is only just starting is asked again. The sound moves the seed, too.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        behaviour = Behaviour(first=2, chunk_frames=2, delays={"denoise": denoise_s})
        source = PlanNode(Read(LiveSpec("network", url, allow_private=True)), (), "1")
        plan = PlanNode(Write(SinkSpec(str(target), quality=30)), (stylise(source),), "9")
        session = StreamSession(plan, Zoo({"stub": behaviour}))
        session.store.modulate("2.seed", Modulator("level", 0.0, 100.0))
        session.start()
        await_(lambda session=session: session.telemetry.frames > 0 or session.wait(0))
        if not session.wait(0):
            return session, behaviour
        assert time.monotonic() < deadline, session.error


def await_(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def finish(session: StreamSession) -> Path:
    session.stop()
    assert session.wait(PATIENCE_S) and session.state == "done", session.error
    path = session.take_result("9").path
    assert path is not None
    return path


def udp(port: int) -> tuple[str, Callable[[], AbstractContextManager]]:
    url = f"udp://127.0.0.1:{port}"
    return url, lambda: flashing("-f", "mpegts", f"{url}?pkt_size=1316")


def rtmp(port: int) -> tuple[str, Callable[[], AbstractContextManager]]:
    url = f"rtmp://127.0.0.1:{port}/live/stream"
    return url, lambda: flashing("-f", "flv", "-listen", "1", url)


@pytest.mark.parametrize("kind", [udp, rtmp])
def test_beeps_and_flashes_stay_together(tmp_path: Path, kind: Callable) -> None:
    def attempt(number: int) -> tuple[float, int]:
        url, publish = kind(free_port())
        with publish():
            session, _ = play(url, tmp_path / f"{number}.mp4", denoise_s=0.01)
            time.sleep(7.0)
            return out_of_step(finish(session), inverted=True)

    assert_in_step(5, attempt)


def test_they_do_while_pictures_drop_and_after_a_reconnection(tmp_path: Path) -> None:
    def attempt(number: int) -> tuple[float, int]:
        url, publish = udp(free_port())
        with publish():
            session, behaviour = play(url, tmp_path / f"{number}.mp4", denoise_s=0.15)
            time.sleep(6.0)
        await_(lambda: session.telemetry.snapshot()["sources"]["1"]["state"] == "reconnecting")
        with publish():
            await_(lambda: session.telemetry.snapshot()["sources"]["1"]["reconnects"] >= 1)
            time.sleep(6.0)
            assert session.telemetry.snapshot()["sources"]["1"]["dropped"] > 20
            path = finish(session)
        heard = [live["2.seed"] for live in behaviour.live]
        assert max(heard) > 50 and min(heard) == 0, "a live source's sound moves numbers, too"
        return out_of_step(path, inverted=True)

    assert_in_step(8, attempt)
