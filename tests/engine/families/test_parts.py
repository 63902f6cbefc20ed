"""Parts of one model, each where it was put; tests/device has the ones that play on two (pretended) cards."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from device_streams import CASES, SIDE, handle, make, played

from livestyle.engine.errors import SettingError
from livestyle.engine.families import load_model, weight_bytes, weights_on
from livestyle.engine.families.base import ModelHandle, StreamModel
from livestyle.engine.families.devices import devices_of
from livestyle.engine.families.parted_model import PartedModel

CPU, CARD = torch.device("cpu"), torch.device("cuda", 0)
NAMES = ("mllm-edit", "rtr-dit", "stream-dit, video", "streamedit-dit")
ALL_HERE = tuple((f"{part}device", "cpu") for part in ("", "text_encoder_", "autoencoder_"))


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_the_same_where_all_parts_are_on_the_cpu(name: str) -> None:
    usual, chosen = (replace(CASES[name], devices=devices) for devices in ((), ALL_HERE))
    pictures = []
    for case in (usual, chosen):
        runner = make(case, load_model(handle(case), CPU, torch.float32))
        pictures.append(np.concatenate(list(islice(played(case, runner), 2))))
        assert runner.readout().keys() <= {"window"}  # nothing crosses
    assert np.array_equal(*pictures)


@pytest.mark.parametrize("advanced", [(), (("stream_batch", True),), (("cache_precision", "fp8"),)], ids=str)
def test_two_halves_on_the_cpu_give_the_same_pictures(advanced: tuple[tuple[str, Any], ...]) -> None:
    settings = replace(CASES["rtr-dit"].settings, steps=2, advanced=advanced)
    pictures = []
    for device in ("cpu", "cpu+cpu"):
        case = replace(CASES["rtr-dit"], settings=settings, devices=(("device", device),))
        model = load_model(handle(case), CPU, torch.float32)
        assert isinstance(model, PartedModel) and ("second_half" in model.parts()) == ("+" in device)
        pictures.append(np.concatenate(list(played(case, make(case, model)))))
    assert len(pictures[0]) and np.array_equal(*pictures)


def test_other_families_keep_their_blocks_together() -> None:
    case = replace(CASES["streamedit-dit"], devices=(("device", "cpu+cpu"),))
    with pytest.raises(SettingError, match="only causal video models go on two cards"):
        load_model(handle(case), CPU, torch.float32)


@pytest.mark.parametrize("name", NAMES)
def test_bytes_by_device_add_up(name: str) -> None:
    """With the text encoder and the autoencoder on the CPU, as ComfyUI is told before and after loading."""
    case = replace(CASES[name], devices=ALL_HERE[1:])
    model = load_model(handle(case), CPU, torch.float32)
    assert isinstance(model, PartedModel)
    model = replace(model, devices=devices_of(handle(case), CARD))
    request = (case.settings, SIDE, SIDE)
    working = model.stream_bytes_on(CARD, *request)
    assert set(working) == {CARD, CPU} and sum(working.values()) == model.stream_bytes(*request)
    weights = weights_on(handle(case), torch.float32, devices_of(handle(case), CARD))
    assert sum(weights.values()) == sum(weight_bytes(handle(case), torch.float32).values())
    held = {
        device: sum(tensor.nbytes for module in modules for tensor in module.parameters())
        for device, modules in model.modules_on(CARD).items()
    }
    assert list(held) == [CARD, CPU]
    assert {device: pytest.approx(size, rel=0.05) for device, size in held.items()} == weights


def test_a_family_without_parts_stays_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    class Whole(StreamModel):
        """Any model of another package."""

    from livestyle.engine.families import registry

    monkeypatch.setattr(StreamModel, "__abstractmethods__", frozenset())
    monkeypatch.setattr(Whole, "__abstractmethods__", frozenset())
    family = replace(registry.families()["mllm_edit"], load=lambda *_: Whole())
    monkeypatch.setattr(registry, "probe", lambda _: family)
    folder = handle(CASES["mllm-edit"]).checkpoint
    assert isinstance(load_model(ModelHandle(folder), CPU, torch.float32), Whole)
    with pytest.raises(SettingError, match="set all three to auto"):
        load_model(ModelHandle(folder, autoencoder_device="cpu"), CARD, torch.float32)
