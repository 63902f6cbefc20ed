"""What Apple's GPUs lack is not asked of them; stand-ins for their tensors have shapes and no values."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from livestyle.engine.networks.adaln import sinusoid


class NoDoubles(TorchDispatchMode):
    """Refuses float64 on an Apple GPU, as torch does there."""

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor) and tensor.device.type == "mps":
                assert tensor.dtype != torch.float64, operation
        return made


def test_the_stand_in_refuses_doubles() -> None:
    with FakeTensorMode(), NoDoubles(), pytest.raises(AssertionError):
        torch.empty(2, device="mps").double()


def test_timesteps_are_encoded_without_doubles_on_the_gpu() -> None:
    with FakeTensorMode(), NoDoubles():
        encoded = sinusoid(torch.empty(2, 3, device="mps"), 8, torch.float64)
    assert (encoded.shape, encoded.dtype, encoded.device.type) == ((2, 3, 8), torch.float32, "mps")
