"""Opening media for reading: local files and buffers only, with errors that an artist can use."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from typing import Any

import av

from ..errors import MediaError

MediaInput = str | bytes | BytesIO | Callable[[], BytesIO]

# A playlist that poses as a video could make FFmpeg read other files or the network, so only
# demuxers that read nothing but their own input are allowed.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,gif,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,wav,mp3,flac,aac,"
    "h264,hevc,ivf,dv,mxf,apng,png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe"
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}

# For every ``av.open`` that reads what is not ours: tags in another encoding than UTF-8 come as
# surrogates. PyAV 19 always reads them so and has no such argument; before, they were an error.
_READS_ALL_TAGS = int(av.__version__.partition(".")[0]) >= 19
ANY_TAGS: dict[str, Any] = {} if _READS_ALL_TAGS else {"metadata_errors": "surrogateescape"}


def open_input(media: MediaInput, name: str) -> av.container.InputContainer:
    """Open a file path, bytes, a buffer, or what a function returns.

    Args:
        media: the input; buffers are shared, not copied, and may be opened several times.
        name: what to call it in errors.

    Raises:
        MediaError: missing, empty, broken, or nothing that can be decoded here.
    """
    if isinstance(media, str):
        _check_file(media, name)
        target: str | BytesIO = "file:" + media  # The prefix keeps a colon from naming a protocol.
    else:
        data = media() if callable(media) else media
        target = BytesIO(data if isinstance(data, bytes) else data.getvalue())
    try:
        return av.open(target, options=_OPTIONS, **ANY_TAGS)
    except av.error.FFmpegError as error:
        raise MediaError(
            f"{name} is broken, incomplete or no supported video: export it again, as mp4 for example"
            f" ({error.strerror})."
        ) from error


def _check_file(path: str, name: str) -> None:
    if not os.path.exists(path):
        raise MediaError(f"{name} does not exist: check the path, or upload the file again.")
    if not os.path.isfile(path):
        raise MediaError(f"{name} is not a file: choose a video file.")
    if not os.access(path, os.R_OK):
        raise MediaError(f"{name} may not be read: change its permissions, or copy it into the input folder.")
    if os.path.getsize(path) == 0:
        raise MediaError(f"{name} is empty (0 bytes): copy or upload it again.")
