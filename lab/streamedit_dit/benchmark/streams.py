"""Speed of the StreamEdit-DiT family at the paper's sizes: streams, kinds of attention, memory, latency.

The paper times 2 billion parameters at 512p on an H100 (its Table 4: 18 FPS, "55 ms", 18 GB with six steps;
10 FPS undistilled) and 10 billion (Table 5: 3 FPS). Its latency is 1000 over the rate; ours is the time from
a frame's entry to its picture. Weights are random: speed does not depend on what was learned.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean
from typing import Any

import torch

from ....engine.autoencoders.latents import LatentFormat
from ....engine.autoencoders.taehv import TAEHVAutoencoder
from ....engine.conditioning.recipe import ConditioningRecipe
from ....engine.families import StreamRequest, make_runner
from ....engine.families.base import DenoiseSettings
from ....engine.families.streamedit_dit.model import StreamEditDiTModel
from ....engine.families.streamedit_dit.profile import Profile
from ....engine.families.streamedit_dit.runner import STILL, EncodedChunk, StreamEditDiTRunner
from ....engine.families.streamedit_dit.state import About
from ....engine.networks.sparse_attention.attention import Selections, sparse_backend
from ....engine.networks.streamedit_dit.config import StreamEditDiTConfig
from ....engine.networks.streamedit_dit.model import StreamEditDiT
from ....engine.networks.taehv import TAEHV
from ....engine.sampling.edit_stream import LEVELS
from ...benchmark.memory import peak_bytes
from ...benchmark.random_text import RandomText
from ...benchmark.rates import matmul_flops
from ...mllm_edit.benchmark.stages import seconds, synchronise
from .cases import FULL, Case, Row, Scale, cases
from .flops import attention_flops

CYCLES = 8  # latent frames of six evaluations that a rate is taken over
FPS = 30.0  # of the camera that a chunk is waited for


def with_attention(network: StreamEditDiT, attention: str) -> StreamEditDiT:
    """The same parameters under another kind of attention."""
    with torch.device("meta"):
        other = StreamEditDiT(replace(network.config, attention=attention))
    other.load_state_dict(dict(network.named_parameters()), strict=True, assign=True)
    return other.train(network.training)


def latency(step_ms: float, decode_ms: float, chunks: int, temporal: int) -> Row:
    """What a latent frame's pictures wait for, at full speed and behind a camera.

    A camera's first picture waits for the others of its latent frame; then every step but the last waits for
    the next latent frame, unless the step itself takes longer.

    Args:
        step_ms: of one step of the stream.
        chunks: steps from a frame's entry to its emission.
        temporal: pictures of a latent frame.
    """
    picture_ms = 1000.0 / FPS
    paced = (chunks - 1) * max(step_ms, temporal * picture_ms)
    return {
        "entry_to_emission_ms": chunks * step_ms + decode_ms,
        "entry_to_emission_with_camera_ms": (temporal - 1) * picture_ms + paced + step_ms + decode_ms,
    }


def attention_cost(config: StreamEditDiTConfig, case: Case, side: int, selections: Selections) -> Row:
    """What self-attention counts in one evaluation, its projections aside, and the share that DSA saves.

    Args:
        side: of a latent frame.
        selections: of the stream that was run.
    """
    grid = (max(case.window, case.partition.length), side // config.patch, side // config.patch)
    block = [min(length, size) for length, size in zip(config.dsa.block, grid, strict=True)]
    count = math.prod(-(-size // length) for length, size in zip(block, grid, strict=True))
    sparse = case.attention == "sparse"
    density = fmean(selections.density.values()) if sparse else 1.0
    flops = attention_flops((1, config.heads, count, math.prod(block), config.head_width), density)
    spent = flops.attention + flops.selection if sparse else flops.dense
    return {"attention_tflop": config.depth * spent / 1e12, "attention_saved": 1.0 - spent / flops.dense}


class Bench:
    """Random models of one scale on one device."""

    def __init__(self, scale: Scale, device: torch.device, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        self.scale, self.device, self.dtype = scale, device, dtype
        with torch.device(device):
            decoder = TAEHV(scale.decoder).to(memory_format=torch.channels_last)
        self.autoencoder = decoder.to(dtype).eval().requires_grad_(False)
        self.best_flops = matmul_flops(device, dtype)
        self._network: tuple[str, StreamEditDiT] | None = None

    def rows(self) -> Iterator[Row]:
        """A row for each case."""
        for case in cases(self.scale, self.device.type == "cuda"):
            yield self.row(case)
        if self.device.type != "cuda":
            yield {"row": "compiled", **self._labels(), "note": "not measured: needs a CUDA device"}

    @torch.inference_mode()
    def row(self, case: Case) -> Row:
        """A stream in its steady state, decoder included, one stage after the other."""
        network = with_attention(self.network(case.network), case.attention)
        runner = self._runner(network, case)
        self._fill(runner, case)
        cycles = max(1, CYCLES * LEVELS // case.partition.levels)  # a hundred evaluations take long enough

        def work() -> None:
            for _ in range(cycles):
                runner.decode(self._step(runner))

        spent = seconds(work, self.device) / cycles
        frames = self.autoencoder.config.temporal
        evaluations = case.partition.micro_steps
        return {
            "row": "stream",
            "network": case.network,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "window": case.window,
            "attention": case.attention,
            "layout": case.layout,
            "compiled": case.compiled,
            "evaluations_per_frame": case.partition.levels,
            "fps": frames / spent,
            "ms_per_latent_frame": spent * 1000.0,
            "ms_per_evaluation": spent * 1000.0 / evaluations,
            **self._latency(runner, case),
            **attention_cost(network.config, case, self.scale.side, runner.state.selections),
            "peak_gb": self._peak(network, work) / 1e9,
            **self._labels(),
        }

    def network(self, name: str) -> StreamEditDiT:
        """One at a time: the larger ones fill a device."""
        if self._network is None or self._network[0] != name:
            self._network = None
            with torch.device(self.device):
                network = StreamEditDiT(self.scale.networks[name])
            self._network = (name, network.to(self.dtype).eval().requires_grad_(False))
        return self._network[1]

    def _runner(self, network: StreamEditDiT, case: Case) -> StreamEditDiTRunner:
        """The product's own, on random weights and states."""
        config, side = network.config, self.scale.side * self.autoencoder.config.spatial
        expert: dict[str, Any] = {"cache_window": case.window}
        if case.attention == "sparse":
            place, block = (self.device, config.heads), math.prod(config.dsa.block)
            expert["attention_backend"] = sparse_backend(*place, block, config.head_width, self.dtype)
        text = RandomText(config.text, self.device, self.dtype)
        autoencoder = TAEHVAutoencoder(self.autoencoder, LatentFormat())
        model = StreamEditDiTModel(network, text, autoencoder, Profile((case.partition,)))
        settings = DenoiseSettings(noise="fresh", compile=case.compiled, advanced=tuple(expert.items()))
        recipe = ConditioningRecipe("random", node_id="text")
        request = StreamRequest(
            settings, recipe, node_id="denoise", model_node_id="model", width=side, height=side
        )
        return make_runner(model, request)

    def _step(self, runner: StreamEditDiTRunner) -> torch.Tensor | None:
        """The denoise lane's part of a chunk."""
        live = {parameter.key: parameter.default for parameter in runner.live_parameters}
        about = About(runner.state.styles.advance(0, 0, (), (), live), STILL, 0, 0.0)
        return runner.denoise(EncodedChunk(self._source(), about, False), live)

    def _fill(self, runner: StreamEditDiTRunner, case: Case) -> None:
        """Let the history fill, without the network: what is in it does not change the speed."""
        stream = runner.state.stream
        measured, stream.evaluate = stream.evaluate, lambda latents, *_: torch.zeros_like(latents)
        for _ in range(case.window + case.partition.chunks):
            self._step(runner)
        stream.evaluate = measured

    def _source(self) -> torch.Tensor:
        side = self.scale.side
        return torch.randn(1, self.scale.decoder.latent_channels, side, side, device=self.device)

    def _latency(self, runner: StreamEditDiTRunner, case: Case) -> Row:
        """Of a latent frame, from its entry into the full buffer until its pictures are decoded."""
        chunks = case.partition.chunks
        synchronise(self.device)
        started = time.perf_counter()
        out = None
        for _ in range(chunks):
            out = self._step(runner)
        synchronise(self.device)
        stepped = time.perf_counter()
        runner.decode(out)
        synchronise(self.device)
        step_ms, decode_ms = (stepped - started) * 1000.0 / chunks, (time.perf_counter() - stepped) * 1000.0
        return latency(step_ms, decode_ms, chunks, self.autoencoder.config.temporal)

    def _peak(self, network: StreamEditDiT, work: Any) -> int:
        """Bytes of the weights and of what a stream allocates beside them."""
        weights = sum(
            parameter.nbytes for module in (network, self.autoencoder) for parameter in module.parameters()
        )
        return weights + peak_bytes(work, self.device)

    def _labels(self) -> Row:
        """What a row was measured at; toy rows say that they are no figures of the full size."""
        labels: Row = {
            "scale": self.scale.name,
            "precision": str(self.dtype).removeprefix("torch."),
            "matmul_tflops": self.best_flops / 1e12,
        }
        if self.scale.name != FULL.name:
            labels["note"] = "full size not measured: no CUDA device here"
        return labels
