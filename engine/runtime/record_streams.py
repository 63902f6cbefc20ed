"""Tensors that one lane made and another keeps.

CUDA's allocator gives a freed block back to the stream that it was made on, whoever used it last. A
source that stays in a buffer is freed by the denoise lane while its kernels still read it; the encode
lane would then write the next chunk over it, and nothing would report that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch

from ..cache.staged_references import StagedReferenceKV


def record_streams(value: Any) -> None:
    """Tell the allocator that this thread's stream will use every CUDA tensor in ``value``."""
    for tensor in tensors_in(value):
        if tensor.is_cuda:
            tensor.record_stream(torch.cuda.current_stream(tensor.device))


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """All tensors in nested dataclasses, mappings, tuples and lists; other objects are not looked into."""
    if isinstance(value, torch.Tensor):
        yield value
        return
    for part in _parts(value):
        yield from tensors_in(part)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, StagedReferenceKV):  # holds a view that refers back to it
        yield from value.pairs
    elif is_dataclass(value) and not isinstance(value, type):
        yield from (getattr(value, field.name) for field in fields(value))
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, tuple | list):
        yield from value
