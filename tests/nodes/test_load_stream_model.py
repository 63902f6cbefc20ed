"""LoadStreamModel: parts from ComfyUI's folders, consent to download, the line before loading."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hub
import pytest
import torch
from safetensors.torch import save_file
from wan_files import SMALL, wan_shapes, write_safetensors

from livestyle.engine.errors import CheckpointError, SettingError
from livestyle.engine.families.base import ModelHandle

RunNode = Callable[..., Any]
DEMO = "demo: mllm-edit"
NAME = "DreamLite-mobile"
FILES = {
    "model_index.json": json.dumps({"_class_name": "DreamLiteMobilePipeline"}).encode(),
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": bytes(1000),
}


@pytest.fixture
def repository(comfy: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[hub.Hub]:
    """A hub instead of huggingface.co, and no release on this machine before or after."""
    with hub.running(dict(FILES)) as running:
        # as HF_ENDPOINT does, which is read when the library is imported
        pattern = f"{running.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", running.url)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", pattern)
        monkeypatch.setattr(
            "huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", pattern, raising=False
        )
        yield running
    shutil.rmtree(comfy / "models" / "stream_models" / NAME, ignore_errors=True)


@pytest.fixture(autouse=True)
def model_folder(node_classes: dict[str, Any], comfy: Path) -> Path:
    from livestyle.nodes import host

    host.register_model_folder()
    folder = comfy / "models" / "stream_models"
    folder.mkdir(exist_ok=True)
    return folder


def test_releases_are_listed_after_what_is_there(node_classes: dict[str, Any]) -> None:
    options = node_classes["LoadStreamModel"].INPUT_TYPES()["required"]["checkpoint"][1]["options"]
    assert options.index(DEMO) < options.index(NAME) < options.index("DreamLite-base")


def test_nothing_is_fetched_without_consent(
    run_node: RunNode, repository: hub.Hub, model_folder: Path
) -> None:
    with pytest.raises(CheckpointError) as said:
        run_node("LoadStreamModel", checkpoint=NAME)
    line = str(said.value)
    assert "switch on download" in line and "CC BY-NC 4.0" in line and "carlofkl/DreamLite-mobile" in line
    assert "\n" not in line
    assert repository.asked == 0 and not (model_folder / NAME).exists()


def test_with_consent_it_is_fetched_once(
    run_node: RunNode, repository: hub.Hub, model_folder: Path, node_classes: dict[str, Any]
) -> None:
    for _ in range(2):
        (handle,) = run_node("LoadStreamModel", checkpoint=NAME, download=True).args
        assert Path(handle.checkpoint) == model_folder / NAME
    assert sorted(name for name, _ in repository.sent) == sorted(FILES)
    (handle,) = run_node("LoadStreamModel", checkpoint=NAME).args
    assert Path(handle.checkpoint) == model_folder / NAME
    options = node_classes["LoadStreamModel"].INPUT_TYPES()["required"]["checkpoint"][1]["options"]
    assert options.count(NAME) == 1


def test_a_demo_that_the_pack_does_not_have_says_where_it_would_come_from(run_node: RunNode) -> None:
    with pytest.raises(CheckpointError, match="^demo: tbd is not in this pack: train it with scripts/train"):
        run_node("LoadStreamModel", checkpoint="demo: tbd")


def test_consent_fetches_no_other_checkpoint(run_node: RunNode, repository: hub.Hub) -> None:
    run_node("LoadStreamModel", checkpoint=DEMO, download=True)
    with pytest.raises(CheckpointError, match="There is no checkpoint 'unheard of'"):
        run_node("LoadStreamModel", checkpoint="unheard of", download=True)
    assert repository.asked == 0


def test_fp16_is_refused_with_the_reason(run_node: RunNode) -> None:
    with pytest.raises(SettingError, match="fp16 overflows .*reach 1160.*: use bf16 or fp32"):
        run_node("LoadStreamModel", checkpoint=DEMO, dtype="fp16")
    with pytest.raises(SettingError, match="choose one of auto, bf16, fp32, fp8"):
        run_node("LoadStreamModel", checkpoint=DEMO, dtype="int4")
    assert run_node("LoadStreamModel", checkpoint=DEMO, dtype="fp8").args[0].dtype == "fp8"


@pytest.mark.parametrize(
    ("widget", "folder"),
    [
        ("autoencoder", "vae"),
        ("autoencoder", "vae_approx"),
        ("text_encoder", "text_encoders"),
        ("lora", "loras"),
    ],
)
def test_parts_come_from_comfyuis_own_folders(
    run_node: RunNode, node_classes: dict[str, Any], comfy: Path, widget: str, folder: str
) -> None:
    path = comfy / "models" / folder / f"{folder}_part.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file({"weight": torch.zeros(4)}, path)
    options = node_classes["LoadStreamModel"].INPUT_TYPES()["optional"][widget][1]["options"]
    assert path.name in options
    prints = []
    for content in (torch.zeros(4), torch.zeros(5)):
        save_file({"weight": content}, path)
        (handle,) = run_node("LoadStreamModel", checkpoint=DEMO, **{widget: path.name}).args
        assert getattr(handle, widget) == str(path)
        now = node_classes["LoadStreamModel"].fingerprint_inputs(checkpoint=DEMO, **{widget: path.name})
        prints.append((handle.fingerprint, now))
    assert prints[0][0] != prints[1][0] and prints[0][1] != prints[1][1]


def test_a_causal_checkpoint_that_says_nothing_is_asked_and_the_choice_is_shown(
    run_node: RunNode, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from livestyle.nodes import host

    shown: list[str] = []
    monkeypatch.setattr(host, "show_text", lambda node_id, text: shown.append(text))
    name = "Renamed/model.safetensors"
    write_safetensors(model_folder / name, wan_shapes(SMALL))
    try:
        with pytest.raises(SettingError, match="choose profile on Load Stream Model .*longlive for LongLive"):
            run_node("LoadStreamModel", checkpoint=name)
        assert not shown
        (handle,) = run_node("LoadStreamModel", checkpoint=name, profile="longlive").args
        assert handle.profile == "longlive"
        assert shown[-1].endswith("; played as longlive (the profile widget)")
        with pytest.raises(SettingError, match="profile can't be 'nobody': choose one of auto, self_forcing"):
            run_node("LoadStreamModel", checkpoint=name, profile="nobody")
        with pytest.raises(
            SettingError, match="profile longlive does not fit mllm-edit: set profile to auto"
        ):
            run_node("LoadStreamModel", checkpoint=DEMO, profile="longlive")
    finally:
        shutil.rmtree(model_folder / "Renamed")


def test_the_line_before_loading(node_classes: dict[str, Any], tmp_path: Path) -> None:
    from livestyle.nodes.load_stream_model import summary

    folder = tmp_path / NAME
    (folder / "unet").mkdir(parents=True)
    (folder / "text_encoder").mkdir()
    (folder / "model_index.json").write_bytes(FILES["model_index.json"])
    save_file({"a.weight": torch.zeros(1024, 1024)}, folder / "unet" / "x.safetensors")
    save_file({"b": torch.zeros(2048, 1024)}, folder / "text_encoder" / "x.safetensors")
    handle, cpu = ModelHandle(str(folder)), torch.device("cpu")
    assert summary("mllm_edit", handle, torch.bfloat16, {cpu: 7_900_000_000}) == (
        "mllm_edit: 6 MB of weights in bfloat16 (text_encoder 4 MB, unet 2 MB); 7.9 GB free; "
        "CC BY-NC 4.0, non-commercial use only"
    )
    (folder / "livestyle.json").write_text("{}")
    handle = ModelHandle(str(folder), dtype="fp8")
    assert summary("mllm_edit", handle, torch.bfloat16, {cpu: 500_000_000}) == (
        "mllm_edit: 3 MB of weights in fp8 (text_encoder 2 MB, unet 1 MB); 500 MB free"
    )
    second = {torch.device("cuda:0"): 500_000_000, torch.device("cuda:1"): 22_000_000_000}
    assert summary("mllm_edit", handle, torch.bfloat16, second).endswith(
        "; 500 MB free on cuda:0, 22.0 GB free on cuda:1"
    )


def test_devices_are_chosen_by_part(run_node: RunNode) -> None:
    handle = run_node("LoadStreamModel", checkpoint=DEMO, text_encoder_device="cpu").args[0]
    assert (handle.device, handle.text_encoder_device, handle.autoencoder_device) == ("", "cpu", "")
    with pytest.raises(SettingError, match="device cuda:9 isn't here: choose auto or .*cpu"):
        run_node("LoadStreamModel", checkpoint=DEMO, device="cuda:9")


def test_a_strength_does_not_load_the_weights_again(comfy: Path) -> None:
    from livestyle.engine.runtime.loaded_models import ModelStore

    loads: list[ModelHandle] = []
    store = ModelStore(lambda handle: loads.append(handle) or object())
    first = store.get(ModelHandle("a", lora="l", lora_strength=1.0, node_id="2"))
    assert store.get(ModelHandle("a", lora="l", lora_strength=0.2, node_id="3")) is first
    assert store.get(ModelHandle("a", lora="m", lora_strength=0.2, node_id="3")) is not first
    assert len(loads) == 2
