"""Parts of one model on different devices, on two pretended cards.

The golden file is written anew by ``LIVESTYLE_WRITE_GOLDEN=1 python -m pytest tests/device/test_parts.py``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from device_streams import CASES, MOMENTS, SPREAD, Stream, known, stream

from livestyle.engine.errors import SettingError
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.devices import devices_of
from livestyle.engine.families.parted_model import PartedModel
from livestyle.lab.benchmark.dry_run.pretended import DEVICE

PARTS = Path(__file__).with_name("parts.json")
"""Bytes that cross, by case, moment and stage."""


@pytest.fixture(params=list(SPREAD))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def played(name: str) -> Stream:
    return stream(name)


def test_no_operation_mixes_devices(played: Stream) -> None:
    """torch's fake tensors raise where one does, as CUDA would, so that a stream would not end."""
    assert [entry.stage for entry in played.passed[-3:]] == ["encode", "denoise", "decode"]
    assert {launch.device for entry in played.passed for launch in entry.ledger.launches} == {0, 1}


def test_each_part_lies_on_its_device(name: str, played: Stream) -> None:
    assert isinstance(played.model, PartedModel) and played.model.devices is not None
    for part, modules in played.model.parts().items():
        tensors = [t for module in modules for t in (*module.parameters(), *module.buffers())]
        chosen = dict(SPREAD[name].devices)
        first, _, second = chosen.get("device", "cuda:0").partition("+")
        wanted = {"denoiser": first, "second_half": second}.get(part) or chosen.get(f"{part}_device", first)
        assert {str(tensor.device) for tensor in tensors} == {wanted}


def test_states_and_latents_cross_and_nothing_else(name: str, played: Stream) -> None:
    found = {moment: crossed(played, moment) for moment in MOMENTS}
    assert found == known(PARTS, name, found)


def crossed(played: Stream, moment: str) -> dict[str, dict[str, int]]:
    """Bytes of a chunk by stage, then by way and place."""
    found: dict[str, Counter[str]] = {entry.stage: Counter() for entry in played.stages(moment)}
    for entry in played.stages(moment):
        for each in entry.ledger.crossings:
            found[entry.stage][f"{each.way} {each.place}"] += each.bytes
    return {stage: dict(sorted(ways.items())) for stage, ways in found.items()}


def test_the_node_says_what_crosses(name: str, played: Stream) -> None:
    """The CPU's part is no card's: what goes to it and comes from it is in the count alone."""
    between_cards = sum(each.bytes for entry in played.passed for each in entry.ledger.crossings)
    if "halves" in name:  # tokens go over inside the network, which is shared by streams and counts nothing
        assert played.crossed == 0 < between_cards
    elif "cpu" in dict(SPREAD[name].devices).values():
        assert played.crossed > between_cards > 0
    else:
        assert played.crossed == between_cards > 0


@pytest.mark.parametrize("name", list(CASES))
def test_nothing_spreads_unasked(name: str) -> None:
    alone = stream(name)
    assert {launch.device for entry in alone.passed for launch in entry.ledger.launches} == {0}
    assert not alone.crossed and not any(entry.ledger.crossings for entry in alone.passed)


def test_a_clean_pass_comes_back_from_the_second_half_never() -> None:
    """So the next block's first step goes through the first half while it is still in the second."""
    denoised = next(entry for entry in stream("rtr-dit, halves").stages("steady") if entry.stage == "denoise")
    ways = Counter(each.way for each in denoised.ledger.crossings)
    steps = ways["cuda:1 cuda:0"]
    assert steps == 1
    parts = 6  # tokens, modulation, cosines and sines of queries and of keys
    assert ways["cuda:0 cuda:1"] == parts * (steps + 1)


def test_the_host_waits_for_two_halves_no_oftener_than_for_one() -> None:
    """What it queues for the next block would come too late otherwise."""
    whole, halves = (stream(name).stages("steady") for name in ("rtr-dit", "rtr-dit, halves"))
    assert [entry.ledger.syncs for entry in halves] == [entry.ledger.syncs for entry in whole]


def test_a_device_that_is_not_here() -> None:
    with pytest.raises(SettingError, match=r"autoencoder_device cuda:7 isn't here: choose auto or .*cpu\."):
        devices_of(ModelHandle("", autoencoder_device="cuda:7"), DEVICE)


def test_parts_follow_the_denoiser() -> None:
    assert devices_of(ModelHandle("", device="cpu"), DEVICE).each == (torch.device("cpu"),)
