"""StreamDiT's network: windows against dense attention, a time for each frame, sizes."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from livestyle.engine.conditioning.states import TextStates
from livestyle.engine.networks.rope import grid_rotation
from livestyle.engine.networks.stream_dit.config import CONFIGS, PAPER_4B, StreamDiTConfig
from livestyle.engine.networks.stream_dit.model import PLANS, LocalMixing, StreamDiT
from livestyle.engine.networks.window_attention import WindowAttention
from livestyle.engine.networks.windows import window_layout

CPU = torch.device("cpu")
TINY = StreamDiTConfig(
    channels=4, width=32, depth=2, heads=2, window=(2, 2, 2), text=(("ul2", 6), ("byt5", 5), ("metaclip", 4))
)


def network(config: StreamDiTConfig = TINY, seed: int = 0) -> StreamDiT:
    """Random in every weight, those that start at zero too."""
    torch.manual_seed(seed)
    model = StreamDiT(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def text(batch: int = 1, seed: int = 1) -> dict[str, TextStates]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: TextStates(
            torch.randn(batch, 3, width, generator=generator), torch.ones(batch, 3, dtype=torch.bool)
        )
        for name, width in TINY.text
    }


def dense_mask(
    grid: tuple[int, ...], window: tuple[int, ...], shifted: bool, wrap: tuple[bool, ...]
) -> torch.Tensor:
    """Who attends to whom, token pair by token pair, straight from the definition."""
    tokens = list(itertools.product(*(range(size) for size in grid)))
    mask = torch.zeros(len(tokens), len(tokens), dtype=torch.bool)
    for (row, first), (column, second) in itertools.product(enumerate(tokens), repeat=2):
        together = True
        for a, b, size, side, joined in zip(first, second, grid, window, wrap, strict=True):
            side = min(side, size)
            padded = (size + side - 1) // side * side
            shift = side // 2 if shifted and padded > side else 0
            places = [(x - shift) % padded for x in (a, b)]
            together &= places[0] // side == places[1] // side
            together &= joined or (a < shift) == (b < shift)
        mask[row, column] = together
    return mask


sizes = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))


@given(
    grid=sizes,
    window=sizes,
    shifted=st.booleans(),
    wrap=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
@settings(max_examples=60, deadline=None)
def test_window_attention_equals_masked_dense_attention(grid, window, shifted, wrap) -> None:
    torch.manual_seed(0)
    attention = WindowAttention(StreamDiTConfig(channels=1, width=16, depth=1, heads=2))
    tokens = grid[0] * grid[1] * grid[2]
    x = torch.randn(2, tokens, 16)
    rotation = grid_rotation(grid, 8, 100.0, CPU)
    layout = window_layout(grid, window, shifted=shifted, wrap=wrap, device=CPU)
    dense = window_layout(grid, grid, shifted=False, wrap=(True,) * 3, device=CPU)
    assert dense.mask is None
    masked = dataclasses.replace(dense, mask=dense_mask(grid, window, shifted, wrap)[None])
    with torch.no_grad():
        difference = attention(x, layout, rotation) - attention(x, masked, rotation)
    assert difference.abs().max() < 1e-5


def test_odd_sizes_pad_without_nan_in_forward_or_backward() -> None:
    model = network()
    latents = torch.randn(2, 3, 4, 10, 6)
    out = model(latents, torch.rand(2, 3), model.read_text(text(2), 2))
    out.square().mean().backward()
    assert out.shape == latents.shape
    assert out.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_a_frames_time_acts_on_that_frame_alone_where_windows_keep_frames_apart() -> None:
    model = network(dataclasses.replace(TINY, window=(1, 4, 4)))
    latents, context = torch.randn(1, 4, 4, 4, 4), None
    with torch.no_grad():
        context = model.read_text(text())
        sigma = torch.tensor([[0.1, 0.4, 0.7, 1.0]])
        base = model(latents, sigma, context)
        changed = model(latents, torch.tensor([[0.1, 0.9, 0.7, 1.0]]), context)
    moved = (base - changed).abs().amax((0, 2, 3, 4))
    assert moved[1] > 1e-3
    assert moved[[0, 2, 3]].max() < 1e-6


@pytest.mark.parametrize("wrap", [False, True])
def test_wrap_time_joins_the_ends_of_the_buffer(wrap: bool) -> None:
    model = network(dataclasses.replace(TINY, window=(2, 2, 2), wrap_time=wrap))
    latents = torch.randn(1, 8, 4, 4, 4)
    other = latents.clone()
    other[:, -1] += 1.0
    with torch.no_grad():
        context = model.read_text(text())
        a, b = (model(x, torch.full((1, 8), 0.5), context) for x in (latents, other))
    assert bool((a[:, 0] != b[:, 0]).any()) == wrap


def test_any_subset_of_the_text_encoders_conditions_and_padding_does_not() -> None:
    model = network()
    latents, sigma = torch.randn(1, 2, 4, 4, 4), torch.full((1, 2), 0.5)
    prompts = text()
    outputs = []
    with torch.no_grad():
        for count in range(4):
            for names in itertools.combinations(prompts, count):
                context = model.read_text({name: prompts[name] for name in names})
                outputs.append(model(latents, sigma, context))
        padded = {
            name: TextStates(
                torch.cat([states.states, torch.full_like(states.states, 9.0)], 1),
                torch.cat([states.mask, torch.zeros_like(states.mask)], 1),
            )
            for name, states in prompts.items()
        }
        assert torch.allclose(model(latents, sigma, model.read_text(padded)), outputs[-1], atol=1e-6)
    assert len(outputs) == 8
    for a, b in itertools.combinations(outputs, 2):
        assert not torch.allclose(a, b, atol=1e-4)


def test_a_new_network_predicts_zero_and_learns_everywhere() -> None:
    model = StreamDiT(TINY)
    out = model(torch.randn(1, 2, 4, 4, 4), torch.full((1, 2), 0.5), model.read_text(text()))
    assert not out.any()
    model = network()
    model(torch.randn(1, 4, 4, 4, 4), torch.rand(1, 4), model.read_text(text())).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize(("name", "millions"), [("ablation", 1.5), ("demo", 2.4), ("4b", 4000)])
def test_parameter_counts(name: str, millions: float) -> None:
    with torch.device("meta"):
        model = StreamDiT(CONFIGS[name])
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count / 1e6 == pytest.approx(millions, rel=0.07)


def test_the_papers_buffer_has_16384_tokens_and_whole_windows() -> None:
    grid = (16, 64 // PAPER_4B.patch, 64 // PAPER_4B.patch)
    assert grid[0] * grid[1] * grid[2] == 16_384
    layout = window_layout(grid, PAPER_4B.window, shifted=False, wrap=(False,) * 3, device=CPU)
    assert layout.mask is None
    assert layout.windows * layout.length == 16_384


def test_configs_survive_json() -> None:
    for config in CONFIGS.values():
        assert StreamDiTConfig.from_json(config.as_json()) == config
    with pytest.raises(TypeError):
        StreamDiTConfig.from_json({"colour": 1})
    with pytest.raises(ValueError, match="predicts is x0"):
        StreamDiTConfig.from_json({**PAPER_4B.as_json(), "predicts": "x0"})


def test_predicted_data_are_turned_into_the_velocity() -> None:
    """x = (1 - sigma) data + sigma noise, so (x - data) / sigma = noise - data; next to 0 it is held back."""
    direct = network()
    turned = StreamDiT(dataclasses.replace(TINY, predicts="data")).eval()
    turned.load_state_dict(direct.state_dict())
    x, sigma = torch.randn(1, 3, 4, 4, 4), torch.tensor([[0.25, 1.0, 0.0]])
    context = direct.read_text(text())
    with torch.no_grad():
        data, velocity = direct(x, sigma, context), turned(x, sigma, context)
    assert torch.allclose(x[:, :2] - sigma[:, :2, None, None, None] * velocity[:, :2], data[:, :2], atol=1e-5)
    assert velocity.isfinite().all()


def test_the_last_step_of_predicted_data_leaves_no_noise() -> None:
    turned = network(dataclasses.replace(TINY, predicts="data"))
    x, context = torch.randn(1, 1, 4, 4, 4), turned.read_text(text())
    for sigma in (0.5, 1 / 128, 1 / 256):  # the paper's teacher takes 128 steps
        with torch.no_grad():
            velocity = turned(x, torch.full((1, 1), sigma), context)
            again = network()(x, torch.full((1, 1), sigma), context)
        assert torch.allclose(x - sigma * velocity, again, atol=1e-4)


def test_only_the_last_grids_are_kept() -> None:
    model = network()
    context = model.read_text(text())
    with torch.no_grad():
        for frames in range(1, PLANS + 5):
            model(torch.zeros(1, frames, 4, 4, 4), torch.zeros(1, frames), context)
    assert [key[0] for key in model.plans] == list(range(5, PLANS + 5))


def test_windows_that_lie_in_order_are_not_moved() -> None:
    """One window over the grid, or windows cut along time, hold the tokens as they come."""
    none = (False,) * 3
    whole = window_layout((4, 8, 8), (8, 8, 8), shifted=True, wrap=none, device=CPU)
    halves = window_layout((16, 8, 8), (8, 8, 8), shifted=False, wrap=none, device=CPU)
    assert whole.in_order and halves.in_order and halves.windows == 2
    for grid, shifted in (((16, 8, 8), True), ((4, 16, 8), False), ((3, 8, 8), False)):
        assert not window_layout(grid, (2, 8, 8), shifted=shifted, wrap=none, device=CPU).in_order
    attention = WindowAttention(TINY)
    x, rotation = torch.randn(2, 16 * 64, 32), grid_rotation((16, 8, 8), 16, 10000.0, CPU)
    moved = dataclasses.replace(halves, in_order=False)
    assert torch.equal(attention(x, halves, rotation), attention(x, moved, rotation))


def test_local_mixing_is_a_choice_of_the_checkpoint() -> None:
    config = dataclasses.replace(TINY, local=True)
    assert StreamDiTConfig.from_json(config.as_json()) == config
    plain = {key: value for key, value in TINY.as_json().items() if key != "local"}
    assert StreamDiTConfig.from_json(plain) == TINY  # what older checkpoints say
    torch.manual_seed(0)
    model = StreamDiT(config)
    old = network()
    missing, unexpected = model.load_state_dict(old.state_dict(), strict=False)
    assert not unexpected and all(name.startswith("local.") for name in missing)
    latents, sigma = torch.randn(1, 2, 4, 8, 8), torch.full((1, 2), 0.5)
    with torch.no_grad():
        same = [each(latents, sigma, each.read_text(text())) for each in (old, model)]
    assert torch.allclose(*same)  # weights from before begin where they ended


def test_local_mixing_starts_at_nothing_and_stays_in_its_frame() -> None:
    mixing = LocalMixing(6)
    x = torch.randn(2, 3, 16, 6)
    assert torch.equal(mixing(x, 4), x)
    with torch.no_grad():
        mixing.conv.weight.fill_(1.0)
    spread = mixing(
        torch.nn.functional.one_hot(torch.tensor(5), 16)[None, None, :, None].repeat(1, 2, 1, 6).float(), 4
    )
    assert spread[0, 0, :, 0].view(4, 4).nonzero().tolist() == [[r, c] for r in range(3) for c in range(3)]
