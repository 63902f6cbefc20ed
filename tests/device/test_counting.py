"""The pretended device itself: what is counted as what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from livestyle.lab.benchmark.dry_run.ledger import Attention, Launch
from livestyle.lab.benchmark.dry_run.pretended import PretendedCuda, pretend_cuda
from livestyle.lab.benchmark.dry_run.roofline import CARDS, Card, card

HALF = torch.bfloat16


@pytest.fixture
def device() -> Iterator[PretendedCuda]:
    with pretend_cuda() as device:
        yield device


def on_card(*shape: int, dtype: torch.dtype = HALF) -> torch.Tensor:
    return torch.empty(*shape, dtype=dtype, device="cuda")


def test_a_product_is_one_kernel(device: PretendedCuda) -> None:
    on_card(32, 64) @ on_card(64, 16)
    (launch,) = device.ledger.launches
    assert launch.flops == 2 * 32 * 64 * 16 and launch.half
    assert launch.bytes == 2 * (32 * 64 + 64 * 16 + 32 * 16)


def test_a_norm_of_one_dtype_is_one_kernel(device: PretendedCuda) -> None:
    F.rms_norm(on_card(4, 64), (64,), on_card(64))
    assert [launch.name for launch in device.ledger.launches] == ["_fused_rms_norm"]


def test_views_are_no_kernels(device: PretendedCuda) -> None:
    on_card(4, 6).reshape(24)[3:9].unsqueeze(0).expand(5, -1).transpose(0, 1)
    assert not device.ledger.launches
    on_card(4, 6).t().contiguous()
    assert len(device.ledger.launches) == 1


def test_devices_do_not_mix(device: PretendedCuda) -> None:
    with pytest.raises(RuntimeError, match="device"):
        on_card(4) + torch.ones(4, dtype=HALF)
    assert (on_card(4) + torch.tensor(1.0)).shape == (4,)  # a single number goes along, as on a card


def test_reading_a_value_waits_for_it(device: PretendedCuda) -> None:
    lengths = torch.tensor([3, 1, 2], device="cuda")
    device.ledger.syncs.clear()
    assert (lengths * 2).max().item() == 6
    assert lengths.tolist() == [3, 1, 2]
    assert torch.repeat_interleave(on_card(3, 5), lengths, dim=0).shape == (6, 5)
    assert on_card(3, 5)[lengths > 1].shape == (2, 5)
    assert sum(device.ledger.syncs.values()) == 4


def test_only_pinned_uploads_leave_the_host_free(device: PretendedCuda) -> None:
    pageable = torch.ones(8)
    pinned = torch.empty(8, pin_memory=True)
    assert pinned.is_pinned() and pageable.pin_memory().is_pinned() and not pageable.is_pinned()
    pageable.to("cuda", non_blocking=True)
    pinned.to("cuda")
    assert sum(device.ledger.syncs.values()) == 2
    pinned[2:].to("cuda", non_blocking=True)
    on_card(8, dtype=torch.float32).copy_(pinned, non_blocking=True)
    assert sum(device.ledger.syncs.values()) == 2
    assert [copied.bytes for copied in device.ledger.uploads] == [32, 32, 24, 32]


def test_downloads(device: PretendedCuda) -> None:
    made = on_card(8, dtype=torch.float32)
    assert made.cpu().device.type == "cpu"
    torch.empty(8, pin_memory=True).copy_(made, non_blocking=True)
    assert [copied.holds_up for copied in device.ledger.downloads] == [True, False]


@torch.inference_mode()  # else torch takes it apart before it is seen
def test_the_back_end_of_attention(device: PretendedCuda) -> None:
    q = on_card(1, 2, 16, 64)
    mask = torch.ones(16, 16, dtype=torch.bool, device="cuda")
    wide = on_card(1, 2, 16, 300)  # more than flash takes, and not a multiple of 16 bytes
    for heads, seen in ((q, None), (q, mask), (q.float(), None), (wide, None)):
        F.scaled_dot_product_attention(heads, heads, heads, attn_mask=seen)
    assert [kind.chosen for kind in device.ledger.attention.elements()] == [
        "flash",
        "efficient",
        "efficient",
        "math",
    ]
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION), pytest.raises(RuntimeError, match="no available"):
        F.scaled_dot_product_attention(q, q, q, attn_mask=mask)


def test_what_a_call_of_attention_states() -> None:
    assert Attention("flash", "efficient", "").as_expected
    assert not Attention("efficient", "flash", "").as_expected
    assert Attention("efficient", None, "").as_expected
    assert not Attention("math", None, "").as_expected


def test_memory_is_given_back(device: PretendedCuda) -> None:
    kept = on_card(1024)
    on_card(4096)
    assert device.memory.now == kept.nbytes
    assert device.memory.peak == kept.nbytes + 2 * 4096


def test_modules_move_and_stay_tied(device: PretendedCuda) -> None:
    pair = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    pair[1].weight = pair[0].weight
    pair.to("cuda", HALF)
    assert pair[0].weight is pair[1].weight and pair[0].weight.device.type == "cuda"
    assert len(device.ledger.uploads) == 3
    pair.to("cpu")
    assert pair(torch.zeros(1, 4, dtype=HALF)).shape == (1, 4)


def test_cards() -> None:
    assert card("h200") is CARDS["h200"]
    assert card("330e12,1e12") == Card(330e12, 1e12, 33e12)
    with pytest.raises(ValueError, match="4090"):
        card("2080")


def test_a_roofline_is_the_slower_of_products_and_bytes() -> None:
    slow = Card(flops=1e12, bytes=1e12, full=1e11)
    product = Launch("mm", 2 * 10**12, 10**9, True, "", 0)
    copy = Launch("copy_", 0, 3 * 10**12, True, "", 0)
    assert slow.seconds([product, copy], fused=True) == 2.0
    assert slow.seconds([product, copy], fused=False) == 5.0
