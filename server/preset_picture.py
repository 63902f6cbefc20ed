"""The picture of a preset, as it comes in a file from outside: a data URL."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

from PIL import Image

from ..engine.errors import SettingError

LARGEST_PICTURE = 6 * 1024
"""Bytes of the picture itself."""

WIDEST, HIGHEST = 96, 192
"""Pixels."""

_FORMATS = {"webp": "WEBP", "jpeg": "JPEG"}


def picture_field(value: Any) -> str:
    """A picture's data URL; it was decoded, so it is what it says it is.

    Raises:
        SettingError: in one line, what is wrong.
    """
    for name, kind in _FORMATS.items():
        head = f"data:image/{name};base64,"
        if isinstance(value, str) and value.startswith(head) and len(value) <= LARGEST_PICTURE * 4 // 3 + 32:
            _check(value.removeprefix(head), kind)
            return value
    raise SettingError(
        f"picture must be a data URL of a WebP or JPEG of at most {LARGEST_PICTURE // 1024} KB."
    )


def _check(text: str, kind: str) -> None:
    try:
        data = base64.b64decode(text, validate=True)
        with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
            # A small file can be a large picture: its size is known before it is decoded.
            fits = picture.width <= WIDEST and picture.height <= HIGHEST
            still = getattr(picture, "n_frames", 1) == 1
            if fits and still and len(data) <= LARGEST_PICTURE:
                picture.load()
                return
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, binascii.Error):
        raise SettingError("picture can't be decoded: save the preset again.") from None
    raise SettingError(f"picture must be one still of at most {WIDEST} x {HIGHEST} pixels and 6 KB.")
