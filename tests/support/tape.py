"""CUDA graphs on a CPU: what was recorded is done again on the same memory, without the network's Python.

A tape holds torch's operators as they reached the dispatcher, with the memory that each read and wrote. What
a graph can't do fails here, too: the host reading a value, and memory that nobody else holds any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

HOST_READS = {"item", "_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "unique_dim"}


def _alias(leaf: Any) -> Any:
    """The same memory, wherever the tensor itself goes."""
    return leaf.detach() if isinstance(leaf, torch.Tensor) else leaf


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


class Tape(TorchDispatchMode):
    """Records while it is on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, list[Any]]] = []
        self._made: set[int] = set()
        self._held: Counter[int] = Counter()  # by storage: how often this tape itself does

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.split("::")[1]
        if name in HOST_READS:
            raise RuntimeError(f"{name} is not permitted when a stream is capturing")
        out = func(*args, **kwargs)
        if name != "detach":
            call = (
                func,
                tree_map(_alias, args),
                tree_map(_alias, kwargs),
                tree_map(_alias, tree_leaves(out)),
            )
            self.calls.append(call)
            self._made |= set(map(_storage, _tensors(call[3]))) - set(map(_storage, _tensors(call[1:3])))
            self._held.update(map(_storage, _tensors(call[1:])))
        return out

    def play(self) -> None:
        """Do it all again."""
        for storage, aliases in self._held.items():  # Python's own storage object is one more
            if storage not in self._made and torch._C._storage_Use_Count(storage) <= aliases + 1:
                raise AssertionError("a graph would read memory that was given back")
        for func, args, kwargs, made in self.calls:
            read = set(map(_storage, _tensors((args, kwargs))))
            if func._schema.is_mutable:
                func(*args, **kwargs)
                continue
            fresh = [
                at
                for at, leaf in enumerate(made)
                if isinstance(leaf, torch.Tensor) and _storage(leaf) not in read
            ]
            if not fresh:  # a view of memory that stays
                continue
            again = tree_leaves(func(*args, **kwargs))
            for at in fresh:
                made[at].copy_(again[at])


class Taping:
    """A recorder that counts: in place of CUDA's.

    Attributes:
        recorded, replayed: how often.
        operators: of each recording.
    """

    def __init__(self) -> None:
        self.recorded, self.replayed = 0, 0
        self.operators: list[int] = []

    def __call__(self, run: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        with Tape() as tape:
            made = run()
        self.recorded += 1
        self.operators.append(len(tape.calls))

        def replay() -> torch.Tensor:
            self.replayed += 1
            tape.play()
            return made

        return replay
