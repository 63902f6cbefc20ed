"""Cameras and screens: choosing one, and a real X screen."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from livestyle.engine.errors import MediaError
from livestyle.engine.media.live import devices
from livestyle.engine.media.live.devices import Device, choose
from livestyle.engine.media.live.live_sound import LiveReader, LiveTrack
from livestyle.engine.media.live.source_spec import LiveSpec

CAMERAS = [Device(0, "HD Webcam", "/dev/video0"), Device(1, "Capture HDMI", "/dev/video2")]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [("", 0), ("0", 0), ("1", 1), ("1: Capture HDMI", 1), ("HD Webcam", 0), ("hdmi", 1), ("/dev/video2", 1)],
)
def test_a_camera_by_number_name_or_label(wanted: str, index: int) -> None:
    assert choose(wanted, CAMERAS, "camera").index == index


def test_a_camera_that_moved_is_still_found_by_its_name() -> None:
    assert choose("3: Capture HDMI", CAMERAS, "camera").address == "/dev/video2"


@pytest.mark.parametrize("wanted", ["7", "nothing like it", "d"])
def test_no_camera_or_several_is_one_line_with_the_choices(wanted: str) -> None:
    with pytest.raises(MediaError, match="0: HD Webcam, 1: Capture HDMI"):
        choose(wanted, CAMERAS, "camera")


def test_no_camera_at_all_points_to_the_browser() -> None:
    with pytest.raises(MediaError, match="browser"):
        choose("", [], "camera")


def test_only_the_picture_node_of_a_v4l2_camera_is_listed(tmp_path: Path) -> None:
    for number, index, name in ((0, 0, "Cam"), (1, 1, "Cam"), (10, 0, "Grabber"), (2, 0, "Other")):
        node = tmp_path / f"video{number}"
        node.mkdir()
        (node / "index").write_text(f"{index}\n")
        (node / "name").write_text(f"{name}\n")
    found = devices.v4l2_cameras(tmp_path)
    assert [(device.label, device.address) for device in found] == [
        ("0: Cam", "/dev/video0"),
        ("1: Other", "/dev/video2"),
        ("2: Grabber", "/dev/video10"),
    ]


def test_what_has_ears_is_listed_as_a_microphone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = tmp_path / "pcm"
    assert devices.alsa_microphones(cards) == []
    cards.write_text(
        "00-00: ALC295 Analog : ALC295 Analog : playback 1 : capture 1\n"
        "00-03: HDMI 0 : HDMI 0 : playback 1\n01-00: USB Audio : USB Audio : capture 1\n"
    )
    found = devices.alsa_microphones(cards)
    assert [(device.name, device.address) for device in found] == [
        ("default", "default"),
        ("ALC295 Analog", "plughw:0,0"),
        ("USB Audio", "plughw:1,0"),
    ]
    monkeypatch.setattr(devices, "list_microphones", lambda: found[1:])
    assert devices.labels(CAMERAS[:1]) == [
        "0: HD Webcam",
        "0: HD Webcam + ALC295 Analog",
        "0: HD Webcam + USB Audio",
    ]


@pytest.mark.skipif(not shutil.which("Xvfb") or sys.platform != "linux", reason="needs Xvfb")
@pytest.mark.parametrize("device", ["", "0 + whistle"])
def test_a_real_screen(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    # This machine has no microphone; to FFmpeg a generator is a device as well.
    whistle = Device(0, "whistle", "sine=frequency=1000,arealtime")
    monkeypatch.setattr(devices, "list_microphones", lambda: [whistle])
    monkeypatch.setitem(devices._SOUND_FORMATS, "linux", "lavfi")
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "320x240x24", "-nolisten", "tcp", "-br"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            monkeypatch.setenv("DISPLAY", f":{server.stdout.readline().decode().strip()}")
            source = LiveSpec("screen", device, fps=10).open()
            try:
                source.connect(lambda: False)
                assert (source.info.width, source.info.height) == (320, 240)
                frames = source.read(3)
                assert frames is not None and frames.pixels.shape == (3, 240, 320, 3)
                assert len(frames.captured_at) == 3
                assert source.info.has_audio == bool(device)
                if isinstance(source.audio, LiveTrack):
                    ear, heard = LiveReader(source.audio, 48_000, "flt", "mono"), np.zeros(0)
                    for _ in range(100):
                        time.sleep(0.05)
                        heard = np.concatenate([heard, *(part.to_ndarray()[0] for part in ear.until(None))])
                        if len(heard) > 48_000:
                            break
                    crossings = np.flatnonzero((heard[1:-1] < 0) & (heard[2:] >= 0))
                    assert 950 < 48_000 / np.median(np.diff(crossings)) < 1050
            finally:
                source.close()
        finally:
            server.kill()
