"""The StreamDiT benchmark runs at toy size and says so."""

from __future__ import annotations

import pytest
import torch

from livestyle.engine.benchmark.stream_dit import FULL, TOY, Bench


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


def test_the_full_size_is_the_papers() -> None:
    assert FULL.partition.buffer * (FULL.side // FULL.network.patch) ** 2 == 16_384
    assert (FULL.partition.frames, FULL.partition.chunks, FULL.partition.micro_steps) == (2, 8, 1)
    assert FULL.decoder.latent_channels == FULL.network.channels == 8
