"""Muon that takes convolution kernels as well as matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import nn


class KernelMuon(torch.optim.Muon):
    """Muon for matrices and convolution kernels; a kernel counts as one matrix (out, in * h * w).

    ``torch.optim.Muon`` takes matrices only, so each kernel is stepped through a matrix that shares
    its memory. Kernels become channels_last, in which that matrix is a view.

    Args:
        kernels: parameters of two or four dimensions.
        options: of ``torch.optim.Muon``.
    """

    def __init__(self, kernels: Iterable[nn.Parameter], **options: object) -> None:
        self.kernels = list(kernels)
        for kernel in self.kernels:
            if kernel.ndim == 4:
                kernel.data = kernel.data.contiguous(memory_format=torch.channels_last)
        self.matrices = [nn.Parameter(_matrix(kernel.data)) for kernel in self.kernels]
        super().__init__(self.matrices, **options)

    def zero_grad(self, set_to_none: bool = True) -> None:
        super().zero_grad(set_to_none)
        for kernel in self.kernels:
            kernel.grad = None

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        for kernel, matrix in zip(self.kernels, self.matrices, strict=True):
            matrix.grad = None if kernel.grad is None else _matrix(kernel.grad)
        return super().step(closure)


def _matrix(kernel: torch.Tensor) -> torch.Tensor:
    return kernel.permute(0, 2, 3, 1).flatten(1) if kernel.ndim == 4 else kernel


def slots(optimisers: list[torch.optim.Optimizer]) -> Iterator[tuple[nn.Parameter, dict]]:
    """Each model parameter with the optimiser's state for it, which may still be empty."""
    for optimiser in optimisers:
        stepped = [p for group in optimiser.param_groups for p in group["params"]]
        owners = optimiser.kernels if isinstance(optimiser, KernelMuon) else stepped
        yield from ((owner, optimiser.state[p]) for owner, p in zip(owners, stepped, strict=True))
