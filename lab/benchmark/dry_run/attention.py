"""Which back end torch's scaled dot product attention takes on a CUDA device of capability 8.0 or later.

Its own rules (aten/native/transformers/cuda/sdp_utils.cpp), as far as inference without dropout meets them.
"""

from __future__ import annotations

import torch

HALF = (torch.bfloat16, torch.float16)
WIDEST_FLASH = 256


def back_end(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None) -> str:
    """``flash``, ``efficient`` or ``math``: the first one allowed that takes these tensors (B, H, L, d).

    Raises:
        RuntimeError: none of those allowed (``torch.nn.attention.sdpa_kernel``) does.
    """
    allowed, width = torch.backends.cuda, q.shape[-1]
    if allowed.flash_sdp_enabled() and q.ndim == 4 and mask is None:
        if q.dtype in HALF and width == v.shape[-1] and width <= WIDEST_FLASH:
            return "flash"
    aligned = width * q.element_size() % 16 == 0 and v.shape[-1] * q.element_size() % 16 == 0
    if allowed.mem_efficient_sdp_enabled() and q.ndim == 4 and aligned:
        return "efficient"
    if allowed.math_sdp_enabled():
        return "math"
    raise RuntimeError(
        f"no available attention kernel for {tuple(q.shape)} of {q.dtype}, mask: {mask is not None}"
    )
