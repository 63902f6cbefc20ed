"""Back ends that compute what ``dsa.attend_dense`` does and skip the blocks that are not selected.

Shapes as in ``dsa``: q, k, v are (B, H, n, l, d), n blocks of l tokens. Rows of padding are meaningless.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import torch
from einops import rearrange
from torch.nn.attention.flex_attention import BlockMask, flex_attention

from ...errors import one_line
from ...log import log
from ..fused_attention import attention, fastest
from ..windows import WindowLayout
from .dsa import Blocks, Selection, attend_dense, flat_blocks

Backend = Literal["dense", "gather", "flex"]

GATHERED = 2**25
"""Elements of keys that ``attend_gather`` copies at a time."""

UNFUSED = {"cpu"}
"""Kinds of device on which FlexAttention may write its scores out: as a reference, for few tokens."""

_without_kernel: set[tuple[str, int, int, torch.dtype]] = set()
"""Kinds of device, tokens of a block, channels of a head and dtypes for which there was no fused kernel."""


def attend_gather(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, selection: Selection, blocks: Blocks
) -> torch.Tensor:
    """Copy the selected keys and values of each query block together; runs wherever SDPA does."""
    heads, count, length, width = q.shape[1:]
    widest = int(selection.counts.max())
    order, counts = selection.order[..., :widest], selection.counts
    even = blocks.real is None and int(counts.min()) == widest
    at_once = max(1, GATHERED // (heads * widest * length * width))
    parts = []
    for row in range(len(q)):
        for rows in range(0, count, at_once):
            some = slice(rows, rows + at_once)
            chosen = order[row, :, some]
            mask = None if even else _gathered_mask(chosen, counts[row, :, some], blocks)
            keys, values = (_gather(part[row], chosen) for part in (k, v))
            parts.append(attention(q[row, :, some], keys, values, mask, expects=fastest(mask)))
    return rearrange(torch.cat(parts, 1), "h (b n) l d -> b h n l d", n=count)


def _gather(blocks: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """(H, n, l, d) by (H, m, w) to (H, m, w * l, d)."""
    head = torch.arange(len(blocks), device=blocks.device)[:, None, None]
    return rearrange(blocks[head, chosen], "h m w l d -> h m (w l) d")


def _gathered_mask(chosen: torch.Tensor, counts: torch.Tensor, blocks: Blocks) -> torch.Tensor:
    """bool (H, m, 1, w * l): selected keys that are no padding."""
    selected = torch.arange(chosen.shape[-1], device=chosen.device) < counts[..., None]
    length = blocks.layout.length
    mask = selected[..., None].expand(*chosen.shape, length)
    if blocks.real is not None:
        mask = mask & blocks.real[chosen]
    return rearrange(mask, "h m w l -> h m 1 (w l)")


def attend_flex(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, selection: Selection, blocks: Blocks
) -> torch.Tensor:
    """FlexAttention, which skips blocks inside one fused kernel; compiled on first use.

    Indices are data, so another selection needs no other kernel. Without one the selected blocks are
    gathered, which the log says once: unfused it would keep the scores of all tokens, 17 GB a layer at 512p.
    """
    if q.device.type in UNFUSED:
        return _flex(flex_attention, q, k, v, selection, blocks)
    kernel = (q.device.type, q.shape[-2], q.shape[-1], q.dtype)
    if kernel not in _without_kernel:
        try:
            return _flex(compiled_flex(), q, k, v, selection, blocks)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # compilers, Triton and their absence raise many kinds
            _without_kernel.add(kernel)
            reason = one_line(error, 120) or type(error).__name__
            log.warning(
                "FlexAttention has no kernel here (%s): selected blocks are gathered instead.", reason
            )
    return attend_gather(q, k, v, selection, blocks)


def _flex(
    attend: Callable[..., Any],
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    selection: Selection,
    blocks: Blocks,
) -> torch.Tensor:
    q, k, v = (flat_blocks(part) for part in (q, k, v))
    flat = attend(q, k, v, block_mask=block_mask(selection, blocks))
    assert isinstance(flat, torch.Tensor)  # it is a tuple with return_aux only
    return rearrange(flat, "b h (n l) d -> b h n l d", n=blocks.count)


def block_mask(selection: Selection, blocks: Blocks) -> BlockMask:
    """A selection in FlexAttention's terms; all of a block is seen unless some of it is padding."""
    length, mask = blocks.layout.length, selection.as_mask()
    tokens = mask.shape[-1] * length
    real = None if blocks.real is None else blocks.real.flatten()

    def seen(batch, head, query, key):
        chosen = mask[batch, head, query // length, key // length]
        return chosen if real is None else chosen & real[key]

    order, counts = selection.order.int(), selection.counts.int()
    none = torch.zeros_like(counts)
    partial = counts if real is not None else none
    whole = none if real is not None else counts
    return BlockMask.from_kv_blocks(
        partial,
        order,
        whole,
        order,
        BLOCK_SIZE=length,
        mask_mod=seen,
        seq_lengths=(tokens, tokens),
    )


@cache
def compiled_flex():
    """FlexAttention as one kernel: a graph for the first number of tokens, and one for all that follow.

    As a whole graph it fails where it would otherwise go on unfused.
    """
    return torch.compile(flex_attention, dynamic=None, fullgraph=True)


@cache
def flex_works(device: str, heads: int, length: int, width: int, dtype: torch.dtype) -> bool:
    """Whether ``attend_flex`` is fused on a kind of device, found out by trying; only CUDA gains from it.

    Args:
        heads: as many as will be attended with, so that only the number of tokens differs.
        length, width, dtype: tokens of a block and channels of a head, which decide the kernel: not every
            block length has one.
    """
    if device != "cuda":
        return False
    x = torch.zeros(1, heads, 2, length, width, device=device, dtype=dtype)
    attend_flex(x, x, x, *_two_blocks(heads, length, x.device))
    return (x.device.type, length, width, dtype) not in _without_kernel


def _two_blocks(heads: int, length: int, device: torch.device) -> tuple[Selection, Blocks]:
    """Two blocks, each of which attends to itself."""
    places = torch.arange(2 * length, device=device)
    kept = torch.eye(2, dtype=torch.bool, device=device)
    order = torch.tensor([[[[0, 1], [1, 0]]]], device=device).repeat(1, heads, 1, 1)
    counts = torch.ones(1, heads, 2, dtype=torch.long, device=device)
    return Selection(order, counts), Blocks(WindowLayout(places, places, 2, None), None, kept)


ATTEND = {"dense": attend_dense, "gather": attend_gather, "flex": attend_flex}
