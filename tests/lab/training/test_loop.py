"""A training run that was stopped goes on as if it had not been."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from livestyle.lab.training.loop import LoopConfig, train
from livestyle.lab.training.muon import KernelMuon

CONFIG = LoopConfig(steps=0, cooldown=0.0, warmup=5, learning_rate=1e-2)


def run(folder: Path, config: LoopConfig) -> torch.Tensor:
    torch.manual_seed(0)
    convolution = nn.Conv2d(1, 2, 3, padding=1)
    model = nn.Sequential(convolution, nn.Flatten(), nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        x = torch.randn(8, 1, 2, 2, generator=generator)
        return {"loss": (model(x) - x.sum((1, 2, 3)).unsqueeze(1)).square().mean()}

    train(model, loss, folder, config)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("muon", [{}, {"muon": True}, {"muon": True, "kernels": True}], ids=len)
def test_resuming_is_exact(tmp_path: Path, muon: dict[str, bool]) -> None:
    whole = run(tmp_path / "whole", replace(CONFIG, steps=40, **muon))
    run(tmp_path / "parts", replace(CONFIG, steps=20, **muon))
    assert torch.equal(run(tmp_path / "parts", replace(CONFIG, steps=40, **muon)), whole)


def test_a_kernel_is_stepped_as_the_matrix_it_is(tmp_path: Path) -> None:
    torch.manual_seed(0)
    kernel = nn.Parameter(torch.randn(4, 3, 3, 3))
    matrix = nn.Parameter(kernel.detach().permute(0, 2, 3, 1).flatten(1).clone())
    ours, torchs = KernelMuon([kernel], lr=0.1), torch.optim.Muon([matrix], lr=0.1)
    for _ in range(3):
        slope = torch.randn(4, 3, 3, 3)
        kernel.grad, matrix.grad = slope, slope.permute(0, 2, 3, 1).flatten(1)
        ours.step()
        torchs.step()
    assert torch.equal(kernel.detach().permute(0, 2, 3, 1).flatten(1), matrix.detach())
    ours.zero_grad()
    assert kernel.grad is None


def test_training_lowers_the_loss_and_logs_it(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=300, muon=True))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 300
    assert lines[-1]["loss"] < 0.2 * lines[0]["loss"]


def test_rate_warms_up_stays_and_cools_down() -> None:
    config = LoopConfig(steps=1000, learning_rate=1.0, warmup=100, cooldown=0.3)
    assert config.rate(0) == pytest.approx(0.01)
    assert config.rate(500) == 1.0
    assert config.rate(999) == pytest.approx(0.05, abs=0.01)
