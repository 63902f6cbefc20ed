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
    "winter": "a pale winter painting",
    "pastel": "soft pastel in lilac and gold",
    "autumn": "a painting in autumn colours",
    "cubist": "a cubist painting of flat shapes",
    "indigo": "an indigo print on cream paper",
    "dusk": "a moody landscape at dusk",
}
