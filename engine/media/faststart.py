"""Rewrite a fragmented mp4 so that its index comes first: players start and seek at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av

from ..errors import MediaError
from ..log import log
from .audio import AudioFeed
from .types import AudioTrack

HEADROOM = 16 * 2**20
"""Bytes that must stay free on the disk."""

SoundAnew = tuple[AudioTrack, Fraction | None]
"""A track, and up to which second of the file it is heard; None where that is its own end."""

_MUXER_TAGS = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})


def make_faststart(
    path: Path, fps: Fraction, tags: Mapping[str, str] | None = None, sound: SoundAnew | None = None
) -> bool:
    """Copy all packets into a faststart mp4 that then takes the file's place, in one step.

    Args:
        path: a complete fragmented mp4; untouched where False is returned.
        fps: gives the last frame its duration.
        tags: container tags that take the place of those of the same name.
        sound: is encoded, and takes the place of the file's own.

    Returns:
        False where the disk has no room for the copy.
    """
    if shutil.disk_usage(path.parent).free < path.stat().st_size + HEADROOM:
        log.info("no room to make %s seekable at once; it stays fragmented and playable", path)
        return False
    copy = path.with_name(f".{path.stem}.faststart.mp4")
    try:
        _remux(path, copy, fps, tags or {}, sound)
        os.replace(copy, path)
    except (OSError, av.error.FFmpegError, MediaError, LookupError) as error:
        log.info("%s stays fragmented and playable: %s", path, error)
        copy.unlink(missing_ok=True)
        return False
    return True


def _remux(path: Path, copy: Path, fps: Fraction, tags: Mapping[str, str], sound: SoundAnew | None) -> None:
    options = {"movflags": "faststart+use_metadata_tags"}
    with av.open(f"file:{path}") as source, av.open(f"file:{copy}", "w", options=options) as target:
        target.metadata.update(
            {k: v for k, v in source.metadata.items() if k not in _MUXER_TAGS} | dict(tags)
        )
        kept = [stream for stream in source.streams if stream.type == "video" or sound is None]
        streams = {stream: target.add_stream_from_template(stream, opaque=True) for stream in kept}
        feed = AudioFeed(sound[0], target, copy=False) if sound else None
        try:
            for packet in source.demux(kept):
                if packet.dts is None:  # The packet that flushes decoders.
                    continue
                if packet.stream.type == "video" and not packet.duration:
                    packet.duration = round(1 / fps / packet.time_base)
                if feed is not None:
                    target.mux(list(feed.packets(packet.dts * packet.time_base)))
                packet.stream = streams[packet.stream]
                target.mux(packet)
            if sound and feed is not None:
                target.mux(list(feed.packets(sound[1], last=True)))
        finally:
            if feed is not None:
                feed.close()
