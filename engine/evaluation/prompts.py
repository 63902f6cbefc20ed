"""The one sentence by which evaluation asks for each style."""

from __future__ import annotations

ASK = {
    "oil": "make it an oil painting",
    "watercolour": "turn this into a watercolour",
    "pencil": "make it a pencil sketch",
    "ink": "render it as an ink drawing",
    "cel": "cel shaded anime style",
    "halftone": "comic book halftone dots",
    "woodcut": "make it a woodcut print",
    "mosaic": "turn it into a mosaic of tiles",
    "neon": "glowing neon edges",
    "sepia": "old sepia film",
    "thermal": "thermal camera heat map",
    "pixel": "pixel art",
    "impressionist": "an impressionist painting",
    "fauvist": "a fauvist painting with wild colours",
    "terracotta": "terracotta earth tones",
    "pastel": "soft pastel in lilac and gold",
    "aqua": "pale aqua tones",
    "starry": "starry night with swirling brushstrokes",
    "crimson": "deep crimson red",
    "dusk": "a moody landscape at dusk",
}
