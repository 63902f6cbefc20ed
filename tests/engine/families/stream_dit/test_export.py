"""Weights from elsewhere become a checkpoint folder that loads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_stream_dit import write_text_encoder

from livestyle.engine.errors import CheckpointError, SettingError
from livestyle.engine.families import load_model, probe
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.stream_dit.checkpoint import Description
from livestyle.engine.sampling.partition import Partition
from livestyle.lab.commands.export_checkpoint import export_checkpoint, parse_partition


def export(
    folder: Path, target: Path, weights: Path | None = None, names: tuple[str, ...] = ("byt5",)
) -> None:
    described = Description.read(folder)
    texts = {name: folder / "text_encoders" / "byt5" for name in names}
    export_checkpoint(
        target,
        weights or folder / "model.safetensors",
        Description(described.network, described.profile),
        texts,
        folder.parent / "tiny-video",
    )


def test_an_exported_folder_loads_through_the_front_door(folder: Path, tmp_path: Path) -> None:
    export(folder, tmp_path / "mine")
    assert probe(tmp_path / "mine").name == "stream_dit"
    model = load_model(ModelHandle(str(tmp_path / "mine")), torch.device("cpu"), torch.float32)
    ours = load_file(folder / "model.safetensors")
    assert all(torch.equal(ours[name].float(), t) for name, t in model.network.state_dict().items())


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda t: t.pop("head.bias"), r"^bad.safetensors lacks head.bias \(16,\)"),
        (lambda t: t.update({"zzz": torch.zeros(1)}), "has zzz, which this network does not"),
        (lambda t: t.update({"head.bias": torch.zeros(3)}), r"^head.bias is \(3,\) in bad.safetensors"),
    ],
)
def test_weights_that_do_not_fit_are_named_and_nothing_is_written(
    folder: Path, tmp_path: Path, change, line: str
) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "bad.safetensors")
    with pytest.raises(CheckpointError, match=line):
        export(folder, tmp_path / "mine", tmp_path / "bad.safetensors")
    assert not (tmp_path / "mine").exists()


def test_an_encoder_of_another_width_is_named_and_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    write_text_encoder(tmp_path / "wide", "ul2")
    described = Description.read(folder)
    with pytest.raises(CheckpointError, match="byt5 gives 16 values a token"):
        export_checkpoint(
            tmp_path / "mine",
            folder / "model.safetensors",
            described,
            {"byt5": tmp_path / "wide"},
            folder.parent / "tiny-video",
        )
    assert not (tmp_path / "mine").exists()


def test_wrong_arguments_are_one_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.bin").write_bytes(b"no")
    with pytest.raises(CheckpointError, match="text.bin is no safetensors file"):
        export(folder, tmp_path / "mine", tmp_path / "text.bin")
    with pytest.raises(SettingError, match="has no text encoder gpt"):
        export(folder, tmp_path / "mine", names=("gpt",))
    with pytest.raises(SettingError, match="is not empty"):
        export(folder, tmp_path)
    assert parse_partition("8x2x1") == Partition(8, 2, 1)
    assert parse_partition("1x8x4x8") == Partition(1, 8, 4, 8)
    for wrong in ("8", "8x2", "axbxc", "0x1x1"):
        with pytest.raises(SettingError):
            parse_partition(wrong)
