"""The encoder against transformers' own processor and hidden states."""

from __future__ import annotations

from inspect import signature

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_checkpoint import WORDS
from torch.utils._python_dispatch import TorchDispatchMode

from livestyle.engine.conditioning.mllm import MLLMEncoder
from livestyle.engine.conditioning.template import EDIT
from livestyle.engine.conditioning.vision import PictureTower
from livestyle.engine.errors import SettingError
from livestyle.lab.mllm_edit.training.text import build_encoder, build_tokenizer
from livestyle.lab.training.processor import image_processor


@pytest.fixture(scope="module")
def encoder() -> MLLMEncoder:
    torch.manual_seed(0)
    tokenizer = build_tokenizer(WORDS, torch.linspace(1.0, 0.0, len(WORDS)), 700)
    return build_encoder(tokenizer).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def frames() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8))


def test_patches_equal_the_published_processor(encoder: MLLMEncoder, frames: torch.Tensor) -> None:
    processor = image_processor(encoder)
    wanted = processor([Image.fromarray(frame.numpy()) for frame in frames], return_tensors="pt")
    assert wanted["image_grid_thw"].tolist() == [[1, 4, 4], [1, 4, 4]]
    assert torch.allclose(encoder.patches_of(frames), wanted["pixel_values"], atol=1e-5)


def test_states_are_raw_and_start_at_the_vision_token(encoder: MLLMEncoder, frames: torch.Tensor) -> None:
    ids, drop = encoder.token_ids("paper sketch")
    names = encoder.tokenizer.convert_ids_to_tokens(ids[drop : drop + 6])
    assert names == ["<|vision_start|>", *["<|image_pad|>"] * 4, "<|vision_end|>"]
    kept = encoder.encode("paper sketch", frames)
    assert kept.states.shape == (2, 96, 96)
    assert kept.mask.sum(1).tolist() == [len(ids) - drop] * 2
    assert not kept.states[0, int(kept.mask[0].sum()) :].any()
    normed = encoder.model.language_model.norm(kept.states)
    assert not torch.allclose(normed[:, :8], kept.states[:, :8], atol=1e-2)


def test_raw_states_normed_are_the_models_own_output(encoder: MLLMEncoder, frames: torch.Tensor) -> None:
    """transformers' own model ends with the final norm of what the hook keeps."""
    ids, drop = encoder.token_ids("dark water")
    side = encoder.image_side // encoder.patch
    positions = torch.cat([torch.arange(len(ids))[None], encoder.positions_of(ids, len(ids))])
    public = encoder.model(
        input_ids=torch.tensor([ids, ids]),
        pixel_values=encoder.patches_of(frames),
        image_grid_thw=torch.tensor([[1, side, side]] * 2),
        position_ids=positions[:, None].expand(-1, 2, -1),
    ).last_hidden_state
    kept = encoder.encode("dark water", frames).states[:, : len(ids) - drop]
    assert torch.allclose(encoder.model.language_model.norm(kept), public[:, drop:], atol=1e-5)


@pytest.mark.parametrize("inference", [False, True])
def test_the_tower_gives_its_own_numbers_in_one_batch(
    encoder: MLLMEncoder, frames: torch.Tensor, inference: bool
) -> None:
    side = encoder.image_side // encoder.patch
    patches = encoder.patches_of(frames)
    with torch.inference_mode(inference):
        own = encoder.model.visual(patches, grid_thw=torch.tensor([[1, side, side]] * len(frames)))
        for _ in range(2):
            merged, deeper = PictureTower(encoder.model.visual, side)(patches)
    wanted = own if isinstance(own, tuple) else (own.pooler_output, own.deepstack_features)  # by version
    assert torch.equal(merged.flatten(0, 1), wanted[0])
    assert len(deeper) == len(wanted[1]) > 0
    assert all(torch.equal(a.flatten(0, 1), b) for a, b in zip(deeper, wanted[1], strict=True))


class Operations(TorchDispatchMode):
    """The names of operations, and which of them would have the host wait for a device."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.waits: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name.removeprefix("aten::")
        self.names.append(name)
        chosen = args[1] if name.startswith("index") else ()
        masked = any(isinstance(part, torch.Tensor) and part.dtype == torch.bool for part in chosen)
        if masked or name in ("_local_scalar_dense", "nonzero", "repeat_interleave", "equal"):
            self.waits.append(name)
        return func(*args, **(kwargs or {}))


def test_a_chunk_is_one_batch_without_waits(encoder: MLLMEncoder, frames: torch.Tensor) -> None:
    """What a prompt and a size decide is made once: later chunks attend once a layer and wait for nothing."""
    with torch.inference_mode():
        encoder.encode("paper", frames)
        with Operations() as seen:
            encoder.encode("paper", frames)
    layers = len(encoder.model.visual.blocks) + len(encoder.model.language_model.layers)
    assert sum("scaled_dot_product" in name for name in seen.names) == layers
    assert not seen.waits


def test_right_padding_does_not_reach_kept_states(encoder: MLLMEncoder, frames: torch.Tensor) -> None:
    prompts = ["light", "a much longer request for stone and glass and paper"]
    rows = [encoder.token_ids(prompt) for prompt in prompts]
    together = encoder.encode_ids([ids for ids, _ in rows], [drop for _, drop in rows], frames)
    for index, prompt in enumerate(prompts):
        alone = encoder.encode(prompt, frames[index : index + 1])
        assert torch.allclose(together.states[index], alone.states[0], atol=1e-4)


def test_generation_drops_the_system_turn(encoder: MLLMEncoder) -> None:
    ids, drop = encoder.token_ids("a stone", with_image=False)
    assert encoder.tokenizer.decode(ids[drop:]).startswith("[generate]: a stone")
    assert encoder.encode("a stone", None).states.shape == (1, 96, 96)


def test_long_prompt_is_one_clear_line(encoder: MLLMEncoder) -> None:
    with pytest.raises(SettingError, match=r"^prompt is \d+ tokens too long.*take out about \d+ words\.$"):
        encoder.token_ids("paint " * 200)


def test_template_is_the_published_one() -> None:
    text = EDIT.text("snow")
    assert text.startswith("<|im_start|>system\nDescribe the key features of the input image (color, shape,")
    assert text.endswith("the left one has snow<|im_end|>\n<|im_start|>assistant\n")


def test_the_kept_system_turn_changes_nothing(encoder: MLLMEncoder, frames: torch.Tensor) -> None:
    """Outside inference mode nothing is kept, so this compares with a plain pass of the whole model."""
    prompts = ["light", "dark water and stone"]
    for prompt in prompts:
        with torch.no_grad():
            plain = encoder.encode(prompt, frames)
        with torch.inference_mode():
            again = [encoder.encode(prompt, frames), encoder.encode(prompt, frames[:1])]
        assert torch.equal(again[0].mask, plain.mask)
        assert torch.allclose(again[0].states, plain.states, atol=1e-5)
        assert torch.allclose(again[1].states, plain.states[:1], atol=1e-5)
    with torch.inference_mode():
        generated = encoder.encode("a stone", None)
    with torch.no_grad():
        assert torch.allclose(generated.states, encoder.encode("a stone", None).states, atol=1e-5)


def test_the_system_turn_runs_once(encoder: MLLMEncoder, frames: torch.Tensor) -> None:
    lengths: list[int] = []
    layer = encoder.model.language_model.layers[-1]
    handle = layer.register_forward_hook(lambda _m, _i, out: lengths.append(out.shape[1]))
    with torch.inference_mode():
        encoder.encode("paper", frames)
        lengths.clear()
        for prompt in ("paper", "glass"):
            encoder.encode(prompt, frames)
    handle.remove()
    assert lengths == [len(ids) - drop for ids, drop in map(encoder.token_ids, ("paper", "glass"))]


def test_changed_weights_forget_the_system_turn(frames: torch.Tensor) -> None:
    torch.manual_seed(1)
    tokenizer = build_tokenizer(WORDS, torch.linspace(1.0, 0.0, len(WORDS)), 700)
    encoder = build_encoder(tokenizer).eval().requires_grad_(False)
    with torch.inference_mode():
        encoder.encode("paper", frames)
    with torch.no_grad():
        encoder.model.language_model.embed_tokens.weight.mul_(1.5)
        plain = encoder.encode("paper", frames)
    with torch.inference_mode():
        assert torch.allclose(encoder.encode("paper", frames).states, plain.states, atol=1e-5)


def test_positions_are_the_models_own(encoder: MLLMEncoder) -> None:
    ids, _ = encoder.token_ids("paper sketch")
    tokens = torch.tensor([ids])
    side = encoder.image_side // encoder.patch
    kinds = {"mm_token_type_ids": (tokens == encoder.image_token).int()}
    index = encoder.model.get_rope_index
    wanted, _ = index(
        tokens,
        image_grid_thw=torch.tensor([[1, side, side]]),
        # transformers before 5 finds them itself
        **{name: value for name, value in kinds.items() if name in signature(index).parameters},
    )
    assert torch.equal(encoder.positions_of(ids, len(ids)), wanted[:, 0])
