"""The throughput report of a recipe."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from livestyle.lab.training.loop import LoopConfig, train
from livestyle.lab.training.profile import part


def test_a_profiled_recipe_reports_and_keeps_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = nn.Linear(256, 256)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        with part("data"):
            time.sleep(0.01)
            x = torch.randn(64, 256, generator=generator)
        return {"loss": model(x).square().mean()}

    train(model, loss, tmp_path / "lines", LoopConfig(steps=1000, profile=True))
    report = json.loads(capsys.readouterr().out)
    shares = {key: value for key, value in report.items() if key.endswith("_share")}
    assert report["stage"] == "lines"
    assert set(shares) == {"data_share", "forward_share", "backward_share", "optimiser_share"}
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-3)
    assert shares["data_share"] > 0.5
    assert 0 < report["gflops_per_second"] < report["matmul_gflops_per_second"]
    assert not (tmp_path / "lines").exists()
