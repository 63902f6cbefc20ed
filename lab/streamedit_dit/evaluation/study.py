"""The rows of the paper's Tables 1 and 2 on edit60: every variant on every pair, with several seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from ....engine.families.base import DenoiseSettings
from ....engine.families.streamedit_dit.model import StreamEditDiTModel
from ....engine.networks.sparse_attention.backends import Backend
from ...benchmark.inline import restyle
from ...evaluation.clips import Clip
from ...metrics.change import explained_change, squared_error
from ...metrics.editing import MEASURES, EditJudge
from ...metrics.perceptual import EfficientNetLite0
from ...stream_dit.training.ablation import interval
from .edit60 import Films, Pair, make_films

Row = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    Attributes:
        model: what is measured.
        window: latent frames; 0 adapts.
        note: what the reader must know of it.
        backend: how sparse attention is computed. Chosen by speed (None) it would be dense at the small sizes
            that are studied here, and nothing would tell DSA from full attention.
    """

    name: str
    model: StreamEditDiTModel
    window: int = 0
    note: str = ""
    backend: Backend | None = "gather"

    def edit(self, source: np.ndarray, prompt: str, seed: int) -> np.ndarray:
        """The clip, uint8 RGB, edited through the family's own runner."""
        advanced = (("cache_window", self.window), ("attention_backend", self.backend))
        return restyle(
            self.model, source, prompt, DenoiseSettings(seed=seed, noise="fresh", advanced=advanced)
        )


@dataclass(frozen=True)
class EditStudy:
    """All pairs under all variants.

    Attributes:
        films: of ``read_films``.
        frames, side: of every clip.
        seeds: of the noise.
        emit: takes each row as it is measured.
    """

    variants: Sequence[Variant]
    pairs: Sequence[Pair]
    films: Mapping[str, Clip]
    trunk: EfficientNetLite0
    frames: int
    side: int
    seeds: Sequence[int]
    emit: Callable[[Row], None]

    def rows(self) -> Iterator[Row]:
        """For each pair what the autoencoder allows, then a row for each variant and seed."""
        for pair in tqdm(self.pairs, desc="pairs"):
            films = make_films(pair, self.films.get(pair.name), self.frames, self.side)
            judge = EditJudge(films.source, films.target, [films.wrong], self.trunk)
            about = {
                "pair": pair.name,
                "kind": pair.kind,
                "style": pair.asked.edit if pair.kind == "style" else "",
                "film": self.films[pair.name].name if pair.name in self.films else "world",
            }
            ceiling, unchanged = (self._through_autoencoder(clip) for clip in (films.target, films.source))
            limits = [squared_error(clip, films.target) for clip in (ceiling, unchanged)]
            yield self._kept({**about, "variant": "ceiling", "seed": 0, **judge.measure(ceiling)})
            for variant in self.variants:
                for seed in self.seeds:
                    yield self._kept(
                        {
                            **about,
                            "variant": variant.name,
                            "seed": seed,
                            **self._measured(variant, pair, films, judge, seed, limits),
                        }
                    )

    def _measured(
        self, variant: Variant, pair: Pair, films: Films, judge: EditJudge, seed: int, limits: list[float]
    ) -> Row:
        cpu, clock = time.process_time(), time.perf_counter()
        output = variant.edit(films.source, pair.asked.text, seed)
        cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
        explained = explained_change(squared_error(output, films.target), *limits)
        return {
            **judge.measure(output),
            "explained_change": explained,
            "cpu_ms_per_frame": cpu / len(output) * 1000.0,
            "ms_per_frame": clock / len(output) * 1000.0,
        }

    @torch.inference_mode()
    def _through_autoencoder(self, clip: np.ndarray) -> np.ndarray:
        stream = self.variants[0].model.autoencoder.for_stream()
        latents = torch.cat([stream.encode_chunk(torch.from_numpy(np.array(clip))), stream.flush()])
        return stream.decode_chunk(latents)[: len(clip)].cpu().numpy()

    def _kept(self, row: Row) -> Row:
        self.emit(row)
        return row


def summarise(rows: Sequence[Row], student: str = "distilled", teacher: str = "full") -> dict[str, Any]:
    """Tables 1 and 2, their breakdown, and the keys that something is asked of (docs/measures.md)."""
    names = list(dict.fromkeys(row["variant"] for row in rows))
    table = {name: _table_row([row for row in rows if row["variant"] == name]) for name in names}
    report: dict[str, Any] = {"table": table, "kinds": {}}
    for kind in dict.fromkeys(row["kind"] for row in rows):
        report["kinds"][kind] = {
            name: _table_row([row for row in rows if (row["variant"], row["kind"]) == (name, kind)])
            for name in names
        }
    styled = [row for row in rows if row["variant"] == student and row["style"]]
    if styled:
        report["explained_change"] = {
            style: fmean(row["explained_change"] for row in styled if row["style"] == style)
            for style in dict.fromkeys(row["style"] for row in styled)
        }
        report["explained_change_mean"] = fmean(report["explained_change"].values())
    if student in table:
        report |= {measure: table[student][measure]["mean"] for measure in MEASURES}
    if student in table and teacher in table:
        losses = {
            measure: table[teacher][measure]["mean"] - table[student][measure]["mean"] for measure in MEASURES
        }
        report |= {"distilled_losses": losses, "distilled_gap": max(losses.values())}
    return report


def _table_row(rows: Sequence[Row]) -> dict[str, Any]:
    """Each measure averaged over pairs, with its interval over seeds where there are several."""
    seeds = sorted({row["seed"] for row in rows})
    found: dict[str, Any] = {"seeds": len(seeds)}
    for key in (*MEASURES, "cpu_ms_per_frame", "ms_per_frame"):
        measured = [row for row in rows if key in row]
        means = [fmean(row[key] for row in measured if row["seed"] == seed) for seed in seeds if measured]
        if len(means) > 1:
            spread = interval(means)
            found[key] = {"mean": spread.mean, "half": spread.half}
        elif means:
            found[key] = {"mean": means[0]}
    return found
