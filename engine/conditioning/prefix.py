"""Keys and values of the system turn, computed once: it precedes the picture and never changes.

Exact, not approximate: under a causal mask no later token can reach these states.
"""

from __future__ import annotations

import copy
import inspect

import torch
from transformers import DynamicCache, Qwen3VLModel

from ..transfers import upload

CACHE = "cache" if "cache" in inspect.signature(Qwen3VLModel.forward).parameters else "past_key_values"
"""What Qwen3-VL calls the cache that it is given; transformers 5.24 renamed it."""


class PrefixCache:
    """Remembers each leading run of ids that the language model has seen.

    It works under inference mode only, as streams do, and starts anew when weights have changed or
    moved; elsewhere (training) it stays out of the way.

    Args:
        model: whose language model reads the ids.
    """

    def __init__(self, model: Qwen3VLModel) -> None:
        self._model = model
        self._weights: tuple[object, ...] = ()
        self._caches: dict[tuple[int, ...], DynamicCache] = {}

    def shared(self, ids: list[list[int]], drops: list[int]) -> int:
        """How many leading ids need not run again: the dropped ones, where all rows have them alike."""
        head = ids[0][: drops[0]]
        alike = all(row[: len(head)] == head for row in ids) and set(drops) == {len(head)}
        return len(head) if alike and torch.is_inference_mode_enabled() else 0

    def expanded(self, head: list[int], batch: int) -> DynamicCache:
        """A cache to continue from, ``batch`` rows; what is appended to it stays out of ours.

        Its layers are views of ours: appending makes new tensors.
        """
        cache = copy.copy(self._computed(tuple(head)))
        cache.layers = [copy.copy(layer) for layer in cache.layers]
        for layer in cache.layers:
            layer.keys, layer.values = (part.expand(batch, -1, -1, -1) for part in (layer.keys, layer.values))
        return cache

    def _computed(self, head: tuple[int, ...]) -> DynamicCache:
        weight = self._model.language_model.embed_tokens.weight
        identity = (weight.device, weight.dtype, weight._version)
        if identity != self._weights:
            self._weights, self._caches = identity, {}
        if head not in self._caches:
            cache = self._caches[head] = DynamicCache()
            ids = upload(torch.tensor([head]), weight.device)
            self._model.language_model(input_ids=ids, use_cache=True, **{CACHE: cache})
        return self._caches[head]
