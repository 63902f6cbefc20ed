"""Streaming editing on latents: order, delay, levels, history, cuts."""

from __future__ import annotations

import pytest
import torch

from livestyle.engine.networks.sparse_attention.attention import Selections
from livestyle.engine.networks.sparse_attention.dsa import Selection
from livestyle.engine.sampling.edit_stream import (
    DIAGONAL,
    LEVELS,
    PIPELINED,
    SEQUENTIAL,
    EditStream,
    edit_clip,
)
from livestyle.engine.sampling.flow_match import to_velocity
from livestyle.engine.sampling.noise import keyed_noise
from livestyle.engine.sampling.partition import Partition

SHAPE = (2, 2, 2)
ALL = pytest.mark.parametrize("partition", [PIPELINED, DIAGONAL, SEQUENTIAL])


def numbered(count: int, start: int = 0) -> torch.Tensor:
    """Frames that tell their number."""
    return torch.arange(start, start + count).float().view(-1, 1, 1, 1).expand(-1, *SHAPE).clone()


def noise(first: int, count: int, again: int) -> torch.Tensor:
    return keyed_noise(SHAPE, 3, first, count, again)


class Oracle:
    """Knows the right edit, source + 100, and notes what it is shown."""

    def __init__(self, prediction: str = "velocity") -> None:
        self.prediction = prediction
        self.seen: list[tuple[list[int], list[float], int]] = []

    def __call__(self, latents, sigma, source, references):
        self.seen.append((source[:, 0, 0, 0].int().tolist(), sigma.tolist(), references))
        level = sigma.view(-1, 1, 1, 1)
        assert torch.allclose(latents[:references], source[:references] + 100, atol=1e-3)
        there = torch.where(level > 0, (latents - source - 100) / level.clamp(min=1e-6), 0.0)
        if self.prediction == "velocity":
            return there
        predicted = source + 100 + there  # the noise, if x = (1 - sigma) data + sigma noise
        return to_velocity(latents, predicted, level, "epsilon")


@ALL
@pytest.mark.parametrize("prediction", ["velocity", "epsilon"])
def test_every_frame_comes_out_edited_in_order(partition: Partition, prediction: str) -> None:
    source = numbered(9)
    edited = edit_clip(Oracle(prediction), source, partition, window=8)
    assert torch.allclose(edited, source + 100, atol=2e-3)


@ALL
def test_a_frame_takes_six_evaluations_and_the_window_holds(partition: Partition) -> None:
    oracle = Oracle()
    edit_clip(oracle, numbered(20), partition, window=8)
    counts = dict.fromkeys(range(20), 0)
    for frames, sigma, references in oracle.seen:
        assert len(frames) <= 8
        assert sigma[:references] == [0.0] * references
        assert sorted(sigma) == sigma and frames == list(range(frames[0], frames[0] + len(frames)))
        for frame in frames[references:]:
            counts[frame] += 1
    assert set(counts.values()) == {LEVELS}
    assert max(len(frames) for frames, _, _ in oracle.seen) == 8


@ALL
def test_results_are_late_by_the_frames_under_way(partition: Partition) -> None:
    stream = EditStream(Oracle(), partition, noise, 8)
    late = [stream.step(frame) is None for frame in numbered(10).split(1)]
    assert late == [True] * (partition.chunks - 1) + [False] * (11 - partition.chunks)


@pytest.mark.parametrize("window", [4, 8, 16])
def test_the_window_is_history_and_frames_under_way(window: int) -> None:
    oracle = Oracle()
    edit_clip(oracle, numbered(24), PIPELINED, window=window)
    assert max(references for _, _, references in oracle.seen) == window - PIPELINED.length


def test_a_window_below_the_frames_under_way_leaves_no_history() -> None:
    oracle = Oracle()
    edit_clip(oracle, numbered(12), DIAGONAL, window=4)
    assert {references for _, _, references in oracle.seen} == {0}
    assert max(len(frames) for frames, _, _ in oracle.seen) == DIAGONAL.length


def test_the_window_changes_while_frames_are_under_way() -> None:
    oracle = Oracle()
    stream = EditStream(oracle, PIPELINED, noise, 16)
    out = []
    for number, frame in enumerate(numbered(30).split(1)):
        if number == 20:
            stream.window = 4
            assert stream.history == 1
        if number == 24:
            stream.window = 8
        out.append(stream.step(frame))
    assert [int(frame[0, 0, 0, 0].round()) for frame in out if frame is not None] == list(range(100, 128))
    assert oracle.seen[2 * 20][2] == 1
    assert oracle.seen[-1][2] == 5


@ALL
@pytest.mark.parametrize("at", [1, 2, 9])
def test_a_cut_keeps_the_scenes_apart_and_the_delay(partition: Partition, at: int) -> None:
    oracle = Oracle()
    stream = EditStream(oracle, partition, noise, 8)
    out = []
    for number, frame in enumerate(numbered(16).split(1)):
        if number == at:
            stream.begin_scene()
        out.append(stream.step(frame))
    late = partition.chunks - 1
    assert [frame is None for frame in out] == [True] * late + [False] * (16 - late)
    out += [stream.step(None) for _ in range(late)]
    done = torch.cat([frame for frame in out if frame is not None])
    assert torch.allclose(done, numbered(16) + 100, atol=2e-3)
    assert stream.step(None) is None
    for frames, _, _ in oracle.seen:
        assert not (min(frames) < at <= max(frames))


def test_forgetting_drops_the_past_and_not_what_is_under_way() -> None:
    stream = EditStream(Oracle(), PIPELINED, noise, 8)
    for frame in numbered(12).split(1):
        stream.step(frame)
    assert stream.history == 5
    stream.forget()
    assert stream.history == 0 and stream.window == 8
    assert int(stream.step(numbered(1, 12))[0, 0, 0, 0].round()) == 110


def test_what_the_last_evaluation_saw_grows_to_the_window() -> None:
    oracle = Oracle()
    stream = EditStream(oracle, PIPELINED, noise, 6)
    assert stream.seen == 0
    for number, frame in enumerate(numbered(9).split(1), 1):
        stream.step(frame)
        assert stream.seen == len(oracle.seen[-1][0]) == min(number, 6)


@pytest.mark.parametrize(("partition", "made"), [(DIAGONAL, 12), (PIPELINED, 12), (SEQUENTIAL, 36)])
def test_a_selection_of_blocks_serves_until_the_buffer_moves(partition: Partition, made: int) -> None:
    """12 frames, selections that serve two evaluations: one each where every evaluation moves the buffer."""
    selections, count = Selections(refresh=2), [0]
    steady = torch.zeros(1, 1, 1, 1, dtype=torch.long)

    def select() -> Selection:
        count[0] += 1
        return Selection(steady, steady[..., 0] + 1)

    def evaluate(latents, sigma, source, references):
        selections.get(0, len(latents), select)
        return torch.zeros_like(latents)

    stream = EditStream(evaluate, partition, noise, 8, selections.expire)
    for frame in numbered(12).split(1):
        stream.step(frame)
    assert count[0] == made
    assert selections.density == {0: 1.0}


def test_chunks_of_several_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="single frames"):
        EditStream(Oracle(), Partition(3, 2), noise, 8)
