"""The documented layout of a StreamEdit-DiT checkpoint, and what is said of wrong ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_streamedit_dit import PROFILE, SIZES

from livestyle.engine.errors import CheckpointError, SettingError
from livestyle.engine.families import load_model, probe
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.stream_dit.loader import load as load_stream_dit
from livestyle.engine.families.streamedit_dit.checkpoint import Description
from livestyle.engine.families.streamedit_dit.loader import load
from livestyle.engine.families.streamedit_dit.model import StreamEditDiTModel
from livestyle.engine.families.streamedit_dit.profile import Profile
from livestyle.engine.sampling.edit_stream import DIAGONAL
from livestyle.engine.sampling.partition import Partition
from livestyle.lab.commands.export_checkpoint import export_checkpoint

CPU = torch.device("cpu")


def read(folder: Path, **handle: str) -> StreamEditDiTModel:
    return load(ModelHandle(str(folder), **handle), CPU, torch.float32)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder.parent, tmp_path / "models")
    return tmp_path / "models" / "tiny-edit"


def edit_config(folder: Path, **changes) -> None:
    values = json.loads((folder / "config.json").read_text())
    for part, entries in changes.items():
        values[part] |= entries
    (folder / "config.json").write_text(json.dumps(values))


def test_the_front_door_knows_the_family(folder: Path) -> None:
    assert probe(folder).name == "streamedit_dit"
    model = load_model(ModelHandle(str(folder)), CPU, torch.float32)
    assert isinstance(model, StreamEditDiTModel)
    assert (model.network.config, model.profile) == (SIZES, PROFILE)
    stored = load_file(folder / "model.safetensors")
    assert all(torch.equal(stored[name].float(), t) for name, t in model.network.state_dict().items())


def test_descriptions_survive_a_round_trip(folder: Path, tmp_path: Path) -> None:
    described = Description.read(folder)
    described.write(tmp_path)
    assert Description.read(tmp_path) == described
    profile = Profile(prediction="epsilon")
    assert Profile.from_json(json.loads(json.dumps(profile.as_json()))) == profile


def test_the_text_encoder_reads_words(model: StreamEditDiTModel) -> None:
    said = model.text.encode(["paint the stone", "glass"])["sentence"]
    assert said.states.shape == (2, said.mask.shape[1], 96)
    assert said.mask.sum(1).tolist()[0] > said.mask.sum(1).tolist()[1]


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda f: (f / "config.json").write_text("{"), "is no StreamEdit-DiT description"),
        (lambda f: edit_config(f, network={"wings": 2}), "is no StreamEdit-DiT description"),
        (lambda f: edit_config(f, network={"width": 32}), "does not fit its config.json: "),
        (lambda f: (f / "model.safetensors").unlink(), "lacks model.safetensors: get the whole folder"),
        (
            lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:5000]),
            "damaged or cut off: get it again",
        ),
        (lambda f: shutil.rmtree(f.parent / "tiny-video"), "needs the autoencoder tiny-video: put it at"),
        (lambda f: shutil.rmtree(f / "text_encoders"), "holds no text encoder: put sentence in its"),
    ],
)
def test_damage_is_one_line(copy: Path, damage, line: str) -> None:
    damage(copy)
    with pytest.raises(CheckpointError, match=line) as caught:
        read(copy)
    assert "\n" not in str(caught.value)


def test_another_familys_folder_says_whose_it_is(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no StreamDiT description \(it says streamedit_dit\)"):
        load_stream_dit(ModelHandle(str(folder)), CPU, torch.float32)


@pytest.mark.parametrize(
    ("handle", "line"),
    [({"lora": "x"}, "^lora: "), ({"text_encoder": "x"}, "^text_encoder: "), ({"dtype": "fp8"}, "^dtype: ")],
)
def test_what_the_family_cannot_take_names_the_widget(folder: Path, handle: dict, line: str) -> None:
    with pytest.raises(SettingError, match=line):
        read(folder, **handle)


@pytest.mark.parametrize("partitions", [(), (Partition(3, 2),), (Partition(3, 1, 2, 1),)])
def test_layouts_that_are_no_edit_streams_are_refused(partitions: tuple) -> None:
    with pytest.raises(SettingError, match=r"^profile\.partitions: "):
        Profile(partitions)


def test_own_weights_are_exported_and_load(folder: Path, tmp_path: Path) -> None:
    described = Description(SIZES, Profile((DIAGONAL,), text_limits=(("sentence", 24),)))
    texts = {"sentence": folder / "text_encoders" / "sentence"}
    weights = folder / "model.safetensors"
    export_checkpoint(tmp_path / "mine", weights, described, texts, folder.parent / "tiny-video")
    assert probe(tmp_path / "mine").name == "streamedit_dit"
    assert read(tmp_path / "mine").profile.partitions == (DIAGONAL,)
