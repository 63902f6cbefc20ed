"""U-Net and adapter compile into one graph, which stays valid whatever the stream shows and turns."""

from __future__ import annotations

import platform

import pytest
import torch
from diffusers import DreamLiteUNetModel
from tiny_checkpoint import tiny_unet
from tiny_lllite import TEXT_WIDTH, pictures, random_adapter, unet_inputs
from torch._dynamo.utils import counters
from torch._inductor import cpp_builder

from livestyle.engine.networks.hooks import hooked

SIDE, CHUNKS = 32, 50


def no_compiler() -> str | None:
    """Why Inductor can't compile for the CPU here, if it can't."""
    if platform.system() == "Windows":
        return "Inductor's C++ backend is not set up on Windows"
    try:
        cpp_builder.get_cpp_compiler()
    except Exception as error:  # Inductor's own class is private and has moved before
        return f"Inductor finds no C++ compiler ({type(error).__name__})"
    return None


def one_level_unet() -> DreamLiteUNetModel:
    """A down, a middle and an up block with every kind of hook: all that a C++ compiler has time for."""
    return DreamLiteUNetModel(
        sample_size=4,
        down_block_types=("DreamLiteCrossAttnDownBlock2D",),
        up_block_types=("DreamLiteCrossAttnUpBlock2D",),
        block_out_channels=(32,),
        layers_per_block=1,
        attention_head_dim=2,
        cross_attention_dim=48,
        encoder_hid_dim=TEXT_WIDTH,
        encoder_hid_dim_type="text_proj_rms",
        addition_embed_type="time",
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=64,
        ff_mult=2,
        use_linear_projection=True,
    )


@torch.no_grad()
def stream_compiled(unet: DreamLiteUNetModel, backend: str) -> None:
    """Everything that may change while a stream runs, and what Dynamo counted."""
    unet.eval().requires_grad_(False)
    stream = random_adapter(unet).for_stream(2, SIDE, SIDE)
    network = hooked(unet, stream.hooks)
    inputs = unet_inputs(unet, 2, SIDE, SIDE)
    torch._dynamo.reset()
    counters.clear()
    compiled = torch.compile(network, backend=backend, dynamic=False)
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
    stream_compiled(tiny_unet("width"), "eager")


@pytest.mark.slow
@pytest.mark.skipif(no_compiler() is not None, reason=str(no_compiler()))
def test_one_graph_with_inductor() -> None:
    torch.manual_seed(0)
    stream_compiled(one_level_unet(), "inductor")
