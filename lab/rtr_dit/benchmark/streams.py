"""Speed of causal video models: whole streams, their stages, the cache, and what a switch costs.

The full sizes are Wan 2.1's 1.3B and 14B networks as Self-Forcing (arXiv 2506.08009) rolls them out,
video to video from a noisy source. Weights are random: speed does not depend on what was learned.
Two autoencoders: TAEHV in the layout of taew2_1, and Wan's own VAE.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan

from ....engine.autoencoders.latents import LatentFormat
from ....engine.autoencoders.taehv import TAEHVAutoencoder
from ....engine.autoencoders.video import VideoAutoencoder
from ....engine.autoencoders.wan import WanAutoencoder
from ....engine.conditioning.recipe import ConditioningRecipe
from ....engine.families import StreamRequest, make_runner
from ....engine.families.base import DenoiseSettings
from ....engine.families.rtr_dit.model import RTRDiTModel
from ....engine.families.rtr_dit.profile import Profile
from ....engine.families.rtr_dit.runner import RTRDiTRunner
from ....engine.networks.causal_wan import CausalWan
from ....engine.networks.taehv import TAEHV
from ....engine.runtime.lanes import lanes_of
from ....engine.sampling.style_states import StyleStates
from ...benchmark.playback import play_through
from ...mllm_edit.benchmark.stages import synchronise
from .cases import Case, Scale, cases

Row = dict[str, Any]
BLOCKS = 8  # that a rate is taken over, once the window is full
ROWS_OF_TEXT = 512


def cost(work: Callable[[], Any], device: torch.device, repeats: int = 9) -> float:
    """Median seconds of a call: by the wall on a GPU, of the processor on a CPU, which others use too."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    work()
    times = []
    for _ in range(repeats):
        synchronise(device)
        started = clock()
        work()
        synchronise(device)
        times.append(clock() - started)
    return float(np.median(times))


class Bench:
    """Random models of one scale on one device."""

    def __init__(self, scale: Scale, device: torch.device, dtype: torch.dtype) -> None:
        self.scale, self.device, self.dtype = scale, device, dtype
        self._network: tuple[str, CausalWan] | None = None
        torch.manual_seed(0)
        with torch.device(device):
            small = TAEHV(scale.taehv).to(memory_format=torch.channels_last)
            wan = AutoencoderKLWan(base_dim=scale.wan)
        self.autoencoders: dict[str, VideoAutoencoder] = {
            "taehv": TAEHVAutoencoder(self._frozen(small), LatentFormat()),
            "wan": WanAutoencoder(self._frozen(wan)),
        }

    def _frozen(self, module: Any) -> Any:
        return module.to(self.dtype).eval().requires_grad_(False)

    def network(self, name: str) -> CausalWan:
        """One at a time: the larger ones fill a device."""
        if self._network is None or self._network[0] != name:
            self._network = None
            torch.manual_seed(0)
            with torch.device(self.device):
                self._network = (name, self._frozen(CausalWan(self.scale.networks[name])))
        return self._network[1]

    def rows(self) -> Iterator[Row]:
        """Streams, then the cache and the switch at each window of the smallest network."""
        for case in cases(self.scale, self.device.type == "cuda"):
            yield {"row": "stream", **asdict(case), **self.stream(case), **self._note()}
        small, size = next(iter(self.scale.networks)), self.scale.sizes[0]
        for window in self.scale.windows:
            case = Case(small, *size, 4, 3, window)
            yield {"row": "block", **asdict(case), **self.block(case), **self._note()}

    def stream(self, case: Case) -> Row:
        """Frames in memory through all lanes: rate in the steady state, and the first chunk's seconds."""
        runner = self._runner(case)
        needs = runner.requirements
        warm = -(-case.window // case.block) + 1  # blocks until the window is full, and one more
        frames = self._frames(case, needs.first + needs.chunk_frames * (warm + BLOCKS))
        played = play_through(runner, frames, lanes_of(self.device))
        busy = {f"{lane}_share": spent / sum(played.busy.values()) for lane, spent in played.busy.items()}
        return {
            "fps": played.fps(warm + needs.delay),
            "first_chunk_s": float(played.delivered[0] - played.fed[0]),
            **busy,
        }

    @torch.inference_mode()
    def block(self, case: Case) -> Row:
        """A block and a switch with the window full, and the cache's bytes."""
        spent = {rope: self._block_seconds(case, rope) for rope in ("relative", "absolute")}
        runner = self._filled(case, "relative")
        rollout, texts = runner.state.rollout, self._texts(2)
        turn = iter(range(10**6))

        def switch() -> None:
            rollout.switch(StyleStates(texts[next(turn) % 2]))

        layout = rollout.cache.layout
        predicted = layout.bytes(1, self.dtype.itemsize)
        return {
            "block_ms": spent["relative"] * 1000.0,
            "relative_rope_cost": spent["relative"] / spent["absolute"] - 1.0,
            "switch_over_block": cost(switch, self.device) / spent["relative"],
            "kv_bytes_predicted": predicted,
            "kv_bytes_measured": rollout.cache.bytes,
            "kv_prediction_error": predicted / rollout.cache.bytes - 1.0,
        }

    def _block_seconds(self, case: Case, rope: str) -> float:
        """Denoising steps and clean pass of one block, the cache full."""
        rollout = self._filled(case, rope).state.rollout
        return cost(self._step(case, rollout.step), self.device)

    def _filled(self, case: Case, rope: str) -> RTRDiTRunner:
        runner = self._runner(case, rope)
        runner.state.rollout.switch(StyleStates(self._texts(1)[0]))
        work = self._step(case, runner.state.rollout.step)
        for _ in range(-(-case.window // case.block) + 1):
            work()
        return runner

    def _step(self, case: Case, step: Callable[..., torch.Tensor]) -> Callable[[], torch.Tensor]:
        shape = (1, case.block, self.network(case.network).config.out_channels)
        noise = torch.randn(*shape, case.height // 8, case.width // 8, device=self.device)
        return lambda: step(noise, lambda _: noise)

    def _texts(self, count: int) -> list[torch.Tensor]:
        width = next(iter(self.scale.networks.values())).text_dim
        shape = (1, ROWS_OF_TEXT, width)
        return [torch.randn(*shape, device=self.device, dtype=self.dtype) for _ in range(count)]

    def _runner(self, case: Case, rope: str = "relative") -> RTRDiTRunner:
        profile = replace(Profile(references=0), block=case.block, window=case.window)
        model = RTRDiTModel(self.network(case.network), None, self.autoencoders[case.autoencoder], profile)
        text = ConditioningRecipe(external=[[self._texts(1)[0], {}]], node_id="text")
        settings = DenoiseSettings(
            steps=case.steps, noise="fresh", compile=case.compiled, advanced=(("rope_mode", rope),)
        )
        return make_runner(
            model,
            StreamRequest(
                settings, text, node_id="denoise", model_node_id="model", width=case.width, height=case.height
            ),
        )

    def _frames(self, case: Case, count: int) -> np.ndarray:
        some = np.random.default_rng(0).integers(0, 256, (8, case.height, case.width, 3), np.uint8)
        return np.resize(some, (count, case.height, case.width, 3))

    def _note(self) -> Row:
        """Toy rows say that they are no figures of the full size."""
        if self.scale.name == "full size":
            return {}
        return {"note": "full size not measured: no CUDA device here"}
