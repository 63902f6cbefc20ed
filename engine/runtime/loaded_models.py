"""Loaded models, kept from one Run to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from ..families.base import ModelHandle, StreamModel

Load = Callable[[ModelHandle], StreamModel]


class ModelStore:
    """Holds the models that the latest session uses, and no others.

    ComfyUI's output cache holds handles only: it may forget them, or bring old ones back.
    Models are loaded one after the other, for two at once may not fit; only sessions' threads
    wait for that, never the prompt's.

    Args:
        load: reads a model from disk.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._loading = threading.Lock()
        self._lock = threading.Lock()  # never held while something loads
        self._models: dict[ModelHandle, StreamModel] = {}
        self._wanted: set[ModelHandle] | None = None

    def keep_only(self, handles: Iterable[ModelHandle]) -> None:
        """Let go of every model that is none of these, before others are loaded.

        Returns at once: one that is being loaded is let go of when it is there.
        """
        wanted = {_weights_of(handle) for handle in handles}
        with self._lock:
            self._wanted = wanted
            self._models = {key: model for key, model in self._models.items() if key in wanted}

    def has(self, handle: ModelHandle) -> bool:
        """Whether its weights are loaded."""
        return self._known(_weights_of(handle)) is not None

    def get(self, handle: ModelHandle) -> StreamModel:
        """The model, loaded if need be; raises CheckpointError."""
        key = _weights_of(handle)
        known = self._known(key)
        if known is not None:
            return known
        with self._loading:
            # another session may have loaded it meanwhile
            known = self._known(key)
            return self._load_and_keep(handle, key) if known is None else known

    def _known(self, key: ModelHandle) -> StreamModel | None:
        with self._lock:
            return self._models.get(key)

    def _load_and_keep(self, handle: ModelHandle, key: ModelHandle) -> StreamModel:
        model = self._load(handle)
        with self._lock:
            if self._wanted is None or key in self._wanted:
                self._models[key] = model
        return model


def _weights_of(handle: ModelHandle) -> ModelHandle:
    """What two handles have in common when one set of weights serves both."""
    return replace(handle, node_id="", patches=(), lora_strength=1.0)
