"""fp8 weights: smaller, close, and one line where they can't be had."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from livestyle.engine.errors import SettingError
from livestyle.engine.families import load_model, weight_bytes
from livestyle.engine.families.base import ModelHandle

CPU = torch.device("cpu")


def stored(module: nn.Module) -> int:
    """Bytes that a Linear's weight takes as it is stored."""
    weight = module.weight
    return weight.qdata.nbytes if hasattr(weight, "qdata") else weight.nbytes


def test_matrices_take_one_byte_and_the_error_is_reported(tiny_folder: Path) -> None:
    pytest.importorskip("torchao", reason="torchao is an optional extra")
    plain = load_model(ModelHandle(str(tiny_folder)), CPU, torch.bfloat16)
    model = load_model(ModelHandle(str(tiny_folder), dtype="fp8"), CPU, torch.bfloat16)
    name = "mid_block.attentions.0.proj_in"
    one, other = (each.denoiser.unet.get_submodule(name) for each in (model, plain))
    assert stored(one) * 2 == stored(other)
    error = model.quantised
    assert plain.remark == "" and 0 < error.states < 0.2 and 0 < error.latent < 0.2
    assert model.remark.startswith(f"fp8 changes the text states by {error.states:.1%}")


def test_the_footprint_counts_the_bytes_that_are_stored(tiny_folder: Path) -> None:
    pytest.importorskip("torchao", reason="torchao is an optional extra")
    handle = ModelHandle(str(tiny_folder), dtype="fp8")
    model, shown = load_model(handle, CPU, torch.bfloat16), weight_bytes(handle, torch.bfloat16)
    for part, network in (("unet", model.denoiser.unet), ("text_encoder", model.encoder.model)):
        weights = list(network.parameters())
        assert any(hasattr(weight, "qdata") for weight in weights)
        assert shown[part] == sum(getattr(weight, "qdata", weight).nbytes for weight in weights), part


def test_without_torchao_one_line_says_what_to_install(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(SettingError, match=r"^dtype fp8 needs torchao: install it .*or use bf16\.$"):
        load_model(ModelHandle(str(tiny_folder), dtype="fp8"), CPU, torch.bfloat16)
