"""Keys and values of the system turn, computed once: it precedes the picture and never changes.

Exact, not approximate: under a causal mask no later token can reach these states.
"""

from __future__ import annotations

import inspect

import torch
from transformers import DynamicCache, Qwen3VLModel

Layers = list[tuple[torch.Tensor, torch.Tensor]]

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
        self._layers: dict[tuple[int, ...], Layers] = {}

    def shared(self, ids: list[list[int]], drops: list[int]) -> int:
        """How many leading ids need not run again: the dropped ones, where all rows have them alike."""
        head = ids[0][: drops[0]]
        alike = all(row[: len(head)] == head for row in ids) and set(drops) == {len(head)}
        return len(head) if alike and torch.is_inference_mode_enabled() else 0

    def expanded(self, head: list[int], batch: int) -> DynamicCache:
        """A cache to continue from, ``batch`` rows; what is appended to it stays out of ours."""
        cache = DynamicCache()
        for index, (keys, values) in enumerate(self._computed(tuple(head))):
            cache.update(keys.expand(batch, -1, -1, -1), values.expand(batch, -1, -1, -1), index)
        return cache

    def _computed(self, head: tuple[int, ...]) -> Layers:
        weight = self._model.language_model.embed_tokens.weight
        identity = (weight.device, weight.dtype, weight._version)
        if identity != self._weights:
            self._weights, self._layers = identity, {}
        if head not in self._layers:
            cache = DynamicCache()
            ids = torch.tensor([head], device=weight.device)
            self._model.language_model(input_ids=ids, use_cache=True, **{CACHE: cache})
            self._layers[head] = [(layer.keys, layer.values) for layer in cache.layers]
        return self._layers[head]
