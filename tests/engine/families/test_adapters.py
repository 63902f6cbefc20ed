"""Temporal adapters on a stream: shown its own output, carried to the chunk that uses it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from runtime_stubs import Behaviour, InvertModel
from sample_pictures import picture
from tiny_checkpoint import write_tiny_checkpoint
from tiny_lllite import random_adapter

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.errors import SettingError
from livestyle.engine.families import StreamRequest, load_model, make_runner
from livestyle.engine.families.base import DenoiseSettings, ModelHandle, TemporalAdapter
from livestyle.engine.families.mllm_edit.model import MLLMEditModel
from livestyle.engine.families.mllm_edit.runner import MLLMEditRunner
from livestyle.engine.motion.flow import FlowSettings
from livestyle.engine.motion.refresh import RefreshPolicy
from livestyle.engine.motion.warp import carry
from livestyle.engine.networks.lllite import TemporalLLLite
from livestyle.engine.networks.lllite_file import save_lllite
from livestyle.lab.benchmark.inline import play, restyle

SIDE, CHUNK = 64, 4


def moving(count: int, side: int = SIDE) -> np.ndarray:
    """A picture that moves two pixels a frame."""
    wide = picture(side + 2 * count)
    return np.stack([wide[:side, 2 * i : 2 * i + side] for i in range(count)])


CLIP = moving(16)


@pytest.fixture(scope="session")
def adapter_file(tmp_path_factory: pytest.TempPathFactory, tiny_model: MLLMEditModel) -> Path:
    path = tmp_path_factory.mktemp("adapter") / "lllite.safetensors"
    save_lllite(path, random_adapter(tiny_model.denoiser.unet), {"step": "0"})
    return path


def runner_of(model: MLLMEditModel, *adapters: TemporalAdapter, **settings) -> MLLMEditRunner:
    return make_runner(
        model.patched(adapters),
        StreamRequest(
            DenoiseSettings(chunk=CHUNK, **settings),
            ConditioningRecipe("paper sketch", te_refresh_every=0, te_batch_one=True, node_id="text"),
            node_id="denoise",
            model_node_id="model",
            width=SIDE,
            height=SIDE,
        ),
    )


def adapter(path: Path, node_id: str = "lite", **fields) -> TemporalAdapter:
    return TemporalAdapter(str(path), node_id=node_id, **fields)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What adapters were shown: pictures and which of them count."""
    calls = []
    original = TemporalLLLite.refresh

    def spy(self: TemporalLLLite, images: torch.Tensor, present: torch.Tensor) -> None:
        calls.append((images.clone(), present.clone()))
        original(self, images, present)

    monkeypatch.setattr(TemporalLLLite, "refresh", spy)
    return calls


def test_pictures_are_the_previous_output_carried_to_each_frame(
    tiny_model: MLLMEditModel, adapter_file: Path, shown: list
) -> None:
    flow = FlowSettings("farneback", 1.0)
    done = list(play(runner_of(tiny_model, adapter(adapter_file, flow=flow)), CLIP))
    assert len(shown) == len(done) == 4
    assert not shown[0][1].any()  # nothing, not the raw input, before there is an output
    for chunk in (1, 2, 3):
        pictures, present = shown[chunk]
        assert present.all()
        for offset in range(CHUNK):
            source = CLIP[chunk * CHUNK - 1], CLIP[chunk * CHUNK + offset]
            expected = carry(done[chunk - 1][-1], flow.find(*source))
            found = (pictures[offset].permute(1, 2, 0).numpy() + 1.0) * 127.5
            assert np.abs(found - expected).mean() < 0.5


def test_strength_does_not_reach_the_pictures(
    tiny_model: MLLMEditModel, adapter_file: Path, shown: list
) -> None:
    list(play(runner_of(tiny_model, adapter(adapter_file)), CLIP[:8]))
    list(play(runner_of(tiny_model, adapter(adapter_file), strength=0.0), CLIP[:8]))
    assert torch.equal(shown[1][0], shown[3][0])


@pytest.mark.parametrize(
    ("policy", "refreshed"),
    [
        (RefreshPolicy(every=1), [0, 1, 2, 3, 4, 5, 6, 7]),
        (RefreshPolicy(every=3), [0, 1, 4, 7]),
        (RefreshPolicy(every=0), [0, 1]),
        (RefreshPolicy(every=0, motion=12.0), [0, 1, 3, 5, 7]),  # 8 pixels a chunk
    ],
)
def test_refreshes_as_often_as_asked(
    tiny_model: MLLMEditModel, adapter_file: Path, policy: RefreshPolicy, refreshed: list[int]
) -> None:
    runner = runner_of(tiny_model, adapter(adapter_file, refresh=policy))
    list(play(runner, moving(8 * CHUNK)))
    assert list(runner.state.refreshes) == refreshed


@pytest.mark.parametrize("cut", [8, 10])
def test_nothing_of_the_old_scene_after_a_cut(
    tiny_model: MLLMEditModel, adapter_file: Path, shown: list, cut: int
) -> None:
    night = np.ascontiguousarray(255 - CLIP[::-1])
    lite = adapter(adapter_file, refresh=RefreshPolicy(every=0))
    both = list(play(runner_of(tiny_model, lite), np.concatenate([CLIP[:cut], night])))
    assert [present.tolist() for _, present in shown[2:4]] == [
        [index < cut - 8 for index in range(CHUNK)],
        [True] * CHUNK,
    ]
    alone = next(play(runner_of(tiny_model, lite), night))
    rest = 12 - cut
    assert np.abs(both[2][-rest:].astype(int) - alone[:rest]).max() <= 1
    shown.clear()
    ignored = adapter(adapter_file, refresh=RefreshPolicy(every=0, cuts=False))
    list(play(runner_of(tiny_model, ignored), np.concatenate([CLIP[:cut], night])))
    assert len(shown) == 2


def test_a_new_prompt_drops_the_old_style(tiny_model: MLLMEditModel, adapter_file: Path, shown: list) -> None:
    changes = {2: {"text.prompt": "dark water"}}
    for follows, present in ((True, [0, 4, 0, 4]), (False, [0, 4, 4, 4])):
        shown.clear()
        lite = adapter(adapter_file, refresh=RefreshPolicy(prompt=follows))
        list(play(runner_of(tiny_model, lite), CLIP, changes=changes))
        assert [int(flags.sum()) for _, flags in shown] == present


def test_multiplier_is_live_and_late(tiny_model: MLLMEditModel, adapter_file: Path) -> None:
    runner = runner_of(tiny_model, adapter(adapter_file))
    spec = next(spec for spec in runner.live_parameters if spec.key == "lite.multiplier")
    assert (spec.late, spec.minimum, spec.maximum) == (True, 0.0, 4.0)
    changed = list(play(runner, CLIP, changes={2: {"lite.multiplier": 0.0}}))
    bare, full = (list(play(runner_of(tiny_model, *on), CLIP)) for on in ((), (adapter(adapter_file),)))
    assert np.array_equal(changed[1], full[1])
    assert not np.array_equal(changed[1], bare[1])
    assert np.abs(changed[3].astype(int) - bare[3]).max() <= 1


def test_adapters_chain_and_leave_the_model_alone(tiny_model: MLLMEditModel, adapter_file: Path) -> None:
    clip, settings = CLIP[: 2 * CHUNK], DenoiseSettings(chunk=CHUNK)
    bare = restyle(tiny_model, clip, "paper", settings)
    down, up = (adapter(adapter_file, blocks, hooks=blocks) for blocks in ("down", "up"))
    one, other, both, swapped = (
        restyle(tiny_model, clip, "paper", settings, adapters=on)
        for on in ((down,), (up,), (down, up), (up, down))
    )
    assert len({pixels.tobytes() for pixels in (bare, one, other, both)}) == 4
    assert np.array_equal(both, swapped)
    assert np.array_equal(bare, restyle(tiny_model, clip, "paper", settings))


def test_published_width_layout_and_pictures_that_are_not_square(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path, "width", "velocity")
    model = load_model(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
    path = tmp_path / "lllite.safetensors"
    save_lllite(path, random_adapter(model.denoiser.unet), {})
    clip = np.ascontiguousarray(CLIP[:, :32])
    settings = DenoiseSettings(chunk=CHUNK)
    bare = restyle(model, clip, "paper", settings)
    found = restyle(model, clip, "paper", settings, adapters=(adapter(path),))
    assert found.shape == clip.shape
    assert not np.array_equal(found, bare)


def test_without_a_source_the_output_stays_where_it_is(
    tiny_model: MLLMEditModel, adapter_file: Path, shown: list
) -> None:
    done = list(play(runner_of(tiny_model, adapter(adapter_file)), None, length=6))
    assert [len(part) for part in done] == [4, 2]
    found = (shown[1][0].permute(0, 2, 3, 1).numpy() + 1.0) * 127.5
    assert np.abs(found - done[0][-1]).max() < 0.01


def test_other_families_refuse_an_adapter(adapter_file: Path) -> None:
    with pytest.raises(SettingError, match=r"^TemporalLLLite lite fits MLLM-edit models only: bypass it\.$"):
        InvertModel(Behaviour()).patched((adapter(adapter_file),))
    model = InvertModel(Behaviour())
    assert model.patched(()) is model
