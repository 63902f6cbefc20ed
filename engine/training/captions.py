"""What artists call the styles: phrases, single words and ways to ask."""

from __future__ import annotations

import numpy as np

WORDS: dict[str, tuple[str, ...]] = {
    "oil": ("oil", "oils", "impasto", "oil paint", "oil painting", "oil on canvas", "thick paint",
            "palette knife painting", "classical painting", "old master painting", "baroque painting",
            "renaissance painting", "rembrandt", "brushstrokes", "thick brush strokes", "acrylic painting",
            "oil colours", "painted canvas", "rich oil colors", "painterly"),
    "watercolour": ("watercolour", "watercolor", "aquarelle", "watercolor painting", "watercolour wash",
                    "wet paint washes", "soft washes", "gouache wash", "diluted pigment", "watercolour on paper",
                    "delicate watercolor", "watery paint", "loose watercolour sketch", "water paints", "paint wash",
                    "watercolors", "watercolour illustration", "translucent washes"),
    "pencil": ("pencil", "pencil sketch", "graphite", "pencil drawing", "graphite drawing", "charcoal",
               "charcoal drawing", "sketch", "hand drawn sketch", "fine line drawing", "shaded drawing",
               "grey pencil", "crayon sketch", "sketchbook page", "drawn with a pencil", "drawing", "doodle",
               "line work in pencil", "black and white sketch", "rough sketch"),
    "ink": ("ink", "ink drawing", "black ink", "india ink", "pen and ink", "brush and ink", "calligraphy",
            "sumi-e", "black and white ink", "ink brush painting", "black brush strokes", "inked comic panel",
            "stark black and white", "silhouette ink", "inkwork", "pen", "fountain pen", "noir ink",
            "chinese ink painting", "ink wash"),
    "cel": ("cel", "cel shading", "anime", "cartoon", "toon", "manga", "cel shaded", "animated film",
            "anime art", "cartoon style", "toon shading", "japanese animation", "flat shaded cartoon",
            "saturday morning cartoon", "animation cel", "clean outlines and flat colours", "comic character",
            "animated series", "cartoonish", "animation"),
    "halftone": ("halftone", "comic book", "pop art", "halftone dots", "printed dots", "newspaper print",
                 "ben-day dots", "lichtenstein", "comic print", "dotted print", "retro comic", "newsprint",
                 "dot pattern", "screen print dots", "magazine print", "pop art dots", "polka dots", "dots",
                 "offset printing", "comic strip"),
    "woodcut": ("woodcut", "woodblock print", "linocut", "wood engraving", "carved print", "block print",
                "relief print", "wood carving print", "ukiyo-e block print", "medieval woodcut", "linoleum print",
                "xylograph", "wooden block print", "carved wood", "printmaking", "engraving", "lino print",
                "rustic print", "wood block", "carving"),
    "mosaic": ("mosaic", "tiles", "mosaic tiles", "tessera", "roman mosaic", "tiled", "byzantine mosaic",
               "ceramic tiles", "glass tiles", "tile art", "tile wall", "small square tiles", "tesserae",
               "tessellation", "bathroom tiles", "tile floor", "glazed tiles", "mosaic floor", "tiling", "ceramic"),
    "neon": ("neon", "neon lights", "glowing edges", "neon glow", "cyberpunk", "neon sign", "glowing lines",
             "tron", "blacklight", "electric glow", "luminous outlines", "synthwave", "laser lines",
             "fluorescent", "neon outlines", "glow in the dark", "neon edges", "glowing", "vaporwave", "laser"),
    "sepia": ("sepia", "old photograph", "vintage photo", "antique photo", "old film", "sepia tone",
              "nineteenth century photograph", "daguerreotype", "faded brown photo", "vintage", "antique",
              "nostalgic photo", "brown monochrome", "aged photograph", "old-timey", "silent movie",
              "western photo", "sepia film", "retro photograph", "historic photograph"),
    "thermal": ("thermal", "infrared", "heat map", "thermal camera", "infrared camera", "heat vision",
                "thermal imaging", "thermography", "heat signature", "predator vision", "night vision heat",
                "temperature map", "thermal vision", "false color heat", "heatmap", "thermal scan", "temperature",
                "heat", "infrared heat camera", "rainbow heat palette"),
    "pixel": ("pixel", "pixel art", "8-bit", "pixelated", "retro video game", "pixels", "16-bit game",
              "blocky pixels", "low resolution", "game boy", "nintendo", "arcade game", "sprite art", "voxel",
              "retro game graphics", "big pixels", "eight bit", "minecraft", "old computer game", "videogame"),
    "impressionist": ("impressionist", "impressionism", "monet", "claude monet", "impressionist painting",
                      "renoir", "french impressionism", "plein air painting", "impression sunrise",
                      "golden light and blue shadows", "soft impressionist light", "pissarro", "sisley",
                      "giverny", "impressionistic", "degas"),
    "fauvist": ("fauvist", "fauvism", "matisse", "wild colours", "henri matisse", "fauve", "derain",
                "bold expressive colours", "red and yellow fauvist painting", "expressionist", "expressionism",
                "vivid unnatural colours", "wild beast painting", "bold flat colours of matisse", "vlaminck",
                "kandinsky"),
    "terracotta": ("terracotta", "clay", "brown earth tones", "burnt sienna", "terracotta painting", "rust",
                   "sanguine", "red chalk", "earthen", "copper tones", "baked clay", "sienna", "brick",
                   "earthenware", "rusty brown painting", "cave painting", "adobe"),
    "pastel": ("pastel", "pastels", "soft pastel", "pastel drawing", "lilac and gold", "pastel colours",
               "chalk pastel", "lavender and yellow", "soft lilac tones", "pastel chalk", "lavender",
               "dreamy pastel", "pastel painting", "violet and gold pastel", "lilac", "pale violet", "soft chalk"),
    "aqua": ("aqua", "aquamarine", "turquoise", "pale blue", "teal", "icy blue", "aqua tones", "cyan wash",
             "seafoam", "cool pale blue painting", "frozen", "ice", "misty blue", "glacier", "wintry blue",
             "turquoise tint", "mint", "arctic"),
    "starry": ("starry", "starry night", "van gogh", "vincent van gogh", "swirling", "swirls", "night sky swirls",
               "post-impressionist", "swirling brushstrokes", "blue and yellow swirls", "vangogh", "the starry night",
               "starry sky painting", "stars", "starlight", "swirling night sky", "cosmic swirls"),
    "crimson": ("crimson", "scarlet", "blood red", "deep red", "dark red painting", "ruby", "red", "burgundy",
                "crimson tones", "vermilion", "red velvet", "infernal red", "hell", "lava", "carmine", "maroon"),
    "dusk": ("dusk", "twilight", "nightfall", "moody landscape", "gloomy", "evening light", "somber painting",
             "dark romantic landscape", "misty evening", "tonalist", "moonlit", "gloaming", "dim evening",
             "twilight mood", "after sunset", "brooding dark landscape", "sundown"),
    "none": ("", "no change", "the original", "unchanged", "leave it as it is", "keep the original",
             "do nothing", "same picture", "no style", "identity", "nothing changed"),
}

TEMPLATES = (
    "{}", "{}", "{}", "{} style", "in {} style", "make it {}", "make it a {}", "make this look like {}",
    "turn this into {}", "turn this into a {}", "transfer this to {} style", "transform the video into {}",
    "restyle as {}", "restyle it as {}", "repaint it as {}", "as {}", "as a {}", "like {}", "render this as {}",
    "render it in the style of {}", "in the style of {}", "give it a {} look", "apply a {} effect", "{} effect",
    "{} look", "a {} version of this", "convert to {}", "change the style to {}", "paint it in {}",
    "draw it as {}", "show me this as {}", "I want it to look like {}", "please make it look like {}",
    "can you turn it into {}?", "{}, please", "redo the picture with {}", "everything should be {}",
    "the whole scene as {}", "an image with {}", "video filter: {}", "use {}", "now {}", "switch to {}",
    "let's see {}", "more like {}", "stylise it with {}", "{} aesthetic", "with a {} feel", "{} artwork",
    "beautiful {}, highly detailed", "{}, vivid", "transfer this to {}, soft edges",
)


def ask(core: str, rng: np.random.Generator) -> str:
    """Wrap a style's word or phrase into one of many requests, with varied case and full stops."""
    if not core:
        return ""
    text = TEMPLATES[int(rng.integers(len(TEMPLATES)))].format(core)
    if rng.random() < 0.3:
        text = text[0].upper() + text[1:]
    if rng.random() < 0.1:
        text += "."
    return text


def caption(style: str, rng: np.random.Generator, extra: dict[str, tuple[str, ...]] | None = None) -> str:
    """A request for a style; ``extra`` adds words found elsewhere (see ``text.related_words``)."""
    words = WORDS[style]
    if extra and extra.get(style) and rng.random() < 0.4:
        words = extra[style]
    return ask(words[int(rng.integers(len(words)))], rng)
