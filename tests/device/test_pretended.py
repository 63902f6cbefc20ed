"""What every family asks of a CUDA device, on a pretended one: no card is needed.

The golden file is written anew by ``LIVESTYLE_WRITE_GOLDEN=1 python -m pytest tests/device``.
"""

from __future__ import annotations

import pytest
from device_streams import CASES, DTYPE, GOLDEN, MOMENTS, Stream, handle, known, stream

from livestyle.engine.families import weight_bytes
from livestyle.lab.benchmark.dry_run.watched import Passed


@pytest.fixture(params=list(CASES))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def played(name: str) -> Stream:
    return stream(name)


def test_no_operation_mixes_devices(played: Stream) -> None:
    """torch's fake tensors raise where one does, as CUDA would, so that a stream would not end."""
    assert [entry.stage for entry in played.passed[-3:]] == ["encode", "denoise", "decode"]
    assert all(any(entry.ledger.launches for entry in played.stages(moment)) for moment in MOMENTS)


def test_weights_lie_on_the_device_in_one_dtype(played: Stream) -> None:
    for module in played.model.modules():
        tensors = dict([*module.named_parameters(), *module.named_buffers()])
        assert tensors
        elsewhere = [key for key, tensor in tensors.items() if tensor.device.type != "cuda"]
        other = {key for key, tensor in module.named_parameters() if tensor.dtype != DTYPE}
        assert not elsewhere and not other


def test_host_waits_and_attends_as_it_is_known_to(name: str, played: Stream) -> None:
    """Where the host waits, and which kernel attention gets: a mask on a single prompt would cost flash."""
    found = {moment: account(played.stages(moment)) for moment in MOMENTS}
    assert found == known(GOLDEN, name, found)


def account(stages: list[Passed]) -> dict[str, dict[str, int] | list[str]]:
    """Waits of the host by stage, and kinds of attention."""
    waits: dict[str, dict[str, int] | list[str]] = {
        entry.stage: dict(sorted(entry.ledger.syncs.items())) for entry in stages
    }
    kinds = {f"{kind.chosen} {kind.place}" for entry in stages for kind in entry.ledger.attention}
    return waits | {"attention": sorted(kinds)}


LAUNCHES = {
    "mllm-edit": 1300,
    "mllm-edit, adapter": 1500,
    "rtr-dit": 1200,
    "stream-dit": 800,
    "stream-dit, video": 800,
    "streamedit-dit": 1700,
}
"""Kernels a chunk at most, with another prompt to read; published sizes have as many a layer."""


def test_few_launches_a_chunk(name: str, played: Stream) -> None:
    for moment in ("steady", "prompt"):
        assert sum(len(entry.ledger.launches) for entry in played.stages(moment)) <= LAUNCHES[name]


def test_attention_is_as_fast_as_its_call_states(played: Stream) -> None:
    """Our own calls state a kernel; those of diffusers and transformers are never the unfused one."""
    kinds = {kind for entry in played.passed for kind in entry.ledger.attention}
    assert kinds
    assert not [kind for kind in kinds if not kind.as_expected]


def test_uploads_leave_the_host_free(played: Stream) -> None:
    """Pinned and non-blocking, whatever is asked while the stream plays."""
    held = {
        copied.place
        for moment in MOMENTS
        for entry in played.stages(moment)
        for copied in entry.ledger.uploads
        if copied.holds_up
    }
    assert not held


ESTIMATED = 0.1
"""By how much the memory that is asked for may differ from what tensors take at the peak."""


@pytest.mark.parametrize("graphs", ["", ", graphs"])
def test_memory_is_what_was_asked_for(name: str, graphs: str) -> None:
    weights = sum(weight_bytes(handle(CASES[name]), DTYPE).values())
    played = stream(name + graphs)
    assert weights + played.predicted == pytest.approx(played.peak, rel=ESTIMATED)
