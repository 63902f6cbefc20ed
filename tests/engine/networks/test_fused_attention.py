"""Every attention of ours goes through one door and says which kernel it is written for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from livestyle.engine import networks
from livestyle.engine.networks.fused_attention import attention, fastest

ENGINE = Path(networks.__file__).parents[1]


def test_it_is_torchs_own() -> None:
    q, k, v = torch.randn(3, 2, 4, 6, 8)
    mask = torch.randn(6, 6)
    assert torch.equal(attention(q, k, v, expects="flash"), F.scaled_dot_product_attention(q, k, v))
    masked = attention(q, k, v, mask, expects="efficient")
    assert torch.equal(masked, F.scaled_dot_product_attention(q, k, v, attn_mask=mask))


def test_flash_takes_no_mask() -> None:
    x = torch.randn(1, 2, 4, 8)
    with pytest.raises(ValueError, match="flash"):
        attention(x, x, x, torch.ones(4, 4, dtype=torch.bool), expects="flash")
    assert fastest(None) == "flash"
    assert fastest(torch.ones(4, 4)) == "efficient"


def test_there_is_no_other_door() -> None:
    others = [
        path.name
        for path in ENGINE.rglob("*.py")
        if "scaled_dot_product_attention(" in path.read_text("utf-8")
    ]
    assert others == ["fused_attention.py"]
