"""The one door to scaled dot-product attention, where every call says which kernel it is written for.

CUDA has three. Flash takes no mask and is the fastest. Memory-efficient attention takes one. The unfused
form writes out the scores of all pairs: gigabytes a layer at published sizes, so no call expects it. torch
chooses for every call anew, and by its own switches only for the whole process, which lanes share; so a call
states its kernel, and the device suite holds what torch would choose against that.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F

Kernel = Literal["flash", "efficient"]
"""The slowest kernel that a call may get on a CUDA device in half precision."""


def attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    expects: Kernel,
) -> torch.Tensor:
    """softmax(q k^T / sqrt(d) + mask) v.

    Args:
        q, k, v: (..., tokens, d).
        mask: bool or float, broadcastable to (..., query tokens, key tokens).
        expects: the kernel that the call is written for; ``fastest`` where a mask may or may not be.

    Raises:
        ValueError: there is a mask where flash is expected.
    """
    if mask is not None and expects == "flash":
        raise ValueError("a mask keeps this attention from the flash kernel")
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def fastest(mask: torch.Tensor | None) -> Kernel:
    """The fastest kernel that takes this mask."""
    return "flash" if mask is None else "efficient"
