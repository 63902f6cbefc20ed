"""How a noise level enters a transformer: adaptive layer norm, "adaLN" (DiT, arXiv 2212.09748, section 3.2).

A sinusoid encodes the level, an MLP makes vectors of it, and they shift, scale and gate the tokens of
each block. Every frame has a level of its own, so there is one vector for all tokens of a frame.
"""

from __future__ import annotations

import math

import torch


def modulate(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """``x * (1 + scale) + shift``: tokens (B, F, S, d) by vectors (B, F, d)."""
    return x * (1 + scale.unsqueeze(2)) + shift.unsqueeze(2)


def gate(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """``x * by``: tokens (B, F, S, d) by vectors (B, F, d)."""
    return x * by.unsqueeze(2)


def sinusoid(values: torch.Tensor, length: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Encode numbers as cosines, then sines, of falling frequencies (arXiv 1706.03762, section 3.5).

    Args:
        values: of any shape, such as timesteps 0..1000.
        length: of the encoding, even.
        dtype: in which the angles are computed.

    Returns:
        float32 (*shape, length).
    """
    # Apple's GPUs have no float64; on others a copy to the CPU would wait for all work before it
    on_cpu = values.device.type == "mps" and dtype == torch.float64
    exact = (values.cpu() if on_cpu else values).to(dtype)
    half = torch.arange(length // 2, dtype=dtype, device=exact.device)
    frequencies = torch.exp(-math.log(10000.0) / (length // 2) * half)
    angles = exact.unsqueeze(-1) * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1).float().to(values.device)
