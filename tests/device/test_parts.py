"""Parts of one model on different devices, on two pretended cards.

The golden file is written anew by ``LIVESTYLE_WRITE_GOLDEN=1 python -m pytest tests/device/test_parts.py``.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
import torch
from device_streams import CASES, MOMENTS, SPREAD, Stream, stream

from livestyle.engine.errors import SettingError
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.devices import devices_of
from livestyle.engine.families.parted_model import PartedModel
from livestyle.lab.benchmark.dry_run.pretended import DEVICE

GOLDEN = Path(__file__).with_name("parts.json")
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
        wanted = dict(SPREAD[name].devices).get(
            "device" if part == "denoiser" else f"{part}_device", "cuda:0"
        )
        assert {str(tensor.device) for tensor in tensors} == {wanted}


def test_states_and_latents_cross_and_nothing_else(name: str, played: Stream) -> None:
    found = {moment: crossed(played, moment) for moment in MOMENTS}
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("LIVESTYLE_WRITE_GOLDEN"):
        golden = golden | {name: found}
        GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")
    assert found == golden[name]


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
    if "cpu" in dict(SPREAD[name].devices).values():
        assert played.crossed > between_cards > 0
    else:
        assert played.crossed == between_cards > 0


@pytest.mark.parametrize("name", list(CASES))
def test_nothing_spreads_unasked(name: str) -> None:
    alone = stream(name)
    assert {launch.device for entry in alone.passed for launch in entry.ledger.launches} == {0}
    assert not alone.crossed and not any(entry.ledger.crossings for entry in alone.passed)


def test_a_device_that_is_not_here() -> None:
    with pytest.raises(SettingError, match=r"autoencoder_device cuda:7 isn't here: choose auto or .*cpu\."):
        devices_of(ModelHandle("", autoencoder_device="cuda:7"), DEVICE)


def test_parts_follow_the_denoiser() -> None:
    assert devices_of(ModelHandle("", device="cpu"), DEVICE).each == (torch.device("cpu"),)
