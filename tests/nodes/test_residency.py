"""ComfyUI's memory management is told the truth about our weights."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch


class Model(SimpleNamespace):
    """The part of a StreamModel that residency uses."""

    def modules_on(self, usual: torch.device) -> dict[torch.device, tuple[torch.nn.Module, ...]]:
        return {usual: (self.module,)}


@pytest.fixture
def management(comfy: Path) -> Any:
    """ComfyUI's own memory management, with nothing loaded."""
    import comfy.model_management as management

    management.current_loaded_models.clear()
    yield management
    management.current_loaded_models.clear()


@pytest.fixture
def residency(management: Any) -> Any:
    from livestyle.nodes.host import ComfyResidency

    return ComfyResidency()


def _model() -> Model:
    return Model(module=torch.nn.Linear(64, 64))


SIZE = 65 * 64 * 4
"""Bytes of one model."""


def test_room_is_made_only_for_weights_that_are_elsewhere(
    management: Any, residency: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models are loaded onto the device; ComfyUI would push others out for them a second time."""
    loaded: list[int] = []
    load_models_gpu = management.load_models_gpu

    def look_first(patchers: list[Any], **options: Any) -> None:
        loaded.extend(management.LoadedModel(patcher).model_loaded_memory() for patcher in patchers)
        load_models_gpu(patchers, **options)

    monkeypatch.setattr(management, "load_models_gpu", look_first)
    model = _model()
    residency.acquire([model], {})
    management.unload_all_models()
    residency.acquire([model], {})
    residency.acquire([model], {})
    assert loaded == [SIZE, 0, SIZE]


def test_a_model_that_goes_while_comfyui_unloads_leaves_its_list_alone(
    management: Any, residency: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both happen at /free, on two threads."""
    models = [_model() for _ in range(3)]
    weights = [weakref.ref(model.module) for model in models]
    residency.acquire(models, {})
    detach = management.LoadedModel.model_unload

    def drop_all_and_unload(loaded: Any, *arguments: Any, **options: Any) -> bool:
        models.clear()
        gc.collect()
        return detach(loaded, *arguments, **options)

    monkeypatch.setattr(management.LoadedModel, "model_unload", drop_all_and_unload)
    management.unload_all_models()
    assert management.current_loaded_models == []
    assert [each() for each in weights] == [None] * 3


def test_a_model_that_is_held_stays_until_it_is_let_go(management: Any, residency: Any) -> None:
    """A session in the background computes with it, whatever other prompts need."""
    model = _model()
    residency.acquire([model], {})
    let_go, other = residency.hold([model]), residency.hold([model])
    (patcher,) = residency._patchers_of(model)
    management.unload_all_models()
    let_go()
    assert patcher.loaded_size() == SIZE and management.current_loaded_models == []
    residency.acquire([model], {})  # for another session: it is known again
    other()
    assert patcher.loaded_size() == SIZE and len(management.current_loaded_models) == 1
    let_go = residency.hold([model])
    management.unload_all_models()
    let_go()
    assert patcher.loaded_size() == 0


def test_each_device_of_a_model_is_asked_for_its_own(
    management: Any, residency: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts on two cards are two models to ComfyUI, which makes room on each; both go with ours."""
    cards = [torch.device("cuda", number) for number in range(2)]
    model = Model(modules_on=lambda usual: {card: (torch.nn.Linear(4, 4),) for card in cards})
    asked: list[tuple[list[torch.device], int]] = []

    def load_models_gpu(patchers: list[Any], memory_required: int) -> None:
        asked.append(([patcher.load_device for patcher in patchers], memory_required))

    monkeypatch.setattr(management, "load_models_gpu", load_models_gpu)
    residency.acquire([model], {cards[0]: 7, cards[1]: 5})
    assert asked == [([cards[0]], 7), ([cards[1]], 5)]
    weights = [weakref.ref(patcher.model.get_submodule("0")) for patcher in residency._patchers[id(model)]]
    del model
    gc.collect()
    assert [each() for each in weights] == [None] * 2
