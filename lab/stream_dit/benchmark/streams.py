"""Speed of the StreamDiT family: one evaluation of the buffer, and what an emitted frame costs.

The full size is the paper's: 4 billion parameters, 16 latent frames of 64x64 (512x512 pixels), c = 2,
N = 8; the paper reports 482 ms an evaluation and 16 frames a second on an H100. Weights are random:
speed does not depend on what was learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ....engine.autoencoders.latents import LatentFormat
from ....engine.autoencoders.taehv import TAEHVAutoencoder
from ....engine.conditioning.recipe import ConditioningRecipe
from ....engine.errors import SettingError
from ....engine.families import StreamRequest, make_runner
from ....engine.families.base import DenoiseSettings
from ....engine.families.compiling import set_compiled
from ....engine.families.stream_dit.fp8 import quantise
from ....engine.families.stream_dit.model import StreamDiTModel
from ....engine.families.stream_dit.profile import Profile
from ....engine.networks.stream_dit.config import PAPER_4B, StreamDiTConfig
from ....engine.networks.stream_dit.model import StreamDiT
from ....engine.networks.taehv import TAEHV, TAEHVConfig
from ....engine.runtime.lanes import lanes_of
from ....engine.sampling.partition import Partition
from ...benchmark.playback import play_through
from ...benchmark.random_text import RandomText
from ...benchmark.rates import count_flops, matmul_flops, peak_flops
from ...mllm_edit.benchmark.stages import seconds

Row = dict[str, Any]
PUBLISHED_MS, PUBLISHED_FPS = 482.0, 16.0  # an evaluation and a stream of the full size on an H100
CYCLES = 8  # chunks that a stream is measured over


@dataclass(frozen=True)
class Scale:
    """One configuration.

    Attributes:
        name: how rows call it.
        network: widths and windows.
        side: of a latent frame; a pixel frame is 8 times as large.
        partition: layout of the buffer.
        decoder: of the autoencoder, in TAEHV's layout.
    """

    name: str
    network: StreamDiTConfig
    side: int
    partition: Partition
    decoder: TAEHVConfig


FULL = Scale("full size", PAPER_4B, 64, Partition(8, 2), TAEHVConfig(latent_channels=8))
TOY = Scale(
    "toy size",
    replace(PAPER_4B, width=64, depth=2, heads=2, window=(8, 4, 4)),
    8,
    Partition(8, 2),
    TAEHVConfig(
        latent_channels=8,
        encoder_channels=(8, 8, 8, 8),
        encoder_blocks=(1, 1, 1),
        decoder_channels=(8, 8, 8, 8),
        decoder_blocks=(1, 1, 1),
    ),
)


class Bench:
    """A random model of one scale on one device."""

    def __init__(self, scale: Scale, device: torch.device, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        self.scale, self.device, self.dtype = scale, device, dtype
        with torch.device(device):
            network, autoencoder = StreamDiT(scale.network), TAEHV(scale.decoder)
        self.network = network.to(dtype).eval().requires_grad_(False)
        self.autoencoder = autoencoder.to(dtype).eval().requires_grad_(False)
        self.text = RandomText(scale.network.text, device, dtype)
        with torch.inference_mode():
            self.context = self.network.read_text(self.text.encode(["random"]))
        self.best_flops, self.peak_flops = matmul_flops(device, dtype), peak_flops(device)
        self._flops: dict[int, int] = {}
        self.precision = str(dtype).removeprefix("torch.")
        self.compiled = False

    def rows(self) -> Iterator[Row]:
        """The buffer growing to its full length, then whole streams: eager, compiled, 8 bits."""
        for depth in range(1, self.scale.partition.chunks + 1):
            yield self.evaluation(depth * self.scale.partition.frames)
        yield self.stream()
        if self.device.type != "cuda":
            for row in ("compiled", "fp8"):
                yield {"row": row, **self._labels(), "note": "not measured: needs a CUDA device"}
            return
        set_compiled(self.network.blocks, True)
        self.compiled = True
        yield self.evaluation(self.scale.partition.length)
        yield self.stream()
        try:
            quantise(self.network)
        except SettingError as reason:
            yield {"row": "fp8", **self._labels(), "note": f"not measured: {reason}"}
            return
        torch.compiler.reset()
        self.precision = "fp8"
        yield self.evaluation(self.scale.partition.length)
        yield self.stream()

    @torch.inference_mode()
    def evaluation(self, frames: int) -> Row:
        """One evaluation of a buffer of ``frames`` latent frames; it emits c of them."""
        side = self.scale.side
        x = torch.randn(1, frames, self.scale.network.channels, side, side, device=self.device)
        sigma = torch.linspace(0.1, 1.0, frames, device=self.device)[None]

        def work() -> torch.Tensor:
            return self.network(x, sigma, self.context)

        spent = seconds(work, self.device)
        emitted = self.scale.partition.frames * self.autoencoder.config.temporal
        row = {
            "row": "evaluation",
            "latent_frames": frames,
            "tokens": frames * (side // self.scale.network.patch) ** 2,
            "ms": spent * 1000.0,
            "ms_per_emitted_frame": spent * 1000.0 / emitted,
            "fps_without_decoder": emitted / spent,
        }
        if frames not in self._flops:  # before anything is compiled, which hides operations
            self._flops[frames] = count_flops(work)
        rate = self._flops[frames] / spent
        row |= {"tflop": self._flops[frames] / 1e12, "tflop_per_s": rate / 1e12}
        if self.precision != "fp8":  # both bounds are those of bf16
            row["mfu"] = rate / self.best_flops
            row["mfu_of_peak"] = rate / self.peak_flops if self.peak_flops else None
        return row | self._labels()

    def stream(self) -> Row:
        """The product's own runner in its steady state, through the device's lanes."""
        scale, side = self.scale, self.scale.side * self.autoencoder.config.spatial
        autoencoder = TAEHVAutoencoder(self.autoencoder, LatentFormat())
        model = StreamDiTModel(self.network, self.text, autoencoder, Profile((scale.partition,)))
        settings = DenoiseSettings(noise="fresh", compile=self.compiled)
        recipe = ConditioningRecipe("random", node_id="text")
        request = StreamRequest(
            settings, recipe, node_id="denoise", model_node_id="model", width=side, height=side
        )
        with torch.inference_mode():
            runner = make_runner(model, request)
        needs, frames = runner.requirements, CYCLES * runner.requirements.chunk_frames
        played = play_through(runner, needs.first + frames, lanes_of(self.device))
        return {"row": "stream with decoder", "fps": played.fps(1), "frames": frames, **self._labels()}

    def _labels(self) -> Row:
        """What a row was measured at; toy rows say that they are no figures of the full size."""
        labels: Row = {
            "scale": self.scale.name,
            "precision": self.precision,
            "compiled": self.compiled,
            "matmul_tflops": self.best_flops / 1e12,
        }
        if self.scale.name == FULL.name:
            return labels | {"published_ms": PUBLISHED_MS, "published_fps": PUBLISHED_FPS}
        return labels | {"note": "full size not measured: no CUDA device here"}


def summary(rows: Sequence[Row]) -> Row:
    """The full size on one line: the fastest bf16 evaluation of a whole buffer and the fastest stream.

    Nothing where the full size was not measured.
    """
    full = [row for row in rows if row["scale"] == FULL.name]
    whole = [row for row in full if row.get("latent_frames") == FULL.partition.length and "mfu" in row]
    streams = [row for row in full if "fps" in row]
    if not whole or not streams:
        return {}
    best, stream = min(whole, key=lambda row: row["ms"]), max(streams, key=lambda row: row["fps"])
    return {
        **{key: best[key] for key in ("ms", "tflop", "mfu", "mfu_of_peak", "compiled")},
        **{key: stream[key] for key in ("fps", "precision")},
    }
