from __future__ import annotations

import pytest
import torch
from transformers import Qwen3VLTextConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextAttention, Qwen3VLTextModel

from livestyle.engine.conditioning.fused_layers import FusedAttention, fuse


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_is_transformers_own_to_the_bit(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    config = Qwen3VLTextConfig(
        vocab_size=8,
        hidden_size=48,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=12,
        rope_scaling={"rope_type": "default", "mrope_section": [2, 2, 2], "mrope_interleaved": True},
    )
    config._attn_implementation = "sdpa"
    model = Qwen3VLTextModel(config).to(dtype).eval()
    attention, x = model.layers[0].self_attn, torch.randn(2, 7, 48, dtype=dtype)
    positions = torch.randint(0, 30, (3, 2, 7))
    mask = torch.zeros(2, 1, 7, 7, dtype=dtype).masked_fill(torch.ones(7, 7).triu(1) > 0, -torch.inf)
    with torch.no_grad():
        wanted, _ = Qwen3VLTextAttention.forward(attention, x, model.rotary_emb(x, positions), mask)
        fuse(model)
        assert type(attention) is FusedAttention
        found, _ = attention(x, model.rotary_emb(x, positions), mask)
    assert torch.equal(found, wanted)
