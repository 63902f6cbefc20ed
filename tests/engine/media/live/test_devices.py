"""Cameras and screens: choosing one, and a real X screen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from livestyle.engine.errors import MediaError
from livestyle.engine.media.live import devices
from livestyle.engine.media.live.devices import Device, choose
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


@pytest.mark.skipif(not shutil.which("Xvfb") or sys.platform != "linux", reason="needs Xvfb")
def test_a_real_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "320x240x24", "-nolisten", "tcp", "-br"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            monkeypatch.setenv("DISPLAY", f":{server.stdout.readline().decode().strip()}")
            source = LiveSpec("screen", fps=10).open()
            try:
                source.connect(lambda: False)
                assert (source.info.width, source.info.height) == (320, 240)
                frames = source.read(3)
                assert frames is not None and frames.pixels.shape == (3, 240, 320, 3)
                assert len(frames.captured_at) == 3
            finally:
                source.close()
        finally:
            server.kill()
