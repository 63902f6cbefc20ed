"""The moving buffer: who is evaluated how often, and that no frame is lost."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from livestyle.engine.errors import SettingError
from livestyle.engine.sampling.flow_match import warp
from livestyle.engine.sampling.moving_buffer import MovingBuffer
from livestyle.engine.sampling.partition import Partition

SHAPE = (1, 1, 1)
PARTITIONS = st.builds(
    Partition,
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 3),
    st.sampled_from((1.0, 3.0)),
)
TRAINED = [Partition(8 // c, c) for c in (1, 2, 4, 8)] + [
    Partition(4, 2, 2, references=2),
    Partition(2, 4, 3, references=1),
    Partition(1, 8, 4),
]


def noise(first: int, count: int, draw: int) -> torch.Tensor:
    frames = torch.arange(first, first + count, dtype=torch.float64)
    return torch.sin(frames * 12.9 + draw * 78.2).view(-1, *SHAPE)


class Recorder:
    """A perfect network: frame k's picture is the number k. Notes who was shown at which sigma.

    A frame moves once from every sigma that it was shown at; at one that it was shown at twice, it waited.
    """

    def __init__(self, buffer: MovingBuffer) -> None:
        self.buffer = buffer
        self.shown: Counter[int] = Counter()
        self.calls: list[list[float]] = []
        self.sigmas: defaultdict[int, list[float]] = defaultdict(list)

    def __call__(self, latents: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
        assert len(latents) == len(sigmas)
        references = len(latents) - len(self.buffer)
        assert not sigmas[:references].any()
        first = self.buffer.first_frame
        frames = torch.arange(first - references, first + len(self.buffer), dtype=torch.float64)
        if references:
            assert torch.allclose(latents[:references, 0, 0, 0], frames[:references], atol=1e-9)
        self.shown.update(range(first, first + len(self.buffer)))
        self.calls.append(sigmas[references:].tolist())
        for frame, sigma in enumerate(self.calls[-1], first):
            if self.sigmas[frame][-1:] != [sigma]:
                self.sigmas[frame].append(sigma)
        away = latents[:, 0, 0, 0] - frames
        return torch.where(sigmas > 0, away / sigmas.clamp(min=1e-9), 0.0).view(-1, *SHAPE)


def enter(buffer: MovingBuffer) -> None:
    """Noise enters, or, at the top of a truncated buffer, a source."""
    layout = buffer.partition
    whole = buffer.depth == layout.chunks
    source = None if whole else torch.zeros(layout.frames, *SHAPE, dtype=torch.float64)
    buffer.push(source, buffer.depth / layout.chunks)


def fill(buffer: MovingBuffer) -> None:
    while buffer.room >= buffer.partition.frames:
        buffer.push()


def ready_for(new: Partition, old: Partition) -> tuple[MovingBuffer, Recorder]:
    """A primed buffer of the old layout that has moved on until it may switch to the new one."""
    buffer = MovingBuffer(old, noise)
    network = Recorder(buffer)
    buffer.prime(network)
    buffer.cycle(network)
    while not buffer.fits(new):
        buffer.cycle(network)
    return buffer, network


def numbers(emitted: list[torch.Tensor | None]) -> torch.Tensor:
    return torch.cat([chunk for chunk in emitted if chunk is not None])[:, 0, 0, 0]


def check_in_order(emitted: list[torch.Tensor | None]) -> None:
    values = numbers(emitted)
    assert torch.allclose(values, torch.arange(len(values), dtype=values.dtype), atol=1e-6)


@pytest.mark.parametrize("advance", ["euler", "renoise"])
@given(partition=PARTITIONS, chunks=st.integers(1, 9), data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_frame_is_evaluated_n_times_s(
    advance: str, partition: Partition, chunks: int, data: st.DataObject
) -> None:
    depth = data.draw(st.integers(1, partition.chunks))
    buffer = MovingBuffer(partition, noise, depth=depth, advance=advance)
    network = Recorder(buffer)
    emitted = []
    for _ in range(chunks):
        enter(buffer)
        emitted.append(buffer.cycle(network))
    ramp_up = min(chunks, depth - 1)
    assert [chunk is None for chunk in emitted] == [True] * ramp_up + [False] * (chunks - ramp_up)
    while len(buffer):
        emitted.append(buffer.cycle(network))
    check_in_order(emitted)
    assert len(numbers(emitted)) == chunks * partition.frames
    assert set(network.shown.values()) == {depth * partition.micro_steps}
    assert {len(sigmas) for sigmas in network.sigmas.values()} == {depth * partition.micro_steps}
    assert len(network.calls) == len(emitted) * partition.micro_steps
    assert buffer.cycle(network) is None


@given(partition=PARTITIONS)
def test_levels_fall_from_tail_to_head_and_move_by_equal_steps(partition: Partition) -> None:
    buffer = MovingBuffer(partition, noise)
    network = Recorder(buffer)
    for _ in range(2 * partition.chunks):
        buffer.push()
        buffer.cycle(network)
    steady = network.calls[-partition.micro_steps :]
    assert len(steady[0]) == partition.length
    assert steady[0] == pytest.approx([partition.sigma(slot) for slot in range(partition.length)])
    assert steady[0] == sorted(steady[0])
    assert steady[0][-1] == 1.0
    for before, after in zip(steady, steady[1:], strict=False):
        levels = ([warp(sigma, 1 / partition.shift) for sigma in call] for call in (before, after))
        moves = [a - b for a, b in zip(*levels, strict=True)]
        assert moves == pytest.approx([1 / partition.levels] * partition.length)


@pytest.mark.parametrize(
    ("chunks", "frames"), [(1, 16), (16, 1), (8, 2)], ids=["uniform", "diagonal", "mixed"]
)
def test_the_papers_partitions_have_sixteen_frames(chunks: int, frames: int) -> None:
    partition = Partition(chunks, frames)
    assert partition.buffer == 16
    levels = {partition.sigma(slot) for slot in range(16)}
    assert len(levels) == chunks == partition.levels


@given(partition=PARTITIONS)
def test_priming_leaves_the_steady_state(partition: Partition) -> None:
    buffer = MovingBuffer(partition, noise)
    network = Recorder(buffer)
    buffer.prime(network)
    assert len(network.calls) == (partition.chunks - 1) * partition.micro_steps
    assert buffer.sigmas == pytest.approx([partition.sigma(slot) for slot in range(partition.length)])
    assert not buffer.room
    emitted = []
    for _ in range(3):
        emitted.append(buffer.cycle(network))
        buffer.push()
    while len(buffer):
        emitted.append(buffer.cycle(network))
    check_in_order(emitted)
    assert all(len(chunk) == partition.frames for chunk in emitted)
    pushed = range(partition.length, buffer.first_frame)
    assert {len(network.sigmas[frame]) for frame in pushed} == {partition.levels}


@given(path=st.lists(st.sampled_from(TRAINED), min_size=2, max_size=6), cycles=st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_switching_layouts_loses_and_repeats_nothing(path: list[Partition], cycles: int) -> None:
    buffer = MovingBuffer(path[0], noise)
    network = Recorder(buffer)
    buffer.prime(network)
    emitted = [buffer.cycle(network)]
    for partition in path[1:]:
        while not buffer.fits(partition):
            emitted.append(buffer.cycle(network))
        buffer.switch(partition)
        for _ in range(cycles):
            if len(buffer):
                fill(buffer)
            else:  # the whole buffer was one chunk and has left
                buffer.prime(network)
            assert len(buffer) == partition.length
            emitted.append(buffer.cycle(network))
            assert len(emitted[-1]) == partition.frames
            assert max(buffer.sigmas, default=0.0) <= 1.0
    while len(buffer):
        emitted.append(buffer.cycle(network))
    check_in_order(emitted)


@given(old=st.sampled_from(TRAINED), new=st.sampled_from(TRAINED), cycles=st.integers(0, 9))
@settings(deadline=None)
def test_after_a_switch_frames_move_by_the_new_steps(old: Partition, new: Partition, cycles: int) -> None:
    buffer, network = ready_for(new, old)
    assume(len(buffer))  # an empty one is primed anew
    buffer.switch(new)
    assert buffer.references <= new.references
    first_fresh, seen = buffer.first_frame + len(buffer), len(network.calls)
    emitted = []
    for _ in range(cycles + 1):
        fill(buffer)
        emitted.append(buffer.cycle(network))
    while len(buffer):
        emitted.append(buffer.cycle(network))
    assert all(len(chunk) == new.frames for chunk in emitted)
    assert buffer.references == min(new.references, buffer.first_frame)
    fresh = {frame: len(sigmas) for frame, sigmas in network.sigmas.items() if frame >= first_fresh}
    assert set(fresh.values()) == {new.levels}
    for before, after in zip(network.calls[seen:], network.calls[seen + 1 :], strict=False):
        if len(before) == len(after) and before[-1] >= after[-1]:  # nothing entered or left
            assert max(a - b for a, b in zip(before, after, strict=True)) <= 1 / new.levels + 1e-9


def test_a_truncated_buffer_keeps_its_share_over_every_switch() -> None:
    buffer = MovingBuffer(Partition(4, 2), noise, depth=3)
    for layout, depth in ((Partition(2, 4), 2), (Partition(8, 1), 6), (Partition(4, 2), 3)):
        buffer.switch(layout)
        assert buffer.depth == depth


def test_a_switched_buffer_reaches_the_new_levels() -> None:
    fine, coarse = Partition(8, 1), Partition(4, 2)
    buffer, network = ready_for(coarse, fine)
    buffer.switch(coarse)
    fill(buffer)
    buffer.cycle(network)
    fill(buffer)
    assert buffer.sigmas == pytest.approx([0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1.0, 1.0])


def test_strength_decides_what_is_kept_of_the_source() -> None:
    partition = Partition(8, 2)
    assert [partition.depth(s) for s in (0.0, 0.1, 0.5, 0.51, 1.0)] == [1, 1, 4, 5, 8]
    source = torch.full((2, *SHAPE), 7.0, dtype=torch.float64)
    for strength, depth in ((0.25, 2), (0.4, 4), (0.5, 4)):
        buffer = MovingBuffer(partition, noise, depth=depth)
        buffer.push(source, strength)
        assert buffer.sigmas == (strength, strength)
        fresh = noise(0, 2, 0)
        moved = (buffer.latents - source) / (fresh - source)
        assert torch.allclose(moved, torch.full_like(moved, strength))
        emitted = []
        network = Recorder(buffer)
        for _ in range(5):
            emitted.append(buffer.cycle(network))
            if buffer.room >= 2:
                buffer.push(source, strength)
        check_in_order(emitted)
        assert len(numbers(emitted)) == 2 * (5 - depth + 1)


def test_a_source_at_strength_zero_comes_back() -> None:
    buffer = MovingBuffer(Partition(4, 1), noise, depth=1)
    source = torch.full((1, *SHAPE), 3.0, dtype=torch.float64)
    buffer.push(source, 0.0)
    assert torch.equal(buffer.cycle(lambda x, sigmas: torch.full_like(x, 99.0)), source)


def test_renoise_uses_new_noise_at_every_level() -> None:
    partition = Partition(2, 1, 2)
    buffer = MovingBuffer(partition, noise, advance="renoise")
    buffer.push()
    seen = []

    def network(latents: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
        seen.append((latents.clone(), sigmas.clone()))
        return latents / sigmas.view(-1, 1, 1, 1)  # the picture is 0

    buffer.cycle(network)
    buffer.cycle(network)
    assert [float(sigma) for _, sigma in seen] == [1.0, 0.75, 0.5, 0.25]
    for draw, (latents, sigma) in enumerate(seen):
        assert torch.allclose(latents, sigma * noise(0, 1, draw))


def test_misuse_is_an_error() -> None:
    buffer = MovingBuffer(Partition(2, 1), noise)
    buffer.push()
    with pytest.raises(ValueError, match="no room"):
        buffer.push()
    with pytest.raises(ValueError, match="primed"):
        buffer.prime(lambda x, sigmas: x)
    with pytest.raises(ValueError, match="do not fit"):
        buffer.switch(Partition(1, 2))
    with pytest.raises(ValueError, match="truncated"):
        MovingBuffer(Partition(2, 1), noise, depth=1).push()
    with pytest.raises(ValueError, match="depth"):
        MovingBuffer(Partition(2, 1), noise, depth=3)
    with pytest.raises(SettingError, match="start at 1"):
        Partition(0, 1)
