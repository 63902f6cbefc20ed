"""How much memory a piece of work allocates at its peak, on any device."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes:
    """Adds up storages as they are made, and takes off those that are freed again.

    Attributes:
        now, peak: bytes.
    """

    def __init__(self) -> None:
        self.now = self.peak = 0
        self._known: set[int] = set()

    def count(self, tensor: torch.Tensor) -> None:
        """A tensor that an operation returned; one whose storage is known already adds nothing."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        self.when_freed(storage, self._freed, key, size)

    @staticmethod
    def when_freed(storage: torch.UntypedStorage, call: Callable[..., None], *arguments: Any) -> None:
        """Have something called when no tensor holds the storage any more."""
        weakref.finalize(storage, call, *arguments)

    def _freed(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


class _Allocations(TorchDispatchMode):
    """Counts the storages that operations return."""

    def __init__(self) -> None:
        super().__init__()
        self.live = LiveBytes()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        given = {leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if _is_tensor(leaf)}
        for leaf in tree_leaves(out):
            if _is_tensor(leaf) and leaf.untyped_storage()._cdata not in given:
                self.live.count(leaf)
        return out


def _is_tensor(leaf: object) -> bool:
    return isinstance(leaf, torch.Tensor)


def peak_bytes(work: Callable[[], Any], device: torch.device) -> int:
    """Bytes of tensors beyond those that were there before, at the peak of ``work``."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with _Allocations() as allocations:
        work()
    return allocations.live.peak
