"""Streams of the published configurations with random weights: what speeds are counted and measured of.

Speed does not depend on what was learned. The video families' text encoders are left out, since a prompt is
read once; their states are random.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedTokenizerFast

from ...engine.autoencoders.latents import LatentFormat
from ...engine.autoencoders.taehv import TAEHVAutoencoder
from ...engine.conditioning.recipe import ConditioningRecipe
from ...engine.families import WEIGHTS, StreamRequest, make_runner
from ...engine.families.base import DenoiseSettings, Runner, StreamModel
from ...engine.families.devices import Devices
from ...engine.families.rtr_dit.model import RTRDiTModel
from ...engine.families.rtr_dit.profile import PROFILES
from ...engine.families.rtr_dit.recognise import TWO_POINT_TWO
from ...engine.families.stream_dit import profile as stream_dit
from ...engine.families.stream_dit.model import StreamDiTModel
from ...engine.families.streamedit_dit import profile as streamedit_dit
from ...engine.families.streamedit_dit.model import StreamEditDiTModel
from ...engine.networks.causal_wan import CausalWan
from ...engine.networks.stream_dit.model import StreamDiT
from ...engine.networks.streamedit_dit.model import StreamEditDiT
from ...engine.networks.taehv import TAEHV, TAEHVConfig
from ...engine.sampling.adaptive_window import WindowSettings
from ...engine.sampling.edit_stream import DIAGONAL, PIPELINED, SEQUENTIAL
from ..mllm_edit.benchmark import full_size
from ..rtr_dit.benchmark import cases as rtr_dit_sizes
from ..stream_dit.benchmark import streams as stream_dit_sizes
from ..streamedit_dit.benchmark import cases as streamedit_dit_sizes
from .random_text import RandomText

WAN_ROWS = 512
CARDS = torch.device("cuda", 0), torch.device("cuda", 1)
BESIDE = Devices(CARDS[0], CARDS[1], CARDS[1])
HALVES = Devices(CARDS[0], CARDS[0], CARDS[0], CARDS[1])
SECOND = "text encoder and autoencoder on a second card"
LAYOUTS = {"diagonal": DIAGONAL, "pipelined": PIPELINED, "sequential": SEQUENTIAL}


@dataclass(frozen=True)
class Published:
    """One row: a stream as it was published.

    Attributes:
        family: whose.
        name: the row's.
        warm: chunks until it is in its steady state; windows are full by then.
        headline: whether it is measured when a GPU is at hand, or only counted.
        options: what tells it from the family's other rows.
        source: whether it restyles a video.
        devices: of the model's parts, on cards 0 and 1; None for all on the first.
    """

    family: str
    name: str
    warm: int
    headline: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    source: bool = True
    devices: Devices | None = None


ROWS = (
    Published("mllm-edit", "MLLM-edit 512x512, B 16, text every batch", 2, True, {"every": 1}),
    Published("mllm-edit", "MLLM-edit 512x512, B 16, text cached", 2, True, {"every": 0}),
    Published(
        "mllm-edit",
        f"MLLM-edit 512x512, B 16, text every batch; {SECOND}",
        2,
        options={"every": 1},
        devices=BESIDE,
    ),
    Published(
        "mllm-edit",
        f"MLLM-edit 512x512, B 16, text cached; {SECOND}",
        2,
        options={"every": 0},
        devices=BESIDE,
    ),
    Published("rtr-dit", "Wan 1.3B 480x832, 4 steps, chunk 3, window 6", 3, True, {"window": 6}),
    Published("rtr-dit", "Wan 1.3B 480x832, window 21", 8, False, {"window": 21}),
    Published("rtr-dit", "Wan 14B 480x832, window 6", 3, False, {"window": 6, "network": "14B"}),
    Published("rtr-dit", "LiveEdit 1.3B 480x832", 8, options={"profile": "liveedit"}),
    Published(
        "rtr-dit",
        "LiveEdit 1.3B 480x832, mask_cache 0.3",
        8,
        options={"profile": "liveedit", "mask_cache": 0.3},
    ),
    Published(
        "rtr-dit",
        "Causal Forcing frame-wise 1.3B 480x832",
        21,
        options={"profile": "self_forcing_framewise"},
        source=False,
    ),
    Published("rtr-dit", "LongLive 2 5B 704x1280", 5, options={"profile": "longlive_2"}, source=False),
    Published("rtr-dit", f"Wan 1.3B 480x832, window 6; {SECOND}", 3, options={"window": 6}, devices=BESIDE),
    Published(
        "rtr-dit",
        "Wan 14B 480x832, window 6; half of the blocks on a second card",
        3,
        options={"window": 6, "network": "14B"},
        devices=HALVES,
    ),
    Published("stream-dit", "StreamDiT 4B 512x512, N 8", 1, True, source=False),
    Published(
        "streamedit-dit", "StreamEdit 2B 512x512, window 6, pipelined", 9, True, {"layout": "pipelined"}
    ),
    Published(
        "streamedit-dit", "StreamEdit 2B 512x512, window 6, diagonal", 12, True, {"layout": "diagonal"}
    ),
    Published(
        "streamedit-dit",
        "StreamEdit 10B 512x512, window 6, diagonal",
        12,
        False,
        {"layout": "diagonal", "network": "10B"},
    ),
)


@dataclass(frozen=True)
class Stream:
    """A model of a row, and what one stream through it is asked for."""

    model: StreamModel
    request: StreamRequest

    def runner(self, *, compiled: bool = False) -> Runner:
        """A fresh one."""
        settings = replace(self.request.settings, compile=compiled)
        with torch.no_grad():
            return make_runner(self.model, replace(self.request, settings=settings))

    @property
    def stream_bytes(self) -> int:
        """What the model asks for beside its weights."""
        return self.model.stream_bytes(self.request.settings, self.request.width, self.request.height)

    def pictures(self, chunks: int) -> np.ndarray:
        """uint8 (N, H, W, 3), of a few random ones in turn."""
        needs = self.model.requirements(self.request.settings)
        size = (self.request.height, self.request.width, 3)
        some = np.random.default_rng(0).integers(0, 256, (8, *size), np.uint8)
        return np.resize(some, (needs.first + (chunks - 1) * needs.chunk_frames, *size))


def build(row: Published, device: torch.device, dtype: torch.dtype, *, toy: bool) -> Stream:
    """The row's model on a device; ``toy`` has the same parts and few widths."""
    torch.manual_seed(0)
    with torch.no_grad():
        return BUILDERS[row.family](row, device, dtype, toy)


def _made(make: Callable[[], nn.Module], device: torch.device, dtype: torch.dtype) -> Any:
    """A network made on the device itself."""
    with torch.device(device):
        return make().to(dtype).eval().requires_grad_(False)


def _taehv(config: TAEHVConfig, device: torch.device, dtype: torch.dtype) -> TAEHVAutoencoder:
    network = _made(lambda: TAEHV(config), device, dtype)
    return TAEHVAutoencoder(network.to(memory_format=torch.channels_last), LatentFormat())


def _request(settings: DenoiseSettings, recipe: ConditioningRecipe, width: int, height: int) -> StreamRequest:
    told = replace(recipe, node_id="text")
    return StreamRequest(settings, told, node_id="denoise", model_node_id="model", width=width, height=height)


def _mllm_edit(row: Published, device: torch.device, dtype: torch.dtype, toy: bool) -> Stream:
    scale, folder = full_size.TOY if toy else full_size.FULL, WEIGHTS / "mllm-edit"
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer", local_files_only=True)
    scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
    model = full_size.random_model(scale, tokenizer, scheduler, device, dtype)
    prompt = full_size.widened("make it an oil painting", model.encoder, scale.kept)
    settings = DenoiseSettings(chunk=scale.chunks[-1])
    recipe = ConditioningRecipe(prompt, te_refresh_every=row.options["every"])
    return Stream(model, _request(settings, recipe, scale.side, scale.side))


def _rtr_dit(row: Published, device: torch.device, dtype: torch.dtype, toy: bool) -> Stream:
    scale = rtr_dit_sizes.TOY if toy else rtr_dit_sizes.FULL
    name = row.options.get("profile", "self_forcing")
    profile = PROFILES[name]
    profile = replace(profile, window=row.options.get("window", profile.window))
    config = (
        next(iter(scale.networks.values())) if toy else scale.networks[row.options.get("network", "1.3B")]
    )
    taehv, (height, width) = scale.taehv, scale.sizes[0]
    if profile.injection == "channel":
        config = replace(config, in_channels=2 * config.out_channels)
    if name in TWO_POINT_TWO:
        config = replace(config, in_channels=48, out_channels=48) if toy else rtr_dit_sizes.WAN_5B
        taehv = replace(taehv, latent_channels=48, patch=2)
        height, width = (height, width) if toy else (704, 1280)
    network = _made(lambda: CausalWan(config), device, dtype)
    model = RTRDiTModel(network, None, _taehv(taehv, device, dtype), profile)
    states = torch.randn(1, WAN_ROWS, config.text_dim, device=device, dtype=dtype)
    masks = (("mask_cache", row.options["mask_cache"]),) if "mask_cache" in row.options else ()
    settings = DenoiseSettings(steps=len(profile.steps), noise="fresh", advanced=masks)
    return Stream(model, _request(settings, ConditioningRecipe(external=[[states, {}]]), width, height))


def _stream_dit(row: Published, device: torch.device, dtype: torch.dtype, toy: bool) -> Stream:
    scale = stream_dit_sizes.TOY if toy else stream_dit_sizes.FULL
    network = _made(lambda: StreamDiT(scale.network), device, dtype)
    text = RandomText(scale.network.text, device, dtype)
    profile = stream_dit.Profile(partitions=(scale.partition,))
    model = StreamDiTModel(network, text, _taehv(scale.decoder, device, dtype), profile)
    side = scale.side * model.autoencoder.spatial
    return Stream(model, _request(DenoiseSettings(noise="fresh"), ConditioningRecipe("any"), side, side))


def _streamedit_dit(row: Published, device: torch.device, dtype: torch.dtype, toy: bool) -> Stream:
    scale = streamedit_dit_sizes.TOY if toy else streamedit_dit_sizes.FULL
    config = scale.networks[row.options.get("network", "2B")]
    network = _made(lambda: StreamEditDiT(config), device, dtype)
    text = RandomText(config.text, device, dtype)
    profile = streamedit_dit.Profile(
        partitions=(LAYOUTS[row.options["layout"]],), window=WindowSettings(buckets=(6,))
    )
    model = StreamEditDiTModel(network, text, _taehv(scale.decoder, device, dtype), profile)
    side = scale.side * model.autoencoder.spatial
    return Stream(model, _request(DenoiseSettings(noise="fresh"), ConditioningRecipe("any"), side, side))


BUILDERS: dict[str, Callable[[Published, torch.device, torch.dtype, bool], Stream]] = {
    "mllm-edit": _mllm_edit,
    "rtr-dit": _rtr_dit,
    "stream-dit": _stream_dit,
    "streamedit-dit": _streamedit_dit,
}
