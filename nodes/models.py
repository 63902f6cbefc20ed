"""Loaded models, kept from one Run to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from ..engine.families.base import ModelHandle, StreamModel

Load = Callable[[ModelHandle], StreamModel]


class ModelStore:
    """Holds the models that the latest session uses, and no others.

    ComfyUI's output cache holds handles only: it may forget them, or bring old ones back.

    Args:
        load: reads a model from disk.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._models: dict[ModelHandle, StreamModel] = {}

    def keep_only(self, handles: Iterable[ModelHandle]) -> None:
        """Let go of every model that is none of these, before others are loaded."""
        wanted = {_weights_of(handle) for handle in handles}
        with self._lock:
            self._models = {key: model for key, model in self._models.items() if key in wanted}

    def get(self, handle: ModelHandle) -> StreamModel:
        """The model, loaded if need be; raises CheckpointError."""
        key = _weights_of(handle)
        with self._lock:
            if key not in self._models:
                self._models[key] = self._load(handle)
            return self._models[key]


def _weights_of(handle: ModelHandle) -> ModelHandle:
    """What two handles have in common when one set of weights serves both."""
    return replace(handle, node_id="", patches=(), lora_strength=1.0)
