"""The documented layout of a StreamDiT checkpoint, and what is said of damaged ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from tiny_stream_dit import PARTITIONS, write_text_encoder, write_tiny_checkpoint

from livestyle.engine.errors import CheckpointError, SettingError
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.stream_dit.checkpoint import Description
from livestyle.engine.families.stream_dit.loader import load
from livestyle.engine.families.stream_dit.model import StreamDiTModel
from livestyle.engine.families.stream_dit.profile import Profile

CPU = torch.device("cpu")


def read(folder: Path, **handle: str) -> StreamDiTModel:
    return load(ModelHandle(str(folder), **handle), CPU, torch.float32)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder.parent, tmp_path / "models")
    return tmp_path / "models" / "tiny"


def test_a_folder_has_the_documented_files(folder: Path, model: StreamDiTModel) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "livestyle.json",
        "model.safetensors",
        "text_encoders",
    }
    assert Description.recognises(folder)
    assert not Description.recognises(folder / "text_encoders")
    assert model.profile.partitions == PARTITIONS
    assert model.autoencoder.temporal == 4
    assert list(model.text.encoders) == ["byt5"]


def test_descriptions_survive_a_round_trip(folder: Path, tmp_path: Path) -> None:
    described = Description.read(folder)
    described.write(tmp_path)
    assert Description.read(tmp_path) == described
    assert Profile.from_json(json.loads(json.dumps(described.profile.as_json()))) == described.profile


def test_all_three_text_encoders_load(tmp_path: Path) -> None:
    model = read(write_tiny_checkpoint(tmp_path, ("ul2", "byt5", "metaclip")))
    assert list(model.text.encoders) == ["ul2", "byt5", "metaclip"]
    assert len(model.modules()) == 5


def test_an_autoencoder_inside_the_folder_is_found(copy: Path) -> None:
    (copy.parent / "tiny-video").rename(copy / "autoencoder")
    values = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**values, "autoencoder": ""}))
    assert read(copy).autoencoder.channels == 4


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda f: (f / "config.json").write_text("{"), "config.json of tiny is no StreamDiT description"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json of tiny is no StreamDiT description"),
        (lambda f: (f / "model.safetensors").unlink(), "lacks model.safetensors: get the whole folder"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x" * 50), "damaged or cut off: get it again"),
        (lambda f: shutil.rmtree(f.parent / "tiny-video"), "needs the autoencoder tiny-video: put it at"),
        (lambda f: shutil.rmtree(f / "text_encoders"), "tiny holds no text encoder: put byt5 in its"),
    ],
)
def test_damage_is_one_line(copy: Path, damage, line: str) -> None:
    damage(copy)
    with pytest.raises(CheckpointError, match=line) as caught:
        read(copy)
    assert "\n" not in str(caught.value)


def test_layouts_of_unequal_length_are_one_line(copy: Path) -> None:
    values = json.loads((copy / "config.json").read_text())
    for layouts in ([], [*values["profile"]["partitions"], {"chunks": 3, "frames": 3}]):
        changed = {**values, "profile": {**values["profile"], "partitions": layouts}}
        (copy / "config.json").write_text(json.dumps(changed))
        with pytest.raises(SettingError, match="^profile.partitions: name at least one layout"):
            read(copy)


@pytest.mark.parametrize(
    ("part", "change", "line"),
    [
        ("profile", {"advance": "Euler"}, "^profile.advance is Euler: use euler or renoise"),
        ("profile", {"text_limits": [["gpt", 9]]}, "gpt"),
        ("profile", {"latents": {"mean": [0.0], "deviation": [1.0]}}, "has 1 means for 4 channels"),
        ("network", {"predicts": "x0"}, "predicts is x0, not velocity or data"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_one_line(
    copy: Path, part: str, change: dict, line: str
) -> None:
    values = json.loads((copy / "config.json").read_text())
    values[part] |= change
    (copy / "config.json").write_text(json.dumps(values))
    with pytest.raises((CheckpointError, SettingError), match=line) as caught:
        read(copy)
    assert "\n" not in str(caught.value)


def test_a_text_encoder_of_another_width_is_one_line(copy: Path) -> None:
    shutil.rmtree(copy / "text_encoders" / "byt5")
    write_text_encoder(copy / "text_encoders" / "byt5", "ul2")
    with pytest.raises(CheckpointError, match="byt5 gives 16 values a token, the network reads 8"):
        read(copy)


def test_a_config_of_another_size_is_one_line(copy: Path) -> None:
    values = json.loads((copy / "config.json").read_text())
    values["network"]["width"] = 32
    (copy / "config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match="^model.safetensors of tiny does not fit its config.json: "):
        read(copy)


@pytest.mark.parametrize(
    ("handle", "line"), [({"lora": "x"}, "^lora: "), ({"text_encoder": "x"}, "^text_encoder: ")]
)
def test_what_the_family_cannot_take_names_the_widget(folder: Path, handle: dict, line: str) -> None:
    with pytest.raises(SettingError, match=line):
        read(folder, **handle)


def test_float8_without_a_fitting_gpu_is_one_line(folder: Path) -> None:
    if torch.cuda.is_available() and torch.cuda.get_device_capability() >= (8, 9):
        pytest.skip("this GPU has float8 products")
    with pytest.raises(SettingError, match="^dtype fp8 needs an NVIDIA GPU of the Ada"):
        read(folder, dtype="fp8")
