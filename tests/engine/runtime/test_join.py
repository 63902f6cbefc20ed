"""Another source for a stream that plays: opened beside the old one, it goes on from a chunk's border."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runtime_stubs import FPS, Behaviour, CountingSpec, Zoo, picture, read, spec_of, stylise, write
from sample_clips import make_clip

from livestyle.engine.errors import LiveStyleError, SettingError
from livestyle.engine.media.live.frame_inbox import FrameInbox
from livestyle.engine.media.live.source_spec import LiveSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import Frames, Trim
from livestyle.engine.modulation.modulator import Modulator
from livestyle.engine.modulation.signals import Signals
from livestyle.engine.runtime.joining import Joining
from livestyle.engine.runtime.plan import PlanNode, Read
from livestyle.engine.runtime.session import StreamSession

WAIT = 20.0
LONG = 4000


class Player:
    """A session that plays a long source, and what joins it."""

    def __init__(self, plan: PlanNode, zoo: Zoo) -> None:
        self.plan, self.borders = plan, []
        self.session = StreamSession(plan, zoo, background=True)
        self.session.start()
        self.wait_for(lambda: self.session.progress.done >= 4)

    def wait_for(self, holds: Callable[[], Any]) -> None:
        deadline = time.monotonic() + WAIT
        while not holds():
            assert time.monotonic() < deadline and not self.session.error, self.session.error
            time.sleep(0.002)

    def opened(self, source: SourceSpec, node_id: str = "1") -> Joining:
        reads = {node_id: Read(source)}
        joining = self.session.join_sources(reads, lambda node, at: self.borders.append(at))
        try:
            joining.open(lambda: False)
        except BaseException:
            joining.close()
            raise
        return joining

    def joined(self, source: SourceSpec, node_id: str = "1") -> int:
        """The first frame of the other source."""
        joining = self.opened(source, node_id)
        joining.hand_over()
        assert joining.wait(WAIT)
        joining.close()
        return self.borders[-1]

    def end(self) -> np.ndarray:
        assert self.session.wait(WAIT) and self.session.join(WAIT)
        assert self.session.state == "done", self.session.error
        return spec_of(self.plan).sink.pixels


@pytest.fixture
def play() -> Iterator[Callable[..., Player]]:
    made: list[Player] = []

    def make(plan: PlanNode | None = None, **source: Any) -> Player:
        made.append(
            Player(plan or write(stylise(read(LONG, delay=0.002, **source))), Zoo({"stub": Behaviour()}))
        )
        return made[-1]

    yield make
    for each in made:
        each.session.cancel()
        each.session.join(WAIT)


def numbered(length: int) -> np.ndarray:
    return np.stack([picture(number, 6, 8) for number in range(length)])


def source(node: PlanNode) -> Any:
    return next(spec_of(each) for each in node.walk() if each.node_id == "1")


def test_frames_of_the_new_source_follow_without_a_gap(play) -> None:
    player = play()
    other = CountingSpec("images", length=50, size=(20, 30))
    border = player.joined(other)
    assert player.session.progress.total == border + 50
    made = player.end()
    assert len(made) == border + 50 and border % 4 == 0
    assert np.array_equal(made, 255 - np.concatenate([numbered(border), numbered(50)]))
    assert spec_of(player.plan).sink.pts == [Fraction(number) / FPS for number in range(len(made))]
    assert player.session.results["9"].frames == len(made)
    assert all(each.opened[0].closed.is_set() for each in (source(player.plan), other))
    names = {each.name for each in threading.enumerate()}
    assert not names & {"livestyle-close", "livestyle-decode"}


def test_one_after_another(play) -> None:
    player = play()
    borders = [player.joined(CountingSpec("images", length=LONG, delay=0.002)) for _ in range(3)]
    last = player.joined(CountingSpec("images", length=9))
    made = player.end()
    lengths = np.diff([0, *borders, last, last + 9])
    assert np.array_equal(made, 255 - np.concatenate([numbered(length) for length in lengths]))


def test_the_old_one_is_closed_while_the_new_one_plays(play) -> None:
    player = play()
    player.joined(CountingSpec("images", length=LONG, delay=0.002))
    assert source(player.plan).opened[0].closed.wait(WAIT) and not player.session.wait(0)


class Broken(CountingSpec):
    def open(self) -> Any:
        raise SettingError("it can't be read")


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (Broken("images"), "it can't be read"),
        (CountingSpec("images", "empty.mp4", length=0), "empty.mp4 has no frames"),
        (CountingSpec("images", length=5, fail_at=0), "unplugged"),
        (SourceSpec("file", "nowhere.mp4"), "nowhere.mp4"),
    ],
)
def test_a_source_that_cant_be_read_leaves_the_old_one(play, other: SourceSpec, line: str) -> None:
    player = play()
    with pytest.raises((LiveStyleError, OSError), match=line):
        player.opened(other)
    assert all(each.closed.is_set() for each in getattr(other, "opened", ()))
    border = player.joined(CountingSpec("images", length=6))  # and another one may follow
    assert np.array_equal(player.end(), 255 - np.concatenate([numbered(border), numbered(6)]))


def blocked(play: Callable[..., Player]) -> Player:
    """Its source doesn't give the next chunk before the test has it so."""
    player = play(block_at=8)
    player.wait_for(lambda: len(source(player.plan).opened[0].asked) > 2)
    return player


def test_what_was_opened_may_be_left(play) -> None:
    player = blocked(play)
    other = CountingSpec("images", length=6)
    joining = player.opened(other)
    joining.hand_over()
    assert not joining.wait(0.05)
    joining.close()
    assert other.opened[0].closed.is_set() and not player.borders
    source(player.plan).unblock.set()
    player.wait_for(lambda: player.session.progress.done > 20)


@pytest.mark.parametrize("how", ["stop", "cancel"])
def test_the_end_closes_what_waits(play, how: str) -> None:
    player = blocked(play)
    other = CountingSpec("images", length=6)
    joining = player.opened(other)
    joining.hand_over()
    getattr(player.session, how)()
    source(player.plan).unblock.set()
    assert player.session.wait(WAIT) and player.session.join(WAIT)
    with pytest.raises(SettingError, match="ended"):
        joining.wait(WAIT)
    assert other.opened[0].closed.is_set() and not player.borders


def test_it_waits_for_go_on(play) -> None:
    player = play()
    player.session.pause()
    with pytest.raises(SettingError, match="Go on"):
        player.session.join_sources({}, lambda node, at: None)


def test_a_file_of_another_rate_and_size_comes_at_that_of_the_stream(play, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "slow.mp4", frames=12, fps=Fraction(12), size=(64, 48))
    player = play(write(read(LONG, delay=0.002)))
    border = player.joined(SourceSpec("file", str(clip), trim=Trim(start=0.5)))
    made = player.end()
    assert len(made) == border + 12 and made.shape[1:] == (6, 8, 3)
    assert spec_of(player.plan).sink.pts == [Fraction(number) / FPS for number in range(len(made))]


def test_a_live_source_comes_and_goes(play) -> None:
    inbox, off, credit = FrameInbox("camera"), threading.Event(), threading.Semaphore(0)
    inbox.listen(credit.release)

    def push() -> None:
        while not off.wait(0.01):
            if credit.acquire(blocking=False):
                inbox.push(np.full((12, 16, 3), 77, np.uint8), captured_at=time.monotonic())

    camera = threading.Thread(target=push, daemon=True)
    camera.start()
    player = play()
    first = player.joined(LiveSpec("pushed", "The page", inbox=inbox))
    assert player.session.progress.total is None
    player.wait_for(lambda: player.session.progress.done > first + 40)
    second = player.joined(CountingSpec("images", length=6))
    made = 255 - player.end()
    off.set()
    camera.join()
    assert (made[first:second] == 77).all() and np.array_equal(made[second:], numbered(6))
    steps = np.diff(np.array(spec_of(player.plan).sink.pts, float))
    assert (steps > 0).all() and abs(steps[first - 1] - 1 / 24) < 1e-6 and steps.max() < 1
    assert not [each for each in threading.enumerate() if "capture" in each.name]


def test_the_compared_stream_may_get_another(play) -> None:
    second = read(LONG, "3", delay=0.002)
    player = play(write(stylise(read(60, delay=0.004)), compare="side_by_side", other=second))
    border = player.joined(CountingSpec("images", length=LONG), "3")
    made = player.end()
    given = np.concatenate([numbered(border), numbered(60)])[:60]
    assert np.array_equal(made[:, :, :8], given) and np.array_equal(made[:, :, 8:], 255 - numbered(60))


def test_modulators_hear_the_new_source(tmp_path: Path) -> None:
    clip = SourceSpec("file", str(make_clip(tmp_path / "tone.mp4", frames=72))).open()
    signals, level = Signals(), Modulator("level", offset=0.0, depth=1.0)

    def heard_at(moment: Fraction) -> float:
        pixels = np.zeros((1, 6, 8, 3), np.uint8)
        signals.read(Frames(pixels, 0, (moment,)))
        return signals.value(level, float(moment), 0.0, 0)

    signals.attach(clip.audio, True)
    signals.want(level)
    loud = heard_at(Fraction(1))
    signals.follow(None, Fraction(2))
    assert loud > 0.1 and heard_at(Fraction(5, 2)) == 0
    signals.follow(clip.audio, Fraction(3))
    assert heard_at(Fraction(4)) == pytest.approx(loud, abs=0.02)
    assert heard_at(Fraction(7)) == 0  # behind its end
    signals.close()
    clip.close()
