"""A LoRA on the causal video network: its live strength reaches the steps, the text and the references."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_rtr_dit import write_demo

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.conditioning.timeline import StyleTimeline
from livestyle.engine.families import StreamRequest, load_model, make_runner
from livestyle.engine.families.base import Chunk, DenoiseSettings, ModelHandle
from livestyle.engine.families.rtr_dit.model import RTRDiTModel
from livestyle.engine.families.rtr_dit.runner import RTRDiTRunner
from livestyle.engine.media.types import Frames

CLIP = np.random.default_rng(3).integers(0, 255, (13, 32, 48, 3), dtype=np.uint8)
RED = torch.tensor([0.9, 0.1, 0.1]).expand(40, 30, 3)
WIDTH = 128
KEY = "m.lora_strength"
STYLE = ConditioningRecipe("paper", references=(RED,), node_id="p")
CHUNKS = 4


def load(path: Path, **handle: Any) -> RTRDiTModel:
    return load_model(ModelHandle(str(path), **handle), torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo(tmp_path_factory.mktemp("rtr"))


@pytest.fixture(scope="module")
def plain(checkpoint: Path) -> RTRDiTModel:
    return load(checkpoint)


def adapted(checkpoint: Path, folder: Path, *layers: str) -> RTRDiTModel:
    """The checkpoint with a LoRA of rank 4 on these layers of its second block."""
    generator = torch.Generator().manual_seed(4)
    tensors = {}
    for layer in layers:
        name = f"base_model.model.model.blocks.1.{layer}"
        tensors[f"{name}.lora_A.weight"] = torch.randn(4, WIDTH, generator=generator)
        tensors[f"{name}.lora_B.weight"] = torch.randn(WIDTH, 4, generator=generator)
    save_file(tensors, folder / "lora.safetensors")
    return load(checkpoint, lora=str(folder / "lora.safetensors"))


def runner(model: RTRDiTModel, conditioning: Any = STYLE, **settings: Any) -> RTRDiTRunner:
    with torch.no_grad():
        return make_runner(
            model,
            StreamRequest(
                DenoiseSettings(**{"steps": 2, **settings}),
                conditioning,
                node_id="d",
                model_node_id="m",
                width=48,
                height=32,
            ),
        )


def chunk(index: int, live: dict[str, Any]) -> Chunk:
    first, stop = (0, 1) if index == 0 else (4 * index - 3, 4 * index + 1)
    pts = tuple(Fraction(frame, 16) for frame in range(first, stop))
    return Chunk(index, Frames(CLIP[first:stop], first, pts), stop - first, first, live)


def latents(*made: RTRDiTRunner, changes: dict[int, float] | None = None) -> list[np.ndarray]:
    """Each runner's latents. All are encoded before any is denoised, as a session's encode lane runs ahead.

    Args:
        changes: the LoRA's strength from a chunk on; it is read when the chunk steps.
    """
    lives = [{parameter.key: parameter.default for parameter in each.live_parameters} for each in made]
    found: list[list[torch.Tensor]] = [[] for _ in made]
    for index in range(CHUNKS):
        with torch.inference_mode():
            encoded = [each.encode(chunk(index, dict(live))) for each, live in zip(made, lives, strict=True)]
            for each, one, live, row in zip(made, encoded, lives, found, strict=True):
                if changes and index in changes:
                    live[KEY] = changes[index]
                if (denoised := each.denoise(one, live)) is not None:
                    row.append(denoised)
    return [torch.cat(row).numpy() for row in found]


ALL = ("self_attn.q", "self_attn.k", "cross_attn.k", "cross_attn.v")


@pytest.mark.parametrize(
    "layers", [("self_attn.q",), ("self_attn.k",), ("cross_attn.k", "cross_attn.v"), ALL]
)
def test_strength_0_is_the_network_without(
    checkpoint: Path, plain: RTRDiTModel, tmp_path: Path, layers: tuple[str, ...]
) -> None:
    model = adapted(checkpoint, tmp_path, *layers)
    off, on, without = latents(runner(model.with_lora(0.0)), runner(model), runner(plain))
    assert np.allclose(off, without, atol=1e-5)
    assert np.abs(on - without).max() > 1e-4


def test_a_model_with_another_strength_shares_the_weights(checkpoint: Path, tmp_path: Path) -> None:
    model = adapted(checkpoint, tmp_path, *ALL)
    other = model.with_lora(0.25)
    assert other.net is model.net and model.lora_strength == 1.0
    live = {parameter.key: parameter for parameter in runner(other).live_parameters}
    assert live[KEY].default == 0.25 and live[KEY].late


@pytest.mark.parametrize("advanced", [(), (("stream_batch", True),)])
def test_sessions_that_share_a_network_keep_their_own_strength(
    checkpoint: Path, tmp_path: Path, advanced: tuple[tuple[str, Any], ...]
) -> None:
    model = adapted(checkpoint, tmp_path, *ALL)
    strengths = (1.0, 0.0, -0.5)
    alone = [latents(runner(model.with_lora(each), advanced=advanced))[0] for each in strengths]
    together = latents(*(runner(model.with_lora(each), advanced=advanced) for each in strengths))
    assert all(np.array_equal(one, other) for one, other in zip(together, alone, strict=True))
    assert np.abs(alone[0] - alone[1]).max() > 1e-4


@pytest.mark.parametrize("layer", ["cross_attn.v", "self_attn.v"])
@pytest.mark.parametrize("policy", ["refresh_last", "cross_attn_only", "blend"])
def test_a_live_strength_reaches_what_was_encoded_before(
    checkpoint: Path, tmp_path: Path, layer: str, policy: str
) -> None:
    """With the LoRA on the text's keys and values, nothing but encoding it again shows a change."""
    model = adapted(checkpoint, tmp_path, layer)
    timeline = StyleTimeline((STYLE,), policy=policy, blend_frames=4, node_id="s")
    steady, changed = (
        latents(runner(model, timeline))[0],
        latents(runner(model, timeline), changes={2: 0.0})[0],
    )
    assert np.array_equal(changed[:2], steady[:2])
    assert np.abs(changed[2] - steady[2]).max() > 1e-4


def test_a_text_is_encoded_again_only_for_another_strength(checkpoint: Path, tmp_path: Path) -> None:
    made = runner(adapted(checkpoint, tmp_path, *ALL))
    encoded: list[float] = []
    encode = made.model.net.cross_attention_kv

    def counted(text: torch.Tensor) -> Any:
        encoded.append(made.model.lora.strength)
        return encode(text)

    made.model.net.cross_attention_kv = counted
    latents(made, changes={2: 0.5})
    assert encoded == [1.0, 0.5]
