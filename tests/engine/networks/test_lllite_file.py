"""Either key style loads the same adapter; every other file gets one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DreamLiteUNetModel
from safetensors.torch import save_file
from tiny_checkpoint import tiny_unet
from tiny_lllite import random_adapter

from livestyle.engine.errors import CheckpointError
from livestyle.engine.networks.lllite_file import load_lllite

DOWN = "modules_dict.down_blocks__0__attentions__0__transformer_blocks__0__attn2__to_q"


@pytest.fixture(scope="module")
def unet() -> DreamLiteUNetModel:
    torch.manual_seed(0)
    return tiny_unet("channel").eval()


@pytest.fixture
def tensors(unet: DreamLiteUNetModel) -> dict[str, torch.Tensor]:
    return random_adapter(unet).state_dict()


def written(tensors: dict[str, torch.Tensor], folder: Path, **metadata: str) -> Path:
    path = folder / "adapter.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path, metadata)
    return path


def with_underscores(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The other key style."""
    renamed = {}
    for key, tensor in tensors.items():
        _, name, part = key.split(".", 2)
        renamed[f"lllite_unet_{name.replace('__', '_')}.{part}"] = tensor
    return renamed


@pytest.mark.parametrize("rename", [dict, with_underscores])
def test_both_key_styles_load_the_same(unet, tensors, tmp_path: Path, rename) -> None:
    adapter, report = load_lllite(written(rename(tensors), tmp_path), unet)
    loaded = adapter.state_dict()
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[key], tensors[key]) for key in tensors)
    assert list(adapter.hooks) == list(report.matched)
    assert report.filtered == report.unknown == ()


def test_a_subset_reports_what_it_left_out(unet, tensors, tmp_path: Path) -> None:
    tensors |= {"modules_dict.nowhere.up.0.weight": torch.zeros(1), f"{DOWN}.alpha": torch.zeros(1)}
    adapter, report = load_lllite(written(tensors, tmp_path), unet, ("down_blocks", "mid_block"))
    assert set(report.unknown) == {"modules_dict.nowhere.up.0.weight", f"{DOWN}.alpha"}
    assert {name.split(".")[0] for name in report.matched} == {"down_blocks", "mid_block"}
    assert {name.split(".")[0] for name in report.filtered} == {"up_blocks"}
    assert str(report) == (
        f"{len(adapter.hooks)} hooks matched, {len(report.filtered)} filtered, 2 keys unknown"
    )


def test_takes_the_dtype_of_the_unet(tensors, tmp_path: Path) -> None:
    adapter, _ = load_lllite(written(tensors, tmp_path), tiny_unet("channel").to(torch.bfloat16))
    assert {parameter.dtype for parameter in adapter.parameters()} == {torch.bfloat16}


def wider(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The features of SDXL under the names of this model."""
    return tensors | {
        f"{DOWN}.down.0.weight": torch.zeros(12, 640),
        f"{DOWN}.up.0.weight": torch.zeros(640, 12),
    }


def without(part: str):
    return lambda tensors: {key: tensor for key, tensor in tensors.items() if key != f"{DOWN}.{part}"}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            lambda _: {
                "lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.up.0.bias": torch.zeros(1)
            },
            r"is an LLLite for SDXL: choose one made for DreamLite\.$",
        ),
        (
            lambda _: {"lllite_conditioning1.conv1.weight": torch.zeros(1)},
            r"is an LLLite for Anima: choose one made for DreamLite\.$",
        ),
        (lambda _: {"model.weight": torch.zeros(1)}, r"is no LLLite for this model: none of its keys fit\.$"),
        (
            wider,
            r"is for another network: down_blocks\.0\S+ has 640 features at stride 8 there, 32 at 8 in this",
        ),
        (without("up.0.bias"), r"missing or misshapen tensors in down_blocks\.0\S+: download it again\.$"),
        (
            without("down.0.weight"),
            r"missing or misshapen tensors in down_blocks\.0\S+: download it again\.$",
        ),
    ],
    ids=["sdxl", "anima", "unknown", "sdxl_shaped", "no_bias", "no_down"],
)
def test_other_files_are_refused(unet, tensors, tmp_path: Path, change, line: str) -> None:
    with pytest.raises(CheckpointError, match=r"^Adapter adapter\.safetensors ") as refused:
        load_lllite(written(change(tensors), tmp_path), unet)
    refused.match(line)
    assert "\n" not in str(refused.value)


def test_anima_by_its_metadata(unet, tensors, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="for Anima"):
        load_lllite(written(tensors, tmp_path, **{"lllite.version": "2"}), unet)


def test_hooks_that_the_file_lacks(unet, tensors, tmp_path: Path) -> None:
    down = {key: tensor for key, tensor in tensors.items() if "down_blocks" in key}
    with pytest.raises(CheckpointError, match="has no hooks in up_blocks: choose other hooks or all"):
        load_lllite(written(down, tmp_path), unet, ("up_blocks",))


def test_files_that_can_not_be_read(unet, tensors, tmp_path: Path) -> None:
    cut = written(tensors, tmp_path)
    cut.write_bytes(cut.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="is damaged or cut off: download it again"):
        load_lllite(cut, unet)
    with pytest.raises(CheckpointError, match="can't be read: No such file"):
        load_lllite(tmp_path / "missing.safetensors", unet)
    with pytest.raises(CheckpointError, match=r"is no \.safetensors file"):
        load_lllite(tmp_path / "adapter.pt", unet)
