"""StreamEdit-DiT's network: parts that start as nothing, temporal context, text and source, sizes."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from livestyle.engine.conditioning.states import TextStates
from livestyle.engine.networks.sparse_attention.attention import Selections
from livestyle.engine.networks.streamedit_dit.config import CONFIGS, DEMO, PAPER_2B, StreamEditDiTConfig
from livestyle.engine.networks.streamedit_dit.model import StreamEditDiT, ablated
from livestyle.engine.networks.streamedit_dit.ptcm import PTCM, frame_prior

TINY = StreamEditDiTConfig(
    channels=4,
    width=32,
    depth=4,
    heads=2,
    window=(2, 2, 2),
    dsa=dataclasses.replace(DEMO.dsa, block=(1, 2, 2)),
    ptcm_every=2,
    multi_scale_every=2,
    text=(("sentence", 6),),
)


def network(config: StreamEditDiTConfig = TINY, *, gates: bool = True, seed: int = 0) -> StreamEditDiT:
    """Random in every weight; the gates of the added parts too, if asked for."""
    torch.manual_seed(seed)
    model = StreamEditDiT(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if gates or "gate" not in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def buffer(frames: int = 5, seed: int = 1, side: tuple[int, int] = (6, 8)) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    latents, source = (torch.randn(1, frames, 4, *side, generator=generator) for _ in range(2))
    return latents, torch.linspace(0, 1, frames)[None], source


def said(seed: int = 2, batch: int = 1) -> dict[str, TextStates]:
    states = torch.randn(batch, 3, 6, generator=torch.Generator().manual_seed(seed))
    return {"sentence": TextStates(states, torch.ones(batch, 3, dtype=torch.bool))}


@torch.inference_mode()
def run(model: StreamEditDiT, text=None, references: int = 0, selections=None, **changes) -> torch.Tensor:
    latents, sigma, source = buffer(**changes)
    context = model.read_text(said() if text is None else text)
    return model(latents, sigma, source, context, references, selections)


def test_a_fresh_network_predicts_nothing() -> None:
    assert float(run(StreamEditDiT(TINY)).abs().max()) == 0.0


@pytest.mark.parametrize("part", ["ptcm", "multi_scale"])
def test_untrained_parts_add_nothing_and_trained_ones_do(part: str) -> None:
    fresh = network(gates=False)
    assert torch.equal(run(fresh), run(ablated(fresh, **{part: False})))
    trained = network()
    without = ablated(trained, **{part: False})
    assert not torch.allclose(run(trained), run(without), atol=1e-3)
    names = {name.split(".")[0] for name, _ in trained.named_parameters()}
    gone = names - {name.split(".")[0] for name, _ in without.named_parameters()}
    assert gone == {"ptcm" if part == "ptcm" else "coarse"}


def test_an_ablation_shares_its_parameters() -> None:
    model = network()
    windowed = ablated(model, sparse=False)
    assert windowed.config.attention == "windowed"
    assert windowed.head.weight is model.head.weight
    assert [name for name, _ in windowed.named_parameters()] == [name for name, _ in model.named_parameters()]
    assert not torch.allclose(run(windowed), run(model), atol=1e-3)


@pytest.mark.parametrize("frames", [1, 3, 8])
def test_below_its_size_sparse_attention_is_dense(frames: int) -> None:
    model = network()
    dense = StreamEditDiT(dataclasses.replace(TINY, attention="dense")).eval()
    dense.load_state_dict(model.state_dict())
    assert torch.allclose(run(model, frames=frames), run(dense, frames=frames), atol=1e-5)


def test_sparse_back_ends_agree_in_the_network() -> None:
    found = {}
    for backend in ("dense", "gather", "flex"):
        selections = Selections(backend=backend)
        found[backend] = run(network(), references=1, selections=selections)
        assert set(selections.density) == set(range(TINY.depth))
        assert max(selections.density.values()) < 1.0
    assert torch.allclose(found["gather"], found["dense"], atol=1e-4)
    assert torch.allclose(found["flex"], found["dense"], atol=1e-4)


def test_source_text_and_level_all_matter() -> None:
    model = network()
    base = run(model)
    assert not torch.allclose(base, run(model, text={}), atol=1e-3)
    latents, sigma, source = buffer()
    with torch.inference_mode():
        context = model.read_text(said())
        for other in (
            model(latents, sigma, -source, context),
            model(latents, sigma.flip(1), source, context),
            model(-latents, sigma, source, context),
        ):
            assert not torch.allclose(base, other, atol=1e-3)


def test_a_batch_is_each_buffer_on_its_own() -> None:
    model = network()
    first, second = buffer(seed=1), buffer(seed=5)
    with torch.inference_mode():
        both = [torch.cat(parts) for parts in zip(first, second, strict=True)]
        together = model(*both, model.read_text(said(batch=2), batch=2))
        alone = model(*second, model.read_text({"sentence": _second(said(batch=2)["sentence"])}))
    assert torch.allclose(together[1:], alone, atol=1e-5)


def _second(text: TextStates) -> TextStates:
    return TextStates(text.states[1:], text.mask[1:])


def test_training_goes_on_after_a_preview() -> None:
    model = network()
    run(model)  # in inference mode, with the same shapes
    latents, sigma, source = buffer()
    model(latents, sigma, source, model.read_text(said())).square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


class TestPTCM:
    """Temporal context: backwards only, longer in deeper layers, noisy frames count less."""

    def test_context_grows_with_depth(self) -> None:
        config = dataclasses.replace(TINY, depth=12, ptcm_every=3, ptcm_context=(1, 12))
        assert [config.context(i) for i in range(12) if config.has_ptcm(i)] == [3, 6, 9, 12]

    def test_a_frame_sees_itself_and_k_frames_before_it(self) -> None:
        torch.manual_seed(0)
        module = PTCM(TINY, 2, 10000.0)
        torch.nn.init.normal_(module.gate)
        x, sigma = torch.randn(1, 6, 3, 32), torch.zeros(1, 6)
        changed = x.clone()
        changed[:, 2] += torch.randn(3, 32)
        moved = (module(changed, sigma) - module(x, sigma)).abs().amax((0, 2, 3)) > 1e-6
        assert moved.tolist() == [False, False, True, True, True, False]

    def test_noisier_frames_count_less(self) -> None:
        prior = frame_prior(torch.tensor([[0.0, 0.5, 1.0, 0.2]]), 3)[0]
        expected = torch.tensor(
            [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0.5, 1, 0], [1, 0.5, 0.001, 1]], dtype=torch.float
        )
        assert torch.allclose(prior, expected)

    def test_the_order_of_equal_history_frames_does_not_matter_to_the_fusion(self) -> None:
        """With attention silenced, only the mean of the clean past is fused."""
        torch.manual_seed(0)
        module = PTCM(TINY, 4, 10000.0)
        torch.nn.init.normal_(module.gate)
        with torch.no_grad():
            module.fuse.weight[:, 32:64] = 0.0
        x, sigma = torch.randn(1, 4, 3, 32), torch.zeros(1, 4)
        turned = module(x[:, [1, 0, 2, 3]], sigma)
        assert torch.allclose(turned[:, 2:], module(x, sigma)[:, 2:], atol=1e-5)


def test_configs_have_the_published_sizes() -> None:
    counts = {}
    for name, config in CONFIGS.items():
        with torch.device("meta"):
            counts[name] = sum(parameter.numel() for parameter in StreamEditDiT(config).parameters())
        assert StreamEditDiTConfig.from_json(config.as_json()) == config
    assert (PAPER_2B.width, PAPER_2B.depth) == (2048, 28)
    assert 2 * counts["demo"] < 6.0e6  # bytes in bfloat16; the text encoder has the rest of 7 MB
    assert 1.8e9 < counts["2b"] < 2.3e9
    assert 9.5e9 < counts["10b"] < 10.5e9


def test_an_unknown_key_is_no_configuration() -> None:
    with pytest.raises(TypeError):
        StreamEditDiTConfig.from_json({**DEMO.as_json(), "wings": 2})
