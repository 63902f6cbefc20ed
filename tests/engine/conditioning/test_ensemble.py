"""The text encoders of StreamDiT, tiny but of the real classes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_stream_dit import write_text_encoder

from livestyle.engine.conditioning.ensemble import load_ensemble
from livestyle.engine.errors import CheckpointError, SettingError

LIMITS = {"ul2": 40, "byt5": 40, "metaclip": 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint") / "text_encoders"
    for name in LIMITS:
        write_text_encoder(folder / name, name)
    return folder


def test_every_encoder_reads_every_prompt(folder: Path) -> None:
    ensemble = load_ensemble(folder, LIMITS, torch.float32)
    with torch.no_grad():
        both = ensemble.encode(["a red circle", "a blue star moves left"])
        alone = ensemble.encode(["a red circle"])
    assert list(both) == list(LIMITS)
    for name, states in both.items():
        length = int(states.mask[0].sum())
        assert length < states.mask.shape[1] == int(states.mask[1].sum())
        assert states.states.shape[-1] == ensemble.encoders[name].width
        assert torch.allclose(states.states[0, :length], alone[name].states[0], atol=1e-5)
        assert not torch.allclose(states.states[0, 1], states.states[1, 1])


@pytest.mark.parametrize("names", [["byt5"], ["ul2", "metaclip"], ["metaclip"]])
def test_any_subset_loads(folder: Path, names: list[str], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).symlink_to(folder / name, target_is_directory=True)
    assert list(load_ensemble(tmp_path, LIMITS, torch.float32).encoders) == names


def test_byt5_reads_bytes(folder: Path) -> None:
    encoder = load_ensemble(folder, {"byt5": 40}, torch.float32).encoders["byt5"]
    assert encoder.token_ids("ab") == [ord("a") + 3, ord("b") + 3, 1]


def test_a_prompt_that_is_too_long_is_one_line(folder: Path) -> None:
    ensemble = load_ensemble(folder, LIMITS, torch.float32)
    ensemble.check("a red circle")
    with pytest.raises(SettingError, match=r"^prompt is too long for this model: keep about 39 letters\.$"):
        ensemble.check("x" * 80)


def test_a_folder_without_encoders_or_with_a_damaged_one_is_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no text encoder: put ul2 or byt5 or metaclip in its"):
        load_ensemble(tmp_path, LIMITS, torch.float32)
    (tmp_path / "byt5").mkdir()
    (tmp_path / "byt5" / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"^Text encoder byt5 can't be read \(.+\): get it again\."):
        load_ensemble(tmp_path, LIMITS, torch.float32)
    (tmp_path / "byt5" / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(CheckpointError, match="byt5 is a gpt2 model: T5, CLIP and BERT"):
        load_ensemble(tmp_path, LIMITS, torch.float32)
