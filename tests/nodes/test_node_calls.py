"""The nodes themselves, with ComfyUI imported: what they put into the plan, and what they refuse."""

from __future__ import annotations

import gc
import io
import json
import math
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sample_clips import make_clip

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.errors import CheckpointError, LiveStyleError, SettingError
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.media.mixing import Mix
from livestyle.engine.runtime.plan import PlanNode, Read, Stylise, Write

RunNode = Callable[..., Any]


@pytest.fixture(scope="session")
def clip(comfy: Path) -> str:
    """A clip of 24 frames in the input folder."""
    return make_clip(comfy / "input" / "clip.mp4").name


@pytest.fixture
def stream(run_node: RunNode, clip: str) -> PlanNode:
    """What a read node gives."""
    return run_node("FrameStreamIO", "1", file=clip).args[0]


def _line(call: Callable[..., Any], *arguments: Any, **inputs: Any) -> str:
    with pytest.raises(LiveStyleError) as refused:
        call(*arguments, **inputs)
    assert "\n" not in str(refused.value)
    return str(refused.value)


class TrimmedVideo:
    """What ComfyUI 0.33's "Trim Video" gives: the whole file, and which part of it is meant."""

    def __init__(self, path: Path, window: tuple[float, float]) -> None:
        self._path, self._window = path, window

    def get_stream_source(self) -> str:
        return str(self._path)

    def get_active_trim_window(self) -> tuple[float, float]:
        return self._window


class TestReading:
    def test_a_file(self, run_node: RunNode, comfy: Path, clip: str) -> None:
        plan, video, images = run_node(
            "FrameStreamIO", "1", file=clip, start=0.5, every_nth=2, resize="stretch"
        ).args
        assert isinstance(plan.operation, Read) and plan.node_id == "1" and plan.operation.resize == "stretch"
        source = plan.operation.source
        assert (
            source.kind == "file" and Path(source.location) == comfy / "input" / clip and source.fingerprint
        )
        assert (source.trim.start, source.trim.every_nth) == (0.5, 2)
        assert "writes" in video.message and "writes" in images.message

    def test_a_path_may_be_relative_absolute_or_annotated(
        self, run_node: RunNode, comfy: Path, clip: str
    ) -> None:
        (comfy / "output" / "made.mp4").write_bytes((comfy / "input" / clip).read_bytes())
        for path in (clip, str(comfy / "input" / clip), "made.mp4 [output]"):
            assert run_node("FrameStreamIO", path=path).args[0].operation.source.kind == "file"

    def test_a_folder_of_pictures(self, run_node: RunNode, comfy: Path) -> None:
        (comfy / "input" / "pictures").mkdir(exist_ok=True)
        source = run_node("FrameStreamIO", path="pictures", images_fps=12.0).args[0].operation.source
        assert source.kind == "sequence" and source.fps == 12.0

    def test_images_without_alpha(self, run_node: RunNode) -> None:
        source = run_node("FrameStreamIO", images=torch.rand(3, 8, 8, 4)).args[0].operation.source
        assert source.kind == "images" and source.payload.shape == (3, 8, 8, 3)

    def test_a_core_video_is_not_decoded(self, run_node: RunNode, comfy: Path, clip: str) -> None:
        from comfy_api.latest import InputImpl

        path = str(comfy / "input" / clip)
        source = run_node("FrameStreamIO", video=InputImpl.VideoFromFile(path)).args[0].operation.source
        assert source.location == path and source.payload is None
        memory = io.BytesIO(Path(path).read_bytes())
        source = run_node("FrameStreamIO", video=InputImpl.VideoFromFile(memory)).args[0].operation.source
        assert source.payload is memory and source.open().info.width == 128

    @pytest.mark.parametrize(
        ("window", "widgets", "taken"),
        [
            ((1.0, 1.0), {}, (1.0, 1.0)),
            ((1.0, 0.0), {"start": 0.5}, (1.5, 0.0)),
            ((1.0, 1.5), {"start": 0.5, "duration": 5.0}, (1.5, 1.0)),
            ((1.0, 1.5), {"duration": 0.25}, (1.0, 0.25)),
            ((0.0, 0.0), {"start": 0.5}, (0.5, 0.0)),
        ],
    )
    def test_a_core_video_that_newer_cores_trimmed(
        self, run_node: RunNode, comfy: Path, clip: str, window: tuple, widgets: dict, taken: tuple
    ) -> None:
        video = TrimmedVideo(comfy / "input" / clip, window)
        trim = run_node("FrameStreamIO", video=video, **widgets).args[0].operation.source.trim
        assert (trim.start, trim.duration) == taken

    def test_a_start_behind_the_trim_is_refused(self, run_node: RunNode, comfy: Path, clip: str) -> None:
        video = TrimmedVideo(comfy / "input" / clip, (1.0, 1.0))
        assert "ends at 1 s: lower start" in _line(run_node, "FrameStreamIO", video=video, start=2.0)

    @pytest.mark.parametrize("quoted", ['"{}"', "'{}'", ' "{}" '])
    def test_a_quoted_path(self, run_node: RunNode, comfy: Path, clip: str, quoted: str) -> None:
        path = quoted.format(comfy / "input" / clip)
        source = run_node("FrameStreamIO", path=path).args[0].operation.source
        assert Path(source.location) == comfy / "input" / clip

    def test_tracks_and_background(self, run_node: RunNode, clip: str) -> None:
        plan = run_node("FrameStreamIO", file=clip, video_track=2, audio_track=3, background="#0a10FF").args[
            0
        ]
        source = plan.operation.source
        assert (source.tracks.video, source.tracks.audio) == (2, 3) and source.background == (10, 16, 255)
        assert "six hexadecimal" in _line(run_node, "FrameStreamIO", file=clip, background="red")

    @pytest.mark.parametrize(
        "path", ["../secret.mp4", "/etc/passwd", "clips/../../secret.mp4", "../../etc/passwd [output]"]
    )
    def test_nothing_outside_comfyuis_folders(self, run_node: RunNode, comfy: Path, path: str) -> None:
        (comfy / "secret.mp4").write_bytes(b"")
        assert "outside" in _line(run_node, "FrameStreamIO", path=path)

    def test_what_is_missing_is_named(self, run_node: RunNode) -> None:
        assert "gone.mp4" in _line(run_node, "FrameStreamIO", file="gone.mp4")

    def test_exactly_one_source(self, run_node: RunNode, clip: str) -> None:
        assert "nothing to read" in _line(run_node, "FrameStreamIO")
        assert "file and images" in _line(run_node, "FrameStreamIO", file=clip, images=torch.rand(1, 8, 8, 3))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"every_nth": 0},
            {"start": -1.0},
            {"fps": math.nan},
            {"duration": math.inf},
            {"resize": "zzz"},
            {"mode": "zzz"},
        ],
    )
    def test_values_that_arrive_through_links_are_checked(
        self, run_node: RunNode, clip: str, wrong: dict
    ) -> None:
        assert next(iter(wrong)) in _line(run_node, "FrameStreamIO", file=clip, **wrong)


class TestWriting:
    def test_a_connected_output_passes_the_plan_on(
        self, run_node: RunNode, comfy: Path, stream: PlanNode
    ) -> None:
        plan, video, images = run_node("FrameStreamIO", "5", {"6": 0}, frames=stream, keep_last=3).args
        assert isinstance(plan.operation, Write) and plan.parents == (stream,) and plan.node_id == "5"
        sink = plan.operation.sink
        assert Path(sink.path).is_relative_to(comfy / "output" / "livestyle") and sink.keep_last == 3
        assert not Path(sink.path).exists()
        assert "after it" in video.message and "after it" in images.message

    def test_the_graph_is_embedded_as_json(self, run_node: RunNode, stream: PlanNode) -> None:
        tags = dict(run_node("FrameStreamIO", "5", {"6": 0}, frames=stream).args[0].operation.sink.metadata)
        assert set(tags) == {"prompt", "workflow"}

        def refuse(constant: str) -> None:
            raise AssertionError(constant)

        assert "5" in json.loads(tags["prompt"], parse_constant=refuse)

    def test_two_targets_of_one_run_differ(self, run_node: RunNode, stream: PlanNode) -> None:
        first = run_node("FrameStreamIO", "5", {"6": 0}, frames=stream).args[0]
        second = run_node("FrameStreamIO", "6", {"7": 0}, frames=first).args[0]
        assert first.operation.sink.path != second.operation.sink.path

    @pytest.mark.parametrize("prefix", ["../escaped", "/tmp/escaped", "a/../../escaped", "", "  "])
    def test_nothing_is_written_outside_the_output_folder(
        self, run_node: RunNode, stream: PlanNode, prefix: str
    ) -> None:
        assert "filename_prefix" in _line(run_node, "FrameStreamIO", frames=stream, filename_prefix=prefix)

    def test_compare_is_the_second_parent(self, run_node: RunNode, stream: PlanNode) -> None:
        plan = run_node(
            "FrameStreamIO", "5", {"6": 0}, frames=stream, compare=stream, compare_mode="wipe"
        ).args[0]
        assert plan.operation.compare == "wipe" and len(plan.parents) == 2

    def test_contradictions_are_one_line(self, run_node: RunNode, stream: PlanNode, clip: str) -> None:
        assert "mode is read" in _line(run_node, "FrameStreamIO", mode="read", frames=stream)
        assert "connect a stream" in _line(run_node, "FrameStreamIO", mode="write", file=clip)
        assert "connect a stream" in _line(run_node, "FrameStreamIO", compare=stream)
        assert "images" in _line(run_node, "FrameStreamIO", frames=stream, images=torch.rand(1, 8, 8, 3))

    def test_a_mix_has_a_second_stream_and_a_mask_where_it_is_one(
        self, run_node: RunNode, stream: PlanNode
    ) -> None:
        given = {"frames": stream, "frames_b": stream, "mask": stream, "balance": 0.25, "inset_x": 0.5}
        plan, video, _ = run_node("FrameStreamIO", "5", mix="picture in picture", **given).args
        assert plan == PlanNode(Mix("picture in picture", 0.25, 0.5), (stream, stream), "5")
        assert "mixes" in video.message
        assert len(run_node("FrameStreamIO", "5", mix="mask", **given).args[0].parents) == 3

    def test_what_can_not_be_mixed_is_one_line(self, run_node: RunNode, stream: PlanNode) -> None:
        for inputs, expected in (
            ({"mode": "mix", "frames": stream}, "connect a second stream to frames_b"),
            ({"frames": stream, "mask": stream}, "connect a second stream to frames_b"),
            ({"frames_b": stream}, "can't mix: connect a stream to frames"),
            ({"mode": "write", "frames": stream, "frames_b": stream}, "set mode to mix"),
            ({"mode": "read", "frames_b": stream}, "mode is read, but frames_b is connected"),
            ({"frames": stream, "frames_b": stream, "compare": stream}, "compare are connected"),
            ({"frames": stream, "frames_b": stream, "mix": "fade"}, "mix can't be 'fade'"),
            ({"frames": stream, "frames_b": stream, "balance": 2.0}, "balance"),
        ):
            assert expected in _line(run_node, "FrameStreamIO", **inputs)

    def test_an_unconnected_output_runs_the_plan(
        self, run_node: RunNode, comfy: Path, stream: PlanNode
    ) -> None:
        answer = run_node("FrameStreamIO", "5", frames=stream, keep_last=4, filename_prefix="made/here")
        _, video, images = answer.args
        assert video.get_frame_count() == 24
        assert (
            images.shape == (4, 96, 128, 3)
            and images.dtype == torch.float32
            and 0 <= images.min() <= images.max() <= 1
        )
        entry = answer.ui["video"][0]
        assert entry["subfolder"] == "made" and entry["frames"] == 24 and entry["complete"]
        assert (comfy / "output" / "made" / entry["filename"]).exists()

    def test_no_images_are_kept_unasked(self, run_node: RunNode, stream: PlanNode) -> None:
        assert "keep_last" in run_node("FrameStreamIO", "5", frames=stream).args[2].message


class TestFingerprints:
    def test_writing_happens_at_every_run(self, node_classes: dict[str, Any]) -> None:
        node = node_classes["FrameStreamIO"]
        first, second = (node.fingerprint_inputs(frames=None, file="") for _ in range(2))
        assert math.isnan(first) and first is not second  # one shared NaN would count as unchanged

    def test_reading_follows_the_file(self, node_classes: dict[str, Any], comfy: Path) -> None:
        node, path = node_classes["FrameStreamIO"], comfy / "input" / "changing.mp4"
        path.write_bytes(b"1")
        first = node.fingerprint_inputs(file="changing.mp4")
        assert first == node.fingerprint_inputs(file="changing.mp4")
        path.write_bytes(b"12")
        assert first != node.fingerprint_inputs(file="changing.mp4")
        assert node.fingerprint_inputs(file="gone.mp4") == ""


class TestConditioning:
    def test_a_recipe(self, run_node: RunNode) -> None:
        (recipe,) = run_node("MLLMEncode", "3", prompt="ink", te_refresh_every=4).args
        assert recipe == ConditioningRecipe(prompt="ink", te_refresh_every=4, node_id="3")

    def test_references_count_in_comparisons(self, run_node: RunNode) -> None:
        first, again, other = (
            run_node("MLLMEncode", prompt="", references=torch.full((2, 4, 4, 3), value)).args[0]
            for value in (0.1, 0.1, 0.2)
        )
        assert first == again != other and len(first.references) == 2

    def test_a_long_prompt(self, run_node: RunNode) -> None:
        assert "5000" in _line(run_node, "MLLMEncode", prompt="x" * 5000)

    def test_prompt_or_conditioning(self, run_node: RunNode) -> None:
        conditioning = [[torch.zeros(1, 2, 3), {}]]
        assert "empty the prompt" in _line(run_node, "MLLMEncode", prompt="ink", conditioning=conditioning)
        assert run_node("MLLMEncode", prompt=" ", conditioning=conditioning).args[0].external is conditioning


class TestDenoising:
    def _inputs(self) -> dict[str, Any]:
        return {
            "model": ModelHandle("somewhere", node_id="2"),
            "conditioning": ConditioningRecipe(node_id="3"),
        }

    def test_a_step_is_added_to_the_plan(self, run_node: RunNode, stream: PlanNode) -> None:
        (plan,) = run_node(
            "StreamDenoise", "4", frames=stream, width=384, cache_window=9, **self._inputs()
        ).args
        assert isinstance(plan.operation, Stylise) and plan.parents == (stream,) and plan.node_id == "4"
        assert plan.operation.settings.width == 384
        assert plan.operation.settings.advanced == (("cache_window", 9),)

    def test_without_frames_it_generates(self, run_node: RunNode) -> None:
        assert run_node("StreamDenoise", length=30, fps=12.0, **self._inputs()).args[0].parents == ()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"steps": 0},
            {"strength": 1.5},
            {"seed": -1},
            {"chunk": -4},
            {"width": 9000},
            {"fps": -1.0},
            {"noise": "zzz"},
            {"rope_mode": "zzz"},
        ],
    )
    def test_values_are_checked(self, run_node: RunNode, wrong: dict) -> None:
        assert next(iter(wrong)) in _line(run_node, "StreamDenoise", **wrong, **self._inputs())

    def test_flow_and_noise_policy_travel_in_the_settings(self, run_node: RunNode) -> None:
        flow = run_node("FlowWarp", estimator="farneback", scale=1.0).args[2]
        plan = run_node("StreamDenoise", flow=flow, noise="flow_warped", compile=True, **self._inputs()).args[
            0
        ]
        settings = plan.operation.settings
        assert (settings.flow.estimator, settings.flow.scale) == ("farneback", 1.0)
        assert (settings.noise, settings.compile) == ("flow_warped", True)


class TestCheckpoints:
    def test_the_list(self) -> None:
        from livestyle.nodes.checkpoints import checkpoints_in

        files = [
            "big/model_index.json",
            "big/unet/weights.safetensors",
            "single.safetensors",
            "deep\\other\\model_index.json",
            "notes/config.json",
        ]
        assert checkpoints_in(files) == ["big", "deep/other", "single.safetensors"]

    @pytest.mark.parametrize("name", ["nothing", "", "../../etc/passwd", "x.safetensors"])
    def test_an_unknown_one(self, run_node: RunNode, name: str) -> None:
        assert name in _line(run_node, "LoadStreamModel", checkpoint=name)

    def test_a_pickle(self, run_node: RunNode) -> None:
        with pytest.raises(CheckpointError, match="pickle"):
            run_node("LoadStreamModel", checkpoint="model.ckpt")

    def test_a_truncated_file_of_ones_own(
        self, run_node: RunNode, node_classes: dict[str, Any], comfy: Path
    ) -> None:
        from livestyle.nodes import host

        host.register_model_folder()
        folder = comfy / "models" / "stream_models"
        folder.mkdir(exist_ok=True)
        (folder / "cut.safetensors").write_bytes(b"\x10\0\0")
        options = node_classes["LoadStreamModel"].INPUT_TYPES()["required"]["checkpoint"][1]["options"]
        assert "cut.safetensors" in options
        assert "cut.safetensors" in _line(run_node, "LoadStreamModel", checkpoint="cut.safetensors")

    def test_lists_of_the_core_folders(self, run_node: RunNode) -> None:
        from livestyle.nodes.checkpoints import checkpoint_names

        demos = [name for name in checkpoint_names() if name.startswith("demo")]
        if not demos:
            pytest.skip("there is no demo checkpoint yet")
        (handle,) = run_node("LoadStreamModel", "2", checkpoint=demos[0]).args
        assert Path(handle.checkpoint).is_dir() and handle.node_id == "2" and handle.fingerprint
        with pytest.raises(SettingError, match="autoencoder"):
            run_node("LoadStreamModel", checkpoint=demos[0], autoencoder="gone.safetensors")


def test_core_memory_management_moves_whole_models(comfy: Path) -> None:
    from runtime_stubs import Behaviour, InvertModel

    from livestyle.nodes import host

    class OneLayer(InvertModel):
        def __init__(self) -> None:
            super().__init__(Behaviour())
            self.layer = torch.nn.Linear(4, 4)

        def modules(self) -> tuple[Any, ...]:
            return (self.layer,)

    host.empty_device()
    residency, model, other = host.ComfyResidency(), OneLayer(), OneLayer()
    residency.acquire([model], {})
    residency.acquire([model, other], {residency.device: 1 << 20})
    patchers = [weakref.ref(each.model) for each in host.comfy.model_management.current_loaded_models]
    assert len(patchers) == 2
    assert not model.layer.weight.is_inference()
    host.empty_device()
    residency.acquire([model, other], {})
    assert model.layer(torch.zeros(1, 4)).shape == (1, 4)
    weights = [weakref.ref(each.layer.weight) for each in (model, other)]
    del model, other
    gc.collect()
    assert [weight() for weight in weights] == [None, None]
    residency.acquire(
        [OneLayer()], {}
    )  # patchers go with the next session: ComfyUI may be going through them
    gc.collect()
    assert [patcher() for patcher in patchers] == [None, None]


def test_models_of_a_plan_come_in_one_call(comfy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one could push the other out again."""
    from runtime_stubs import Behaviour, InvertModel

    from livestyle.nodes import host

    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(
        host.comfy.model_management,
        "load_models_gpu",
        lambda patchers, memory_required: calls.append((len(patchers), memory_required)),
    )
    models = [InvertModel(Behaviour()) for _ in range(2)]
    host.ComfyResidency().acquire(models, {host.residency.device: 5})
    assert calls == [(2, 5)]


def test_fp8_asks_for_room_for_full_weights(comfy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They lie on the device before they are quantised there."""
    from types import SimpleNamespace

    from livestyle.engine.families import demo_checkpoints
    from livestyle.engine.families.base import ModelHandle
    from livestyle.nodes import run

    asked: list[int] = []
    monkeypatch.setattr(run.host, "make_room", lambda size, device: asked.append(size))
    monkeypatch.setattr(run, "load_model", lambda *_: SimpleNamespace(remark=""))
    folder = str(demo_checkpoints()["demo: mllm-edit"])
    for dtype in ("bf16", "fp8"):
        run.load(ModelHandle(folder, dtype=dtype))
    assert asked[0] == asked[1] > 0
