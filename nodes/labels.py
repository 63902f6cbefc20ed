"""The inputs in an artist's words, which of them are rarely needed, and which act while a stream runs.

Ids never change, for saved graphs and API prompts have them; these words may.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

TEXTS = Path(__file__).parent.parent / "locales" / "en" / "nodeDefs.json"
"""The words themselves: editors of 0.3.75 take labels from there only."""

RARE: dict[str, tuple[str, ...]] = {
    "LoadStreamModel": (
        *("autoencoder", "text_encoder", "dtype", "profile"),
        *("device", "text_encoder_device", "autoencoder_device"),
    ),
    "MLLMEncode": ("reference_strength", "te_refresh_every", "te_batch_one", "text_strength"),
    "StreamDenoise": (
        *("noise", "chunk", "fps", "length", "cache_reference", "cache_sink", "cache_window"),
        *("rope_mode", "compile", "stream_batch", "cache_precision", "mask_cache", "run_on", "on_loss"),
    ),
    "FrameStreamIO": (
        *("path", "images_fps", "every_nth", "fps", "compare_mode", "codec", "keep_last", "preview", "clock"),
        *("video_track", "audio_track", "background", "keep_audio_codec", "record_source"),
        *("run_mode", "volume"),
    ),
    "TemporalLLLite": ("hooks", "refresh_every", "refresh_motion", "refresh_cuts", "refresh_prompt"),
    "KVCacheStyleSwitch": ("keep_frames", "interpolation"),
    "FlowWarp": ("scale", "occlusion"),
}
"""Inputs that the editor shows on request ("advanced")."""

LIVE: dict[str, tuple[str, ...]] = {
    "LoadStreamModel": ("lora_strength",),
    "MLLMEncode": ("prompt",),
    "StreamDenoise": ("strength", "seed"),
    "TemporalLLLite": ("multiplier",),
    "KVCacheStyleSwitch": ("active",),
    "FlowWarp": ("blend",),
    "FrameStreamIO": ("balance", "inset_x", "inset_y", "inset_size", "volume"),
}
"""Inputs that act while the stream runs."""


@cache
def labels(node_id: str) -> dict[str, str]:
    """What a node's inputs are called on it, by id."""
    inputs = json.loads(TEXTS.read_text(encoding="utf-8"))[node_id]["inputs"]
    return {name: texts["name"] for name, texts in inputs.items()}
