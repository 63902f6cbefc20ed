"""Dynamic Sparse Attention: what is selected, and that all back ends compute the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch._dynamo.testing import CompileCounter
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from livestyle.engine.networks.rope import Rotation
from livestyle.engine.networks.sparse_attention import backends
from livestyle.engine.networks.sparse_attention.attention import (
    MIN_TOKENS,
    Selections,
    SparseAttention,
    choose_backend,
)
from livestyle.engine.networks.sparse_attention.backends import ATTEND, attend_flex, attend_gather, flex_works
from livestyle.engine.networks.sparse_attention.dsa import (
    Blocks,
    SparseSettings,
    lay_blocks,
    select,
)
from livestyle.engine.networks.streamedit_dit.config import StreamEditDiTConfig
from livestyle.engine.networks.windows import window_layout
from livestyle.lab.streamedit_dit.benchmark.flops import attention_flops

SETTINGS = SparseSettings(block=(1, 4, 4), mass=0.5, floor=0.05, ceiling=0.4, neighbours=1)
FULL = replace(SETTINGS, floor=1.0, ceiling=1.0)
WHOLE, PADDED = (6, 8, 8), (5, 7, 9)


def lay(grid: tuple[int, int, int], settings: SparseSettings = SETTINGS, references: int = 0) -> Blocks:
    layout = window_layout(grid, settings.block, shifted=False, wrap=(False,) * 3, device=torch.device("cpu"))
    return lay_blocks(layout, grid, settings, references)


def heads(blocks: Blocks, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Queries and keys whose blocks differ from each other, some more than others."""
    generator = torch.Generator().manual_seed(seed)
    shape = (2, 2, blocks.count, blocks.layout.length, 8)
    q, k, v = (torch.randn(shape, generator=generator) for _ in "qkv")
    loud = torch.linspace(0.5, 8.0, blocks.count)[:, None, None]
    return q + loud * q.mean(-2, keepdim=True), k + 8.0 * k.mean(-2, keepdim=True), v


def real(x: torch.Tensor, blocks: Blocks) -> torch.Tensor:
    return x if blocks.real is None else x[:, :, blocks.real]


@pytest.mark.parametrize("grid", [WHOLE, PADDED])
@pytest.mark.parametrize("backend", ["gather", "flex"])
def test_the_back_ends_agree(grid: tuple[int, int, int], backend: str) -> None:
    blocks = lay(grid, references=1)
    q, k, v = heads(blocks)
    selection = select(q, k, blocks, SETTINGS)
    assert selection.counts.min() < selection.counts.max() < blocks.count
    expected = ATTEND["dense"](q, k, v, selection, blocks)
    found = ATTEND[backend](q, k, v, selection, blocks)
    assert torch.allclose(real(found, blocks), real(expected, blocks), atol=1e-5)


def test_gathering_little_at_a_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = lay(PADDED)
    q, k, v = heads(blocks)
    selection = select(q, k, blocks, SETTINGS)
    once = attend_gather(q, k, v, selection, blocks)
    monkeypatch.setattr("livestyle.engine.networks.sparse_attention.backends.GATHERED", 1)
    assert torch.allclose(once, attend_gather(q, k, v, selection, blocks), atol=1e-6)


@pytest.mark.parametrize("grid", [WHOLE, PADDED])
@pytest.mark.parametrize("backend", ["gather", "flex"])
def test_density_one_is_dense_attention(grid: tuple[int, int, int], backend: str) -> None:
    config = StreamEditDiTConfig(channels=4, width=16, depth=1, heads=2, dsa=FULL)
    torch.manual_seed(0)
    attention = SparseAttention(config, FULL, 0)
    blocks = lay(grid, FULL)
    x = torch.randn(1, grid[0] * grid[1] * grid[2], 16)
    rotation = Rotation.of(torch.randn(x.shape[1], 4))
    sparse = Selections(backend=backend)
    with torch.inference_mode():
        whole = attention(x, blocks, rotation, Selections())
        assert torch.allclose(attention(x, blocks, rotation, sparse), whole, atol=1e-5)
    assert sparse.density == {0: 1.0}


def test_a_distinctive_far_block_is_found() -> None:
    """The needle lies in the last frame and another corner, the query in the first."""
    blocks = lay(WHOLE)
    q, k, v = heads(blocks)
    needle = blocks.count - 1
    direction = torch.nn.functional.normalize(torch.randn(8), dim=0) * 12
    q[:, :, 0] = direction
    k[:, :, needle] = direction
    selection = select(q, k, blocks, SETTINGS)
    assert not bool(blocks.kept[0, needle])
    assert bool(selection.as_mask()[:, :, 0, needle].all())
    v[:, :, needle] = 7.0
    found = attend_gather(q, k, v, selection, blocks)
    assert torch.allclose(found[:, :, 0], torch.tensor(7.0), atol=1e-3)


@pytest.mark.parametrize("references", [0, 1, 2])
def test_neighbours_and_references_are_always_kept(references: int) -> None:
    blocks = lay(WHOLE, references=references)
    q, k, _ = heads(blocks)
    mask = select(q, k, blocks, replace(SETTINGS, floor=0.0, ceiling=0.01, mass=0.01)).as_mask()
    places = 4  # blocks a frame
    for row in range(blocks.count):
        time, place = divmod(row, places)
        wanted = {t * places + place for t in (time - 1, time, time + 1) if 0 <= t < WHOLE[0]}
        wanted |= set(range(references * places))
        for head in mask[:, :, row].flatten(0, 1):
            assert set(head.nonzero().flatten().tolist()) == wanted


def test_selections_stay_inside_their_bounds() -> None:
    blocks = lay((12, 8, 8))
    q, k, _ = heads(blocks)
    none_kept = replace(blocks, kept=torch.zeros_like(blocks.kept))
    for mass, expected in ((0.0, 5), (2.0, 20)):
        settings = replace(SETTINGS, floor=0.1, ceiling=0.4, mass=mass)
        assert set(select(q, k, none_kept, settings).counts.flatten().tolist()) == {expected}


def test_more_mass_comes_closer_to_dense_attention() -> None:
    blocks = lay(WHOLE)
    q, k, v = heads(blocks)
    whole = ATTEND["dense"](q, k, v, select(q, k, blocks, FULL), blocks)
    errors, densities = [], []
    for mass in (0.2, 0.6, 0.9, 0.999):
        selection = select(q, k, blocks, replace(SETTINGS, floor=0.0, ceiling=1.0, mass=mass))
        errors.append(float((attend_gather(q, k, v, selection, blocks) - whole).abs().mean()))
        densities.append(selection.density)
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0] / 2
    assert densities == sorted(densities) and densities[0] < densities[-1]


def test_an_expired_selection_is_made_anew_and_its_density_stays_known() -> None:
    made = []
    selections = Selections(refresh=4)
    blocks = lay(WHOLE)
    q, k, _ = heads(blocks)

    def make():
        made.append(1)
        return select(q, k, blocks, SETTINGS)

    selections.get(0, "a", make)
    density = selections.density
    selections.expire()
    assert selections.density == density
    selections.get(0, "a", make)
    selections.get(0, "a", make)
    assert len(made) == 2


def test_a_selection_serves_as_many_evaluations_as_it_is_told() -> None:
    made = []
    selections = Selections(refresh=2)
    blocks = lay(WHOLE)
    q, k, _ = heads(blocks)

    def make():
        made.append(1)
        return select(q, k, blocks, SETTINGS)

    for shape in ("a", "a", "a", "b", "b"):
        selections.get(0, shape, make)
    assert len(made) == 3  # at the first, the third and the new shape


@pytest.mark.parametrize("density", [0.25, 1.0])
def test_flops_are_those_that_are_spent(density: float) -> None:
    """Counted against what PyTorch counts for the gathering back end, which copies nothing in vain here."""
    settings = replace(SETTINGS, floor=density, ceiling=density)
    blocks = lay((8, 8, 8))
    q, k, v = heads(blocks)
    selection = select(q, k, replace(blocks, kept=torch.zeros_like(blocks.kept)), settings)
    # the fused kernel for CPUs is not in PyTorch's table of counted operations
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as spent:
        attend_gather(q, k, v, selection, blocks)
    with FlopCounterMode(display=False) as choosing:
        select(q, k, blocks, settings)
    counted = attention_flops(q.shape, selection.density)
    assert counted.attention == spent.get_total_flops()
    assert counted.selection == choosing.get_total_flops()
    assert counted.dense == counted.attention / density


def test_small_buffers_are_attended_to_as_a_whole() -> None:
    q = torch.zeros(1, 2, 4, 16, 8)
    assert choose_backend(q, MIN_TOKENS["cpu"] - 1) is None
    assert choose_backend(q, MIN_TOKENS["cpu"]) == "gather"
    assert not flex_works("cpu", 2, 16, 8, torch.float32)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The CPU in the part of a device: nothing may go unfused. What the log says."""
    said: list[str] = []
    zeros = torch.zeros
    monkeypatch.setattr(backends, "UNFUSED", set())
    monkeypatch.setattr(backends.torch, "zeros", lambda *shape, device=None, **kind: zeros(*shape, **kind))
    monkeypatch.setattr(backends.log, "warning", lambda line, *parts: said.append(line % parts))
    caches = (backends.flex_works, backends.compiled_flex)
    for each in caches:
        each.cache_clear()
    torch._dynamo.reset()
    yield said
    backends._without_kernel.clear()
    torch._dynamo.reset()
    for each in caches:
        each.cache_clear()


def test_a_block_length_without_a_kernel_is_gathered_and_said_once(
    device: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are not told that theirs fails, too."""

    def kernel(q, k, v, block_mask):
        if block_mask.BLOCK_SIZE[0] % 128:
            raise RuntimeError("no kernel for these blocks")
        return q

    monkeypatch.setattr(backends, "compiled_flex", lambda: kernel)
    monkeypatch.setattr(backends, "flex_attention", None)  # unfused
    for _ in range(2):
        assert not flex_works("cuda", 2, 64, 32, torch.float32)
        assert flex_works("cuda", 2, 128, 32, torch.float32)
    blocks = lay(PADDED)
    q, k, v = heads(blocks)
    selection = select(q, k, blocks, SETTINGS)
    gathered = attend_gather(q, k, v, selection, blocks)
    for _ in range(2):
        assert torch.equal(attend_flex(q, k, v, selection, blocks), gathered)
    assert len(device) == 2 and all("(no kernel for these blocks)" in line for line in device)


def test_a_growing_window_costs_two_graphs(device: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One for the trial, one for every window after it."""
    counter = CompileCounter()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counter))
    assert flex_works("cuda", 2, 16, 8, torch.float32)
    for frames in (2, *range(8, 17)):
        blocks = lay((frames, 8, 8), references=1)
        q, k, v = (part[:1] for part in heads(blocks, frames))
        selection = select(q, k, blocks, SETTINGS)
        expected = ATTEND["dense"](q, k, v, selection, blocks)
        assert torch.allclose(attend_flex(q, k, v, selection, blocks), expected, atol=1e-5)
    assert counter.frame_count == 2 and not device
