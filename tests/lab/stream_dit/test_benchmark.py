"""The StreamDiT benchmark runs at toy size and says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from livestyle.lab.stream_dit.benchmark.streams import FULL, TOY, Bench, summary


@pytest.mark.slow
def test_toy_rows_say_that_the_full_size_was_not_measured() -> None:
    rows = list(Bench(TOY, torch.device("cpu"), torch.float32).rows())
    evaluations = [row for row in rows if row["row"] == "evaluation"]
    assert [row["latent_frames"] for row in evaluations] == [2, 4, 6, 8, 10, 12, 14, 16]
    assert all(row["ms_per_emitted_frame"] == pytest.approx(row["ms"] / 8) for row in evaluations)
    assert evaluations[-1]["tflop"] > 3 * evaluations[0]["tflop"]  # text costs the same for all
    assert all(row["mfu"] > 0 for row in evaluations)
    assert [row["row"] for row in rows[-3:]] == ["stream with decoder", "compiled", "fp8"]
    assert all("not measured" in row["note"] for row in rows)
    assert rows[-3]["frames"] == 64


def test_the_line_beside_the_papers_is_that_of_the_full_size() -> None:
    def evaluation(scale: str, ms: float, frames: int = 16) -> dict:
        rates = {"tflop": 100.0, "mfu": 0.5, "mfu_of_peak": 0.4, "compiled": ms < 450.0}
        return {"row": "evaluation", "scale": scale, "latent_frames": frames, "ms": ms, **rates}

    def stream(scale: str, fps: float, precision: str) -> dict:
        return {"row": "stream with decoder", "scale": scale, "fps": fps, "precision": precision}

    fp8 = {"row": "evaluation", "scale": FULL.name, "latent_frames": 16, "ms": 90.0}
    rows = [evaluation(FULL.name, 30.0, 2), evaluation(FULL.name, 500.0), evaluation(FULL.name, 400.0), fp8]
    rows += [stream(FULL.name, 17.0, "bfloat16"), stream(FULL.name, 34.0, "fp8")]
    line = summary(rows)
    assert (line["ms"], line["compiled"], line["fps"], line["precision"]) == (400.0, True, 34.0, "fp8")
    assert summary([evaluation(TOY.name, 1.0), stream(TOY.name, 900.0, "bfloat16")]) == {}


def test_the_page_quotes_what_the_bench_writes() -> None:
    page = (Path(__file__).parents[3] / "docs/stream_dit_paper.md").read_text(encoding="utf-8")
    quoted = set(re.findall(r"full_size/(\w+)", page))
    assert quoted and quoted <= {"ms", "tflop", "mfu", "mfu_of_peak", "compiled", "fps", "precision"}


def test_the_full_size_is_the_papers() -> None:
    assert FULL.partition.buffer * (FULL.side // FULL.network.patch) ** 2 == 16_384
    assert (FULL.partition.frames, FULL.partition.chunks, FULL.partition.micro_steps) == (2, 8, 1)
    assert FULL.decoder.latent_channels == FULL.network.channels == 8
