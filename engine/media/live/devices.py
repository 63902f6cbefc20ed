"""Cameras, screens and microphones of this machine, through FFmpeg's own device formats."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import av

from ...errors import MediaError
from ..containers import ANY_TAGS
from .container_capture import ContainerCapture
from .microphone import Microphone

OPEN_S = 8.0
READ_S = 3.0
_CAMERA_FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
_SCREEN_FORMATS = {"linux": "x11grab", "darwin": "avfoundation", "win32": "gdigrab"}
_SOUND_FORMATS = {"linux": "alsa", "darwin": "avfoundation", "win32": "dshow"}
_PLUS = " + "
"""Between a camera or screen and the microphone beside it."""


@dataclass(frozen=True)
class Device:
    """A camera, screen or microphone.

    Attributes:
        index: its place in the list.
        name: as the system calls it.
        address: what FFmpeg opens.
    """

    index: int
    name: str
    address: str

    @property
    def label(self) -> str:
        """What the widget shows and holds."""
        return f"{self.index}: {self.name}"


def list_cameras() -> list[Device]:
    """The cameras that are plugged in now; empty where none is, or none can be used from here."""
    if sys.platform == "linux":
        return v4l2_cameras(Path("/sys/class/video4linux"))
    video = [device for device in _enumerate("video") if not device.name.startswith("Capture screen")]
    return [Device(index, device.name, device.address) for index, device in enumerate(video)]


def list_screens() -> list[Device]:
    """The screens that can be captured."""
    if sys.platform == "linux":
        display = os.environ.get("DISPLAY", "")
        return [Device(0, f"display {display}", display)] if display else []
    if sys.platform == "win32":
        return [Device(0, "desktop", "desktop")]
    screens = [device for device in _enumerate("video") if device.name.startswith("Capture screen")]
    return [Device(index, device.name, device.address) for index, device in enumerate(screens)]


def list_microphones() -> list[Device]:
    """What can be heard beside a camera or screen."""
    return alsa_microphones(Path("/proc/asound/pcm")) if sys.platform == "linux" else _enumerate("audio")


def labels(pictures: list[Device]) -> list[str]:
    """What the widget offers: each camera or screen alone, then with each microphone."""
    sounds = list_microphones()
    return [
        label
        for each in pictures
        for label in (each.label, *(f"{each.label}{_PLUS}{sound.name}" for sound in sounds))
    ]


def choose(wanted: str, devices: list[Device], what: str) -> Device:
    """The device that a widget's text means: a label, a name, a part of one, or an index.

    Raises:
        MediaError: none or several fit.
    """
    wanted = wanted.strip()
    if not devices:
        raise MediaError(f"There is no {what} on the machine that runs ComfyUI: use the browser's instead.")
    if not wanted:
        return devices[0]
    for fits in (
        [device for device in devices if wanted in (device.label, device.name, device.address)],
        [device for device in devices if wanted == str(device.index)],
        [device for device in devices if device.name == re.sub(r"^\d+: ", "", wanted)],
        [device for device in devices if wanted.lower() in device.name.lower()],
    ):
        if len(fits) == 1:
            return fits[0]
    known = ", ".join(device.label for device in devices)
    raise MediaError(f"'{wanted}' names no {what} here: set device to one of {known}.")


class DeviceCapture(ContainerCapture):
    """A camera or a screen, and perhaps a microphone.

    Args:
        wanted: see ``choose``, perhaps with a microphone as ``labels`` has it; looked up at each opening,
            since numbers change when devices do.
        screen: whether a screen is meant.
        fps: pictures a second to ask for; 0 leaves it to the device.
    """

    def __init__(self, wanted: str, screen: bool, fps: float) -> None:
        what = "screen" if screen else "camera"
        super().__init__(f"The {what} {wanted}".rstrip())
        self._wanted, _, self._sound = wanted.partition(_PLUS)
        self._what = what
        self._fps = fps
        self._microphone: Microphone | None = None

    def open(self) -> None:
        super().open()
        heard, form = self.heard, _SOUND_FORMATS.get(sys.platform)
        if self._sound and not self.sounds and heard is not None and form is not None:
            device = choose(self._sound, list_microphones(), "microphone")
            self._microphone = Microphone(f"The microphone {device.name}", form, device.address, heard)
            self.sounds = True

    def close(self) -> None:
        super().close()
        microphone, self._microphone = self._microphone, None
        if microphone is not None:
            microphone.close()

    def _open_container(self) -> av.container.InputContainer:
        screen = self._what == "screen"
        device = choose(self._wanted, list_screens() if screen else list_cameras(), self._what)
        self.name = f"The {self._what} {device.name}"
        form = (_SCREEN_FORMATS if screen else _CAMERA_FORMATS).get(sys.platform)
        if form is None:
            raise MediaError(f"A {self._what} can't be opened on {sys.platform}: use the browser's instead.")
        address = device.address
        if self._sound and form == _SOUND_FORMATS[sys.platform]:  # opens both as one
            address = f"{address}:{choose(self._sound, list_microphones(), 'microphone').address}"
        options = {"framerate": f"{self._fps:g}"} if self._fps else {}
        if screen and sys.platform != "darwin":
            options.setdefault("framerate", "30")
        return av.open(address, format=form, options=options, timeout=(OPEN_S, READ_S), **ANY_TAGS)


def v4l2_cameras(folder: Path) -> list[Device]:
    """Video nodes that give pictures: each camera also has nodes for metadata, with a higher index."""
    nodes = sorted(folder.glob("video*"), key=lambda node: int(node.name[5:])) if folder.is_dir() else []
    found = [node for node in nodes if _text(node / "index") in ("0", "")]
    return [Device(index, _text(node / "name"), f"/dev/{node.name}") for index, node in enumerate(found)]


def alsa_microphones(cards: Path) -> list[Device]:
    """The system's default, which a sound server has to itself, and what the sound cards have."""
    found = re.findall(r"^(\d+)-(\d+): [^:]*: ([^:]*?) :.*capture", _text(cards), re.MULTILINE)
    cards_own = [(name.strip(), f"plughw:{int(card)},{int(number)}") for card, number, name in found]
    named = [("default", "default"), *cards_own] if cards_own else []
    return [Device(index, name, address) for index, (name, address) in enumerate(named)]


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _enumerate(kind: str) -> list[Device]:
    """What the system lists as ``video`` or ``audio``."""
    form = _SOUND_FORMATS.get(sys.platform)
    if form is None:
        return []
    try:
        listed = av.enumerate_input_devices(form)
    except (ValueError, AttributeError, av.error.FFmpegError):  # an older PyAV can't list
        return []
    prefix = f"{kind}=" if form == "dshow" else ""
    devices = [entry for entry in listed if kind in getattr(entry, "media_types", ["video"])]
    return [
        Device(index, entry.description or entry.name, f"{prefix}{entry.name}")
        for index, entry in enumerate(devices)
    ]
