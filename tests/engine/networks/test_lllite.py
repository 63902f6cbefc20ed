"""The adapter is the published one, exactly, in either layout; the U-Net it came from stays as it was."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from diffusers import DreamLiteUNetModel
from tiny_checkpoint import tiny_unet
from tiny_lllite import pictures, random_adapter, unet_inputs

from livestyle.engine.errors import SettingError
from livestyle.engine.networks.hooks import hook_sites, hooked
from livestyle.engine.networks.lllite import LLLiteHook, TemporalLLLite, condition_terms, conv_kernels

HEIGHT, WIDTH = 32, 64
PUBLISHED = {
    "block_out_channels": (256, 512, 896),
    "attention_head_dim": (4, 8, 14),
    "transformer_layers_per_block": (1, 2, 4),
    "cross_attention_dim": 2304,
    "encoder_hid_dim": 2048,
    "encoder_hid_dim_type": "text_proj_rms",
    "addition_embed_type": "time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 512,
    "ff_mult": 3,
    "use_linear_projection": True,
}


@pytest.fixture(scope="module", params=["width", "channel"])
def layout(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def unet(layout: str) -> DreamLiteUNetModel:
    torch.manual_seed(0)
    return tiny_unet(layout).eval().requires_grad_(False)


def published(hook: LLLiteHook, x: torch.Tensor, images: torch.Tensor, multiplier: float) -> torch.Tensor:
    """The change to a Linear's input as the published forward computes it, hook by hook."""
    embedding = hook.conditioning1(images)
    rows, width = embedding.shape[2:]
    embedding = F.pad(embedding, (0, x.shape[1] // rows - width)).flatten(2).transpose(1, 2)
    return multiplier * hook.up(hook.mid(torch.cat([embedding, hook.down(x)], dim=2)))


@torch.no_grad()
def reference(
    unet: DreamLiteUNetModel, adapter: TemporalLLLite, images: torch.Tensor, inputs: dict, multiplier: float
) -> torch.Tensor:
    """The U-Net with the published forward hooked in, and taken out again."""
    handles = [
        unet.get_submodule(name).register_forward_pre_hook(
            lambda _, args, hook=hook: (args[0] + published(hook, args[0], images, multiplier),)
        )
        for name, hook in adapter.hooks.items()
    ]
    try:
        return unet(**inputs).sample
    finally:
        for handle in handles:
            handle.remove()


@pytest.mark.parametrize("batch", [1, 3])
@torch.no_grad()
def test_equals_the_published_forward_up_to_the_largest_batch(
    unet: DreamLiteUNetModel, layout: str, batch: int
) -> None:
    adapter, images = random_adapter(unet), pictures(batch, HEIGHT, WIDTH)
    stream = adapter.for_stream(3, HEIGHT, WIDTH, layout)
    stream.refresh(images)
    stream.set_multiplier(0.7)
    inputs = unet_inputs(unet, batch, HEIGHT, WIDTH)
    plain = unet(**inputs).sample
    found = hooked(unet, stream.hooks)(**inputs).sample
    wanted = reference(unet, adapter, images, inputs, 0.7)
    assert (wanted - plain).abs().max() > 1e-2
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_original_stays_and_the_parameters_are_shared(unet: DreamLiteUNetModel, layout: str) -> None:
    inputs = unet_inputs(unet, 1, HEIGHT, WIDTH)
    before, keys = unet(**inputs).sample, list(unet.state_dict())
    stream = random_adapter(unet).for_stream(1, HEIGHT, WIDTH, layout)
    patched = hooked(unet, stream.hooks)
    assert not torch.equal(patched(**inputs).sample, before)
    assert torch.equal(unet(**inputs).sample, before)
    assert list(unet.state_dict()) == keys
    adapters = {id(parameter) for parameter in stream.parameters()}
    assert {id(p) for p in patched.parameters()} == {id(p) for p in unet.parameters()} | adapters


@torch.no_grad()
def test_two_streams_of_one_adapter_see_their_own_pictures(unet: DreamLiteUNetModel, layout: str) -> None:
    adapter, inputs = random_adapter(unet), unet_inputs(unet, 1, HEIGHT, WIDTH)
    first, second = (adapter.for_stream(1, HEIGHT, WIDTH, layout) for _ in range(2))
    first.refresh(pictures(1, HEIGHT, WIDTH, seed=5))
    network = hooked(unet, first.hooks)
    before = network(**inputs).sample
    second.refresh(pictures(1, HEIGHT, WIDTH, seed=6))
    second.set_multiplier(0.0)
    assert torch.equal(network(**inputs).sample, before)
    assert {id(p) for p in first.parameters()} == {id(p) for p in second.parameters()}


@torch.no_grad()
def test_several_adapters_add_up_in_any_order(unet: DreamLiteUNetModel, layout: str) -> None:
    inputs = unet_inputs(unet, 1, HEIGHT, WIDTH)
    streams = [random_adapter(unet, seed).for_stream(1, HEIGHT, WIDTH, layout) for seed in (1, 2)]
    for stream in streams:
        stream.refresh(pictures(1, HEIGHT, WIDTH))
    one, both, turned = (
        hooked(unet, *(s.hooks for s in chosen))(**inputs).sample
        for chosen in (streams[:1], streams, streams[::-1])
    )
    torch.testing.assert_close(both, turned, atol=1e-5, rtol=1e-5)
    assert (one - both).abs().max() > 1e-3
    name, deltas = next(iter(streams[0].hooks.items()))
    linear = hooked(unet, *(s.hooks for s in streams)).get_submodule(name)
    x = torch.randn(1, deltas.condition.shape[1], linear.host.in_features)
    wanted = linear.host(x + deltas(x) + streams[1].hooks[name](x))
    torch.testing.assert_close(linear(x), wanted)


@torch.no_grad()
def test_an_untrained_adapter_and_multiplier_zero_change_nothing(
    unet: DreamLiteUNetModel, layout: str
) -> None:
    inputs = unet_inputs(unet, 1, HEIGHT, WIDTH)
    plain = unet(**inputs).sample
    fresh = TemporalLLLite.new(hook_sites(unet)).for_stream(1, HEIGHT, WIDTH, layout)
    silenced = random_adapter(unet).for_stream(1, HEIGHT, WIDTH, layout)
    silenced.set_multiplier(0.0)
    for stream in (fresh, silenced):
        stream.refresh(pictures(1, HEIGHT, WIDTH))
        assert torch.equal(hooked(unet, stream.hooks)(**inputs).sample, plain)


def test_stacked_convolutions_equal_single_ones(unet: DreamLiteUNetModel) -> None:
    hooks = random_adapter(unet).hooks
    images = pictures(2, HEIGHT, WIDTH)
    for kernels in {hook.kernels for hook in hooks.values()}:
        alike = [hook for hook in hooks.values() if hook.kernels == kernels]
        single = [F.conv2d(h.conditioning1(images), *_condition_part(h)).movedim(1, 3) for h in alike]
        torch.testing.assert_close(condition_terms(alike, images), torch.stack(single), atol=1e-5, rtol=1e-5)


def _condition_part(hook: LLLiteHook) -> tuple[torch.Tensor, torch.Tensor]:
    return hook.mid[0].weight[:, : hook.cond_dim, None, None], hook.mid[0].bias


def test_refresh_writes_in_place_and_leaves_later_frames(unet: DreamLiteUNetModel, layout: str) -> None:
    stream = random_adapter(unet).for_stream(4, HEIGHT, WIDTH, layout)
    stream.refresh(pictures(4, HEIGHT, WIDTH, seed=5))
    before = {name: (h.condition.data_ptr(), h.condition.clone()) for name, h in stream.hooks.items()}
    stream.refresh(pictures(2, HEIGHT, WIDTH, seed=6))
    for name, hook in stream.hooks.items():
        pointer, old = before[name]
        assert hook.condition.data_ptr() == pointer
        assert torch.equal(hook.condition[2:], old[2:])
        assert not torch.equal(hook.condition[:2], old[:2])


def test_bound_pictures_train_every_weight(unet: DreamLiteUNetModel, layout: str) -> None:
    stream = random_adapter(unet).for_stream(2, HEIGHT, WIDTH, layout)
    images, inputs = pictures(2, HEIGHT, WIDTH), unet_inputs(unet, 2, HEIGHT, WIDTH)
    network = hooked(unet, stream.hooks)
    stream.refresh(images)
    with torch.no_grad():
        shown = network(**inputs).sample
    stream.bind(images)
    bound = network(**inputs).sample
    torch.testing.assert_close(bound, shown, atol=1e-5, rtol=1e-5)
    bound.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in stream.parameters())


def test_pictures_and_sizes_that_do_not_fit(unet: DreamLiteUNetModel, layout: str) -> None:
    adapter = random_adapter(unet)
    with pytest.raises(SettingError, match=r"multiples of 32 for this adapter, not 48x32\.$"):
        adapter.for_stream(1, 32, 48, layout)
    with pytest.raises(ValueError, match="for_stream comes first"):
        adapter.refresh(pictures(1, 32, 32))
    stream = adapter.for_stream(2, 32, 64, layout)
    for wrong in (pictures(3, 32, 64), pictures(1, 64, 32)):
        with pytest.raises(ValueError, match="does not fit up to 2 pictures 64x32"):
            stream.refresh(wrong)


def test_multiplier_by_block(unet: DreamLiteUNetModel, layout: str) -> None:
    stream = random_adapter(unet).for_stream(1, HEIGHT, WIDTH, layout)
    stream.set_multiplier(0.25, "down_blocks")
    values = {name.split(".")[0]: float(hook.multiplier) for name, hook in stream.hooks.items()}
    assert values == {"down_blocks": 0.25, "mid_block": 1.0, "up_blocks": 1.0}


def test_low_precision_keeps_its_dtype(unet: DreamLiteUNetModel, layout: str) -> None:
    adapter = random_adapter(unet).to(torch.bfloat16)
    stream = adapter.for_stream(1, HEIGHT, WIDTH, layout)
    stream.refresh(pictures(1, HEIGHT, WIDTH))
    hook = next(iter(stream.hooks.values()))
    x = torch.randn(1, hook.condition.shape[1], hook.up[0].out_features, dtype=torch.bfloat16)
    assert hook(x).dtype == torch.bfloat16


def test_published_network_has_the_published_hooks() -> None:
    with torch.device("meta"):
        sites = hook_sites(DreamLiteUNetModel(**PUBLISHED))
        adapter = TemporalLLLite.new(sites)
    count = Counter(
        (".".join(name.split(".")[:2]), site.features, site.stride) for name, site in sites.items()
    )
    assert count == {
        ("down_blocks.0", 256, 8): 2,
        ("down_blocks.1", 512, 16): 4,
        ("down_blocks.2", 896, 32): 32,
        ("mid_block.attentions", 896, 32): 16,
        ("up_blocks.0", 896, 32): 48,
        ("up_blocks.1", 512, 16): 6,
    }
    state = adapter.state_dict()
    assert len(state) == 1272
    assert sum(tensor.numel() for tensor in state.values()) == 13_265_472
    down = (tensor.numel() for key, tensor in state.items() if key.startswith("modules_dict.down_blocks"))
    assert sum(down) == 4_532_256
    first = "modules_dict.down_blocks__0__attentions__0__transformer_blocks__0__attn2__to_q"
    assert state[f"{first}.conditioning1.0.weight"].shape == (16, 3, 4, 4)


def test_strides_are_factored_as_published() -> None:
    assert [conv_kernels(stride) for stride in (8, 16, 32)] == [(4, 2), (4, 4), (4, 4, 2)]
