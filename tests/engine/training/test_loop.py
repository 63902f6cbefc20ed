"""A training run that was stopped goes on as if it had not been."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from livestyle.engine.training.loop import LoopConfig, train


def run(folder: Path, steps: int, muon: bool) -> torch.Tensor:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        x = torch.randn(8, 4, generator=generator)
        return {"loss": (model(x) - x.sum(1, keepdim=True)).square().mean()}

    train(model, loss, folder, LoopConfig(steps=steps, muon=muon, cooldown=0.0, warmup=5, learning_rate=1e-2))
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("muon", [False, True])
def test_resuming_is_exact(tmp_path: Path, muon: bool) -> None:
    whole = run(tmp_path / "whole", 40, muon)
    run(tmp_path / "parts", 20, muon)
    assert torch.equal(run(tmp_path / "parts", 40, muon), whole)


def test_training_lowers_the_loss_and_logs_it(tmp_path: Path) -> None:
    run(tmp_path, 300, True)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 300
    assert lines[-1]["loss"] < 0.2 * lines[0]["loss"]


def test_rate_warms_up_stays_and_cools_down() -> None:
    config = LoopConfig(steps=1000, learning_rate=1.0, warmup=100, cooldown=0.3)
    assert config.rate(0) == pytest.approx(0.01)
    assert config.rate(500) == 1.0
    assert config.rate(999) == pytest.approx(0.05, abs=0.01)
