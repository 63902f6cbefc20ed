"""A whole stream on a compiled network: one graph, whatever is shown, turned or asked."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DreamLiteUNetModel
from sample_pictures import picture
from tiny_lllite import TEXT_WIDTH, random_adapter
from torch._dynamo.utils import counters
from torch._inductor import cpp_builder

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.errors import SettingError
from livestyle.engine.families import StreamRequest, compiling, make_runner
from livestyle.engine.families.base import DenoiseSettings, TemporalAdapter
from livestyle.engine.families.mllm_edit.denoiser import Denoiser
from livestyle.engine.families.mllm_edit.model import MLLMEditModel
from livestyle.engine.motion.refresh import RefreshPolicy
from livestyle.engine.networks.lllite_file import save_lllite
from livestyle.lab.benchmark.inline import play

SIDE, CHUNK, CHUNKS = 32, 2, 50


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
        in_channels=8,
        out_channels=4,
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


@pytest.mark.slow
@pytest.mark.skipif(no_compiler() is not None, reason=str(no_compiler()))
def test_fifty_chunks_on_one_graph(tiny_model: MLLMEditModel, tmp_path: Path) -> None:
    torch.manual_seed(0)
    unet = one_level_unet().eval().requires_grad_(False)
    path = tmp_path / "lllite.safetensors"
    save_lllite(path, random_adapter(unet), {})
    lites = (
        TemporalAdapter(str(path), hooks="down", node_id="a", refresh=RefreshPolicy(every=3)),
        TemporalAdapter(str(path), hooks="up", node_id="b", refresh=RefreshPolicy(every=0, motion=5.0)),
    )
    model = replace(tiny_model, denoiser=Denoiser(unet, tiny_model.profile)).patched(lites)
    frames = np.stack([np.roll(picture(SIDE), 2 * i, axis=1) for i in range(CHUNK * CHUNKS)])
    changes = {
        index: {
            "a.multiplier": index / CHUNKS,
            "text.prompt": f"paper {'dark ' * (index % 3)}",
            "d.seed": index,
        }
        for index in range(0, CHUNKS, 4)
    }

    def stream(compiled: bool) -> tuple[np.ndarray, int]:
        runner = make_runner(
            model,
            StreamRequest(
                DenoiseSettings(chunk=CHUNK, compile=compiled, steps=2),
                ConditioningRecipe("paper", te_refresh_every=0, te_batch_one=True, node_id="text"),
                node_id="d",
                model_node_id="m",
                width=SIDE,
                height=SIDE,
            ),
        )
        torch._dynamo.reset()
        counters.clear()
        with torch._dynamo.config.patch(error_on_recompile=True):
            done = np.concatenate(list(play(runner, frames, changes=changes)))
        return done, len(runner.state.refreshes)

    found, refreshes = stream(compiled=True)
    assert refreshes > CHUNKS / 3
    assert counters["stats"]["unique_graphs"] == 1
    assert not counters["graph_break"]
    assert counters["aot_autograd"]["total"] == counters["aot_autograd"]["ok"] == 1
    assert counters["inductor"]
    expected, _ = stream(compiled=False)
    assert not counters["stats"]
    assert np.abs(found.astype(int) - expected).max() <= 2


def test_without_a_compiler_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("no compiler\nfound")

    compiling.obstacle.cache_clear()
    monkeypatch.setattr(torch, "compile", fail)
    with pytest.raises(SettingError, match=r"^compile can't work .*\(no compiler found\): switch it off"):
        compiling.set_compiled([torch.nn.Linear(2, 2)], True)
    compiling.obstacle.cache_clear()
