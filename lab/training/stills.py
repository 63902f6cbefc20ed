"""Still pictures with clear licences, from packages that Debian and PyPI install.

What is installed here is used: ``apt install gcompris-qt-data``, ``pip install scikit-image scikit-learn``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from .qt_resources import read_resources

GCOMPRIS = Path("/usr/share/gcompris-qt/rcc")  # Debian's gcompris-qt-data
GCOMPRIS_LICENCES = Path("/usr/share/doc/gcompris-qt-data/copyright")
FREE = ("public-domain", "CC0-", "CC-BY-1", "CC-BY-2", "CC-BY-3", "CC-BY-4")
"""Licences taken. Share-alike ones are not: whether weights would have to follow them is unsettled."""
PACKAGED = {
    "skimage": {
        "data/astronaut.png": "public domain, NASA",
        "data/brick.png": "CC0-1.0",
        "data/camera.png": "CC0-1.0, Lav Varshney",
        "data/chelsea.png": "CC0-1.0, Stefan van der Walt",
        "data/coffee.png": "CC0-1.0, Rachel Michetti",
        "data/grass.png": "CC0-1.0",
        "data/gravel.png": "CC0-1.0",
        "data/hubble_deep_field.jpg": "public domain, NASA",
        "data/motorcycle_left.png": "CC0-1.0, Daniel Scharstein",
        "data/retina.jpg": "CC0-1.0, H\u00e4ggstr\u00f6m",
        "data/rocket.jpg": "CC0-1.0, SpaceX",
    },
    "sklearn": {
        "datasets/images/china.jpg": "CC-BY-2.0, Dave Huynh",
        "datasets/images/flower.jpg": "CC-BY-2.0, dany13",
    },
    "matplotlib": {"mpl-data/sample_data/grace_hopper.jpg": "public domain, James S. Davis"},
}
SHORTEST = 200  # pixels along the short side below which a picture is left out


@dataclass(frozen=True)
class Still:
    """A picture and where it is from.

    Attributes:
        name: unique; ``splits.part_of_still`` decides by it.
        licence: the licence, then the author.
        pixels: uint8 RGB (H, W, 3).
    """

    name: str
    licence: str
    pixels: np.ndarray


def find_stills() -> list[Still]:
    """All pictures of the packages that are installed here, in name order."""
    found = [still for still in (*_gcompris(), *_packaged()) if min(still.pixels.shape[:2]) >= SHORTEST]
    return sorted(found, key=lambda still: still.name)


def read_pictures(folder: Path, licence: str) -> list[Still]:
    """The .jpg and .png pictures of a folder, in name order, all under one licence."""
    paths = sorted(p for p in folder.iterdir() if p.suffix in {".jpg", ".png"})
    return [Still(f"{folder.name}/{p.stem}", licence, _decode(p.read_bytes())) for p in paths]


def _packaged() -> Iterator[Still]:
    for package, pictures in PACKAGED.items():
        spec = find_spec(package)
        for name, licence in pictures.items() if spec else ():
            path = Path(spec.submodule_search_locations[0], name)
            if path.exists():
                yield Still(f"{package}/{path.stem}", licence, _decode(path.read_bytes()))


def _gcompris() -> Iterator[Still]:
    if not GCOMPRIS_LICENCES.exists():
        return
    licences = _stanzas(GCOMPRIS_LICENCES.read_text())
    for container in sorted(GCOMPRIS.glob("*.rcc")):
        for name, content in read_resources(container):
            if PurePosixPath(name).suffix not in {".jpg", ".jpeg", ".png", ".webp"}:
                continue
            stem = name.removeprefix("/gcompris/").rsplit(".", 1)[0]
            licence = next((text for glob, text in licences if fnmatch.fnmatchcase(stem, glob)), "")
            if licence.startswith(FREE):
                yield Still(
                    f"gcompris/{PurePosixPath(stem).parent.name}/{PurePosixPath(stem).name}",
                    licence,
                    _decode(content),
                )


def _stanzas(text: str) -> list[tuple[str, str]]:
    """Glob without suffix, and "licence, author", of the files that a Debian copyright file names."""
    stanzas = []
    for stanza in text.split("\n\n"):
        fields = {m[1]: m[2] for m in re.finditer(r"^(\S+):(.*(?:\n[ \t]+.*)*)", stanza, re.MULTILINE)}
        author = " ".join(fields.get("Copyright", "").split())
        licence = fields.get("License", "").strip().split("\n")[0]
        for glob in fields.get("Files", "").split():
            if glob != "*" and not glob.endswith("/*"):
                stanzas.append((glob.rsplit(".", 1)[0], f"{licence}, {author}"))
    return stanzas


def _decode(content: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    return picture
