"""The pack's examples are offered in the lists of the nodes and read from where they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from livestyle.engine.errors import MediaError


def _options(node: Any, name: str) -> list[str]:
    kind, options = node.GET_NODE_INFO_V1()["input"]["optional"][name]
    return options["options"] if kind == "COMBO" else kind


def test_the_lists_offer_examples_beside_the_input_folder(node_classes: dict[str, Any], comfy: Path) -> None:
    Image.new("RGB", (8, 8)).save(comfy / "input" / "mine.png")
    files, pictures = (
        _options(node_classes["FrameStreamIO"], "file"),
        _options(node_classes["MLLMEncode"], "reference"),
    )
    assert files[:2] == ["", "example: flower"] and "mine.png" not in files
    assert pictures[0] == "none" and {"example: starry night", "mine.png"} <= set(pictures)
    assert "example: flower" not in pictures


def test_an_example_video_is_read_and_not_copied(run_node: Any, comfy: Path) -> None:
    before = sorted((comfy / "input").iterdir())
    plan = run_node("FrameStreamIO", mode="read", file="example: flower").args[0]
    assert Path(plan.operation.source.location).name == "flower.mp4"
    assert sorted((comfy / "input").iterdir()) == before


def test_a_chosen_picture_follows_the_connected_ones(run_node: Any, comfy: Path) -> None:
    import torch

    Image.fromarray(np.full((4, 6, 4), 255, np.uint8)).save(comfy / "input" / "white.png")
    recipe = run_node(
        "MLLMEncode", prompt="", references=torch.zeros(1, 5, 5, 3), reference="white.png"
    ).args[0]
    connected, chosen = recipe.references
    assert connected.shape == (5, 5, 3) and not connected.any()
    assert chosen.shape == (4, 6, 3) and chosen.dtype == torch.float32 and bool((chosen == 1).all())
    other = run_node("MLLMEncode", prompt="", reference="example: the kiss").args[0]
    assert other.references[0].shape[2] == 3 and other.fingerprint != recipe.fingerprint


def test_no_reference_is_none(run_node: Any) -> None:
    assert run_node("MLLMEncode", prompt="oil").args[0].references == ()


@pytest.mark.parametrize("name", ["notes.png", "example: nothing", "../outside.png"])
def test_what_is_no_picture_is_one_line(run_node: Any, comfy: Path, name: str) -> None:
    (comfy / "input" / "notes.png").write_text("not a picture")
    with pytest.raises(MediaError) as error:
        run_node("MLLMEncode", prompt="", reference=name)
    assert "\n" not in str(error.value) and name.strip("./") in str(error.value)
