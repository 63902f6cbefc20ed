"""A text encoder that keeps to the CPU, as UMT5 does (11 GB): what a new prompt moves."""

from __future__ import annotations

from pathlib import Path

import tiny_rtr_dit
import torch

from livestyle.engine.families.rtr_dit.text import load_text
from livestyle.lab.benchmark.dry_run.pretended import DEVICE, PretendedCuda, pretend_cuda


def told(folder: Path, device: PretendedCuda) -> int:
    """Encode two prompts; bytes of the encoder's weights."""
    text = load_text(tiny_rtr_dit.write_umt5(folder), "umt5", 16, torch.bfloat16)
    assert text is not None
    weights = sum(tensor.nbytes for tensor in text.encoder.model.parameters())
    with torch.inference_mode():
        text.encode("dark water", DEVICE)
        device.ledger.uploads.clear()
        device.ledger.downloads.clear()
        text.encode("paint stone", DEVICE)
    assert all(tensor.device.type == "cpu" for tensor in text.encoder.model.parameters())
    return weights


def test_a_new_prompt_brings_the_weights_up_once(tmp_path: Path) -> None:
    with pretend_cuda() as device:
        weights = told(tmp_path, device)
        moved = sum(copied.bytes for copied in device.ledger.uploads)
        assert weights <= moved <= 1.1 * weights


def test_the_weights_are_dropped_not_brought_back(tmp_path: Path) -> None:
    with pretend_cuda() as device:
        weights = told(tmp_path, device)
        assert sum(copied.bytes for copied in device.ledger.downloads) < weights / 10
