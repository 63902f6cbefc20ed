"""U-Net and adapter compile into one graph, which stays valid whatever the stream shows and turns."""

from __future__ import annotations

import pytest
import torch
from diffusers import DreamLiteUNetModel
from tiny_checkpoint import tiny_unet
from tiny_lllite import pictures, random_adapter, unet_inputs
from torch._dynamo.utils import counters

from livestyle.engine.networks.hooks import hooked

SIDE, CHUNKS = 32, 50


@torch.no_grad()
def stream_compiled(unet: DreamLiteUNetModel) -> None:
    """Everything that may change while a stream runs, and what Dynamo counted."""
    unet.eval().requires_grad_(False)
    stream = random_adapter(unet).for_stream(2, SIDE, SIDE)
    network = hooked(unet, stream.hooks)
    inputs = unet_inputs(unet, 2, SIDE, SIDE)
    torch._dynamo.reset()
    counters.clear()
    compiled = torch.compile(network, backend="eager", dynamic=False)
    compiled(**inputs)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for chunk in range(CHUNKS):
            stream.refresh(pictures(1 + chunk % 2, SIDE, SIDE, seed=chunk))
            stream.set_multiplier(chunk / CHUNKS, "down_blocks" if chunk % 3 else "")
            inputs["encoder_hidden_states"] = torch.randn_like(inputs["encoder_hidden_states"])
            found = compiled(**inputs).sample
    assert counters["stats"]["unique_graphs"] == 1
    assert not counters["graph_break"]
    assert counters["frames"]["total"] == counters["frames"]["ok"] == 1
    torch.testing.assert_close(found, network(**inputs).sample, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_one_graph_for_all_block_types() -> None:
    torch.manual_seed(0)
    stream_compiled(tiny_unet("width"))
