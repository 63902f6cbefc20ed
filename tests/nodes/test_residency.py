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

    def modules(self) -> tuple[torch.nn.Module, ...]:
        return (self.module,)


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
    residency.acquire([model], 0)
    management.unload_all_models()
    residency.acquire([model], 0)
    residency.acquire([model], 0)
    assert loaded == [SIZE, 0, SIZE]


def test_a_model_that_goes_while_comfyui_unloads_leaves_its_list_alone(
    management: Any, residency: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both happen at /free, on two threads."""
    models = [_model() for _ in range(3)]
    weights = [weakref.ref(model.module) for model in models]
    residency.acquire(models, 0)
    detach = management.LoadedModel.model_unload

    def drop_all_and_unload(loaded: Any, *arguments: Any, **options: Any) -> bool:
        models.clear()
        gc.collect()
        return detach(loaded, *arguments, **options)

    monkeypatch.setattr(management.LoadedModel, "model_unload", drop_all_and_unload)
    management.unload_all_models()
    assert management.current_loaded_models == []
    assert [each() for each in weights] == [None] * 3
