"""NDI out and in again, where the package and mDNS are there."""

from __future__ import annotations

import threading
from fractions import Fraction

import numpy as np
import pytest

from livestyle.engine.errors import MediaError
from livestyle.engine.media.live.sink_spec import LiveSinkSpec
from livestyle.engine.media.live.source_spec import LiveSpec
from livestyle.engine.media.types import Frames

pytestmark = pytest.mark.slow


def test_what_is_sent_is_received() -> None:
    pytest.importorskip("cyndilib", reason="needs the optional package cyndilib")
    sink = LiveSinkSpec("ndi", "LiveStyle test").open(64, 48, Fraction(25), None)
    ended = threading.Event()

    def send() -> None:
        index = 0
        while not ended.is_set():
            sink.write(
                Frames(np.full((1, 48, 64, 3), (200, 90, 30), np.uint8), index, (Fraction(index, 25),))
            )
            index += 1

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        source = LiveSpec("ndi", "livestyle test").open()
        try:
            try:
                source.connect(lambda: False)
            except MediaError as error:
                if "is not in the network" not in str(error):
                    raise
                pytest.skip("NDI senders are not found here: mDNS (avahi-daemon) does not run")
            frames = source.read(2)
            assert frames is not None and frames.pixels.shape == (2, 48, 64, 3)
            assert np.abs(frames.pixels.reshape(-1, 3).mean(0) - (200, 90, 30)).max() < 6
        finally:
            source.close()
    finally:
        ended.set()
        sender.join(5)
        sink.close()
