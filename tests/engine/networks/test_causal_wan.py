"""The causal network equals diffusers' Wan on a clip, and itself with a cache."""

from __future__ import annotations

import pytest
import torch
from diffusers import WanTransformer3DModel
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers
from tiny_causal_wan import CONFIG, SIDE, TOKENS, noise, style, tiny_cache, tiny_net

from livestyle.engine.errors import CheckpointError
from livestyle.engine.networks.causal_wan import CausalWan, CausalWanConfig, block_causal_mask, model
from livestyle.engine.networks.causal_wan.keys import infer_config, original_keys
from livestyle.engine.networks.rope import Rotation, axis_angles, grid_angles

pytestmark = pytest.mark.usefixtures("no_grad")


@pytest.fixture
def no_grad():
    with torch.no_grad():
        yield


def diffusers_twin(net: CausalWan) -> WanTransformer3DModel:
    """diffusers' network with the same weights, through diffusers' own converter."""
    config = net.config
    twin = WanTransformer3DModel(
        num_attention_heads=config.heads,
        attention_head_dim=config.head_width,
        in_channels=config.in_channels,
        out_channels=config.out_channels,
        text_dim=config.text_dim,
        freq_dim=config.freq_dim,
        ffn_dim=config.ffn_dim,
        num_layers=config.layers,
        rope_max_seq_len=64,
    ).eval()
    twin.load_state_dict(convert_wan_transformer_to_diffusers(dict(net.state_dict())))
    return twin


def run(net: CausalWan, x: torch.Tensor, times: torch.Tensor, text: torch.Tensor, **options) -> torch.Tensor:
    queries = net.rotation(range(x.shape[1]), SIDE, SIDE)
    return net(x, times, net.cross_attention_kv(text), queries, **options)


def test_equals_diffusers_on_a_whole_clip() -> None:
    net = tiny_net()
    x, text = noise(1, 4), style(1).text
    expected = diffusers_twin(net)(x.transpose(1, 2), torch.tensor([833.25]), text).sample.transpose(1, 2)
    found = run(net, x, torch.full((1, 4), 833.25), text)
    assert torch.allclose(found, expected, atol=5e-5)


@pytest.mark.parametrize("prefix", ["", "model.", "diffusion_model.", "model._fsdp_wrapped_module."])
def test_names_come_back_from_every_layout(prefix: str) -> None:
    net = tiny_net()
    for tensors in (net.state_dict(), diffusers_twin(net).state_dict()):
        named = original_keys({prefix + name: tensor for name, tensor in tensors.items()})
        assert infer_config(named, heads=4) == CONFIG
        again = CausalWan(CONFIG)
        again.load_state_dict(named)
        assert all(torch.equal(a, b) for a, b in zip(again.parameters(), net.parameters(), strict=True))


def test_fused_projections_are_taken_apart() -> None:
    net = tiny_net()
    tensors = net.state_dict()
    for kind in ("weight", "bias"):
        parts = [tensors.pop(f"blocks.1.self_attn.{part}.{kind}") for part in "qkv"]
        tensors[f"blocks.1.self_attn.to_qkv.{kind}"] = torch.cat(parts)
    assert set(original_keys(tensors)) == set(net.state_dict())


def test_other_wan_models_are_refused_in_a_line() -> None:
    tensors = {**tiny_net().state_dict(), "img_emb.proj.0.weight": torch.zeros(1)}
    with pytest.raises(CheckpointError, match="image-to-video"):
        original_keys(tensors)
    with pytest.raises(CheckpointError, match="no Wan transformer"):
        infer_config({"conv.weight": torch.zeros(1)})


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (CausalWanConfig(), 1.419e9),
        (CausalWanConfig(dim=5120, ffn_dim=13824, heads=40, layers=40), 14.288e9),
    ],
)
def test_full_sizes(config: CausalWanConfig, parameters: float) -> None:
    with torch.device("meta"):
        net = CausalWan(config)
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(parameters, rel=5e-4)
    assert infer_config(net.state_dict()) == config


def test_a_timestep_for_every_frame() -> None:
    """Frames with unequal timesteps differ from frames with equal ones only through their own."""
    net = tiny_net()
    x, text = noise(1, 2), style(1).text
    mask = block_causal_mask(2, 1, TOKENS)
    first = run(net, x, torch.tensor([[0.0, 900.0]]), text, mask=mask)
    second = run(net, x, torch.tensor([[0.0, 100.0]]), text, mask=mask)
    assert torch.equal(first[:, 0], second[:, 0]) and not torch.allclose(first[:, 1], second[:, 1], atol=1e-2)


def test_a_text_for_every_frame() -> None:
    net = tiny_net()
    x, times, mask = noise(1, 2), torch.full((1, 2), 500.0), block_causal_mask(2, 1, TOKENS)
    one, two = style(1).text, style(2).text
    mixed = run(net, x, times, torch.stack([one, two], dim=1), mask=mask)
    assert torch.allclose(mixed[:, 0], run(net, x, times, one, mask=mask)[:, 0], atol=1e-5)
    same = run(net, x, times, torch.stack([two, two], dim=1), mask=mask)
    assert torch.allclose(same, run(net, x, times, two, mask=mask), atol=1e-5)


@pytest.mark.parametrize("rope", ["relative", "absolute"])
def test_blocks_through_the_cache_equal_one_masked_sequence(rope: str) -> None:
    """Three clean blocks after a reference, against the block-causal mask that training uses."""
    net = tiny_net()
    frames, reference, text = noise(1, 6), noise(2, 1), style(1).text
    context = net.cross_attention_kv(text)
    mask = block_causal_mask(6, 2, TOKENS, references=1)
    whole = torch.cat([reference, frames], dim=1)
    expected = run(net, whole, torch.zeros(1, 7), text, mask=mask)[:, 1:]
    cache = tiny_cache(net, window=8, rope=rope)

    def evaluate(x: torch.Tensor, view) -> torch.Tensor:
        keys = None if view.key_positions is None else net.rotation(view.key_positions, SIDE, SIDE)
        queries = net.rotation(view.positions, SIDE, SIDE)
        return net(x, torch.zeros(x.shape[:2]), context, queries, view, keys)

    staged = cache.staged(1)
    evaluate(reference, staged.view)
    cache.replace_references([staged])
    found = []
    for block in frames.split(2, dim=1):
        found.append(evaluate(block, cache.begin(2)))
        cache.commit()
    assert torch.allclose(torch.cat(found, dim=1), expected, atol=1e-5)


def test_gradients_flow_through_a_cached_block() -> None:
    net = tiny_net().requires_grad_(True)
    cache = tiny_cache(net)
    with torch.enable_grad():
        context = net.cross_attention_kv(style(1).text)
        for _ in range(2):
            view = cache.begin(2)
            queries, keys = (net.rotation(p, SIDE, SIDE) for p in (view.positions, view.key_positions))
            output = net(noise(1), torch.full((1, 2), 500.0), context, queries, view, keys)
        output.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_bfloat16_stays_close() -> None:
    net = tiny_net()
    x, times, text = noise(1, 2), torch.full((1, 2), 500.0), style(1).text
    exact = run(net, x, times, text)
    rough = run(tiny_net().bfloat16(), x.bfloat16(), times, text)
    assert (rough.float() - exact).square().mean().sqrt() < 0.02 * exact.square().mean().sqrt()


@pytest.mark.slow
def test_all_layers_share_a_few_compiled_graphs() -> None:
    """At most 4 graphs for every layer and cache state; none is added once the window is full."""
    net = tiny_net()
    graphs = []

    def backend(graph: torch.fx.GraphModule, _inputs: object) -> object:
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    for block in net.blocks:
        block.compile(backend=backend, fullgraph=True)
    cache, context = tiny_cache(net, window=8), net.cross_attention_kv(style(1).text)
    counts = []
    for block in range(8):
        for time in (500.0, 0.0):
            view = cache.begin(2)
            queries, keys = (net.rotation(p, SIDE, SIDE) for p in (view.positions, view.key_positions))
            net(noise(block), torch.full((1, 2), time), context, queries, view, keys)
        cache.commit()
        counts.append(len(graphs))
    torch._dynamo.reset()
    assert counts[-1] <= 4 and counts[4:] == counts[4:5] * 4


def test_the_host_computes_a_rotation_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly what the whole grid's angles give; the device gets a few numbers, and those once."""
    net = tiny_net()
    positions = (7, 1_000_000, 8)
    first = net.rotation(positions, SIDE, SIDE, 1)
    grid = [torch.tensor(list(axis)).double() for axis in (positions, range(SIDE // 2), range(SIDE // 2))]
    angles = grid_angles(*grid, net.config.head_width, model.THETA)
    of_kind = axis_angles(torch.ones(1).double(), angles.shape[-1], model.THETA_KIND)
    wanted = Rotation.of(angles + of_kind)
    assert all(torch.equal(a.squeeze(1), b) for a, b in zip(first, wanted, strict=True))

    def again(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(model, "axis_angles", again)
    assert all(map(torch.equal, net.rotation(positions, SIDE, SIDE, 1), first))
