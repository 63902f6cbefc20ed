"""A real ComfyUI process with the pack in it, for the tests under server and browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import environment
import in_background
import machine_cache
import pytest
from comfy_client import ComfyClient
from comfy_location import find_comfyui
from comfy_server import ComfyServer
from live_session import Session
from published_pack import ROOT, unpack
from sample_clips import make_clip

# A hyphen in the folder's name breaks packs that import themselves by it.
FOLDER = "comfyui-live-style"

LONG_FRAMES = 180 * 24
"""Of ``long_clip``."""

StartServer = Callable[..., ComfyServer]

NEWEST_FRONT_END = "comfyui-frontend-package==1.58.1"
"""Raised by hand, so that a test that fails says something about us. ComfyUI 0.3.75 itself pins 1.32.9."""


def newest_front_end() -> Path:
    """A folder for ``--front-end-root``, beside the environment, where the pinned one stays."""

    def inside(name: str) -> str | None:
        _, found, path = name.partition("comfyui_frontend_package/static/")
        return path if found else None

    folder = machine_cache.cache_root() / ("front-end-" + NEWEST_FRONT_END.replace("==", "-"))
    return machine_cache.unpack_from_wheel(NEWEST_FRONT_END, folder, inside)


@pytest.fixture(scope="session")
def comfyui() -> Path:
    """The folder of the ComfyUI under test."""
    try:
        return find_comfyui(None, environment.ROOT).folder
    except SystemExit as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack as it is published: without lab, benchmarks and tests."""
    return unpack(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="session")
def start_server(
    comfyui: Path, pack: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartServer]:
    """Starts a ComfyUI with further options; all are stopped at the end."""
    running: list[ComfyServer] = []

    def start(*options: str, folder: str = FOLDER) -> ComfyServer:
        base = tmp_path_factory.mktemp("comfyui")
        server = ComfyServer(comfyui, pack, base, folder=folder, options=options)
        running.append(server)
        server.start()
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="session")
def server(start_server: StartServer) -> ComfyServer:
    """One ComfyUI for all tests that do not change its options."""
    return start_server()


@pytest.fixture
def client(server: ComfyServer) -> Iterator[ComfyClient]:
    """A fresh client of ``server``; what a failed test left in the queue ends with it."""
    client = ComfyClient(server.url)
    yield client
    client.end_all()


@pytest.fixture
def tab(server: ComfyServer) -> Iterator[ComfyClient]:
    """A client whose sessions end with the test."""
    tab = ComfyClient(server.url, in_background.SECRET)
    yield tab
    for each in in_background.listed(tab):
        if each["token"]:
            Session(tab.url, each["session"], each["token"]).stop()
    in_background.wait_until(lambda: not in_background.listed(tab))


@pytest.fixture(scope="session")
def checkpoint(server: ComfyServer) -> str:
    """The demo checkpoint of the MLLM-edit family, as LoadStreamModel lists it."""
    spec = ComfyClient(server.url).object_info()["LoadStreamModel"]["input"]["required"]["checkpoint"]
    listed = spec[1]["options"] if spec[0] == "COMBO" else spec[0]
    demos = [name for name in listed if name.startswith("demo") and "mllm" in name]
    if not demos:
        pytest.skip(f"no MLLM-edit demo checkpoint among {listed}")
    return demos[0]


@pytest.fixture(scope="session")
def adapter(server: ComfyServer) -> str:
    """A random temporal adapter for the demo checkpoint, in models/controlnet; its name there.

    It changes every picture, so a test sees whether it acts.
    """
    from diffusers import DreamLiteUNetModel
    from tiny_lllite import random_adapter

    from livestyle.engine.networks.lllite_file import save_lllite

    config = DreamLiteUNetModel.load_config(ROOT / "engine" / "weights" / "mllm-edit" / "unet")
    folder = server.base / "models" / "controlnet"
    folder.mkdir(exist_ok=True)
    save_lllite(
        folder / "random.safetensors", random_adapter(DreamLiteUNetModel.from_config(config), scale=0.3), {}
    )
    return "random.safetensors"


@pytest.fixture(scope="session")
def clip(server: ComfyServer) -> str:
    """One second with sound in the server's input folder, 24 frames at 24 fps; its name there."""
    return make_clip(server.input / "one_second.mp4").name


@pytest.fixture(scope="session")
def long_clip(server: ComfyServer) -> str:
    """In the server's input folder, and longer than a test waits on a fast machine; its name there."""
    return make_clip(server.input / "long.mp4", frames=LONG_FRAMES).name


@pytest.fixture(scope="session")
def server_url(server: ComfyServer) -> str:
    """Where ``server`` answers."""
    return server.url
