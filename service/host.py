"""What ``nodes/host.py`` offers the nodes, without ComfyUI: folders, a device, one client.

``take_the_place_of_comfyui`` must be called before anything of ``nodes`` is imported.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from aiohttp import web

from ..engine.errors import SessionCancelled
from ..engine.log import log
from ..engine.runtime.device import WEIGHT_DTYPES, plan_device
from ..engine.runtime.residency import OwnResidency
from ..server.owners import OWNER_FIELD, hash_secret
from .node_api import Blocked, ComfyNode, io

__all__ = ["ComfyExtension", "io"]

CLIENT = "service"
"""The one client: whose sessions share links show."""

PLAYS_ON = False
"""A run is over when its last node is: in the background it would have no end."""

MODEL_FOLDER = "stream_models"
COUNTED = re.compile(r"_(\d+)_\.\w+$")
ANNOTATED = re.compile(r"(.*) \[(input|output|temp)\]")

ComfyExtension = list


@dataclass
class Place:
    """Where the service reads and writes, and what it runs on.

    Attributes:
        input, output, models, user: folders; ``models`` is laid out as ComfyUI's.
        secret: shows that a session is the caller's.
        graph: the workflow that plays, in its API form.
        routes, middlewares: what the pack has added to the HTTP server.
        interrupted: ends the run at its next frame.
        allowed: folders beside these that may be read from.
        plans_only: whether write nodes give out their plans instead of running them.
    """

    input: Path = Path("input")
    output: Path = Path("output")
    models: Path = Path("models")
    user: Path = Path("user")
    secret: str = ""
    graph: dict[str, Any] = field(default_factory=dict)
    routes: web.RouteTableDef = field(default_factory=web.RouteTableDef)
    middlewares: list[Any] = field(default_factory=list)
    interrupted: threading.Event = field(default_factory=threading.Event)
    allowed: tuple[str, ...] = ()
    plans_only: bool = False


place = Place()
residency = OwnResidency(torch.device("cpu"))


def take_the_place_of_comfyui() -> None:
    """Be the ``host`` that the nodes import."""
    name = __name__.replace(".service.", ".nodes.")
    if sys.modules.setdefault(name, sys.modules[__name__]) is not sys.modules[__name__]:
        raise RuntimeError("The nodes have a host already.")


# --- nodes ------------------------------------------------------------------------------------


def extension(nodes: list[type[ComfyNode]]) -> list[type[ComfyNode]]:
    """The nodes themselves: nobody else asks for them."""
    return nodes


def blocked(reason: str) -> Blocked:
    """An output value that stops whoever uses it, with this one line."""
    return Blocked(reason)


def plain_errors(execute: Any) -> Any:
    """``execute`` itself: the executor logs what no artist can read, and says the rest in one line."""
    return execute


# --- folders ----------------------------------------------------------------------------------


def register_model_folder() -> None:
    """Nobody else has to know it."""


def model_files(folder: str) -> list[str]:
    """Names below one of the model folders; empty where there is no such folder."""
    root = place.models / folder
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def model_path(folder: str, name: str) -> str | None:
    """Absolute path of a name that ``model_files`` listed, or None."""
    return str((place.models / folder / name).absolute()) if name in model_files(folder) else None


def text_file(chosen: str = "") -> None:
    """No file is read by the host's encoder here: a checkpoint's own reads the prompts."""


def model_folder(folder: str) -> Path:
    """Where new files of one of the model folders go."""
    return place.models / folder


def input_files() -> list[str]:
    """Names of the files that lie directly in the input folder, sorted."""
    return sorted(path.name for path in place.input.iterdir() if path.is_file())


def locate(name: str) -> str:
    """Absolute path of a name: below the input folder, annotated (``clip.mp4 [output]``), or absolute."""
    given = ANNOTATED.fullmatch(name)
    relative, kind = given.groups() if given else (name, "input")
    return os.path.abspath(os.path.join(own_folders()[("input", "output", "temp").index(kind)], relative))


def own_folders() -> tuple[str, str, str]:
    """The folders for media: input, output, temp."""
    return str(place.input.absolute()), output_folder(), str((place.user / "temp").absolute())


def allowed_folders() -> tuple[str, ...]:
    """Those that whoever started the process has named."""
    return place.allowed


def output_folder() -> str:
    """Absolute path of the output folder."""
    return str(place.output.absolute())


def numbered_stem(prefix: str) -> tuple[str, int]:
    """Where a checked ``filename_prefix`` leads: absolute path without counter, and the next free counter.

    ``%year%`` and its like become the time now; ``%width%`` and ``%height%`` stay until a file is opened.

    Raises:
        OSError: its folder can't be made.
    """
    now = time.localtime()
    for name, value in zip(("year", "month", "day", "hour", "minute", "second"), now[:6], strict=True):
        prefix = prefix.replace(f"%{name}%", f"{value:02}")
    stem = Path(output_folder()) / prefix
    if "%" not in str(stem.parent):
        stem.parent.mkdir(parents=True, exist_ok=True)
    there = [path.name for path in stem.parent.glob("*")]
    begun = (COUNTED.fullmatch(name[len(stem.name) :]) for name in there if name.startswith(stem.name))
    return str(stem), max((int(found[1]) for found in begun if found), default=0) + 1


def view_of(path: Path) -> dict[str, str]:
    """How ComfyUI's ``/view`` route would name a file in the output folder."""
    relative = path.relative_to(output_folder())
    subfolder = "" if relative.parent == Path() else relative.parent.as_posix()
    return {"filename": relative.name, "subfolder": subfolder, "type": "output"}


def user_folder() -> Path:
    """Where the pack keeps what belongs to this service; not served to anyone."""
    return place.user


def video_output(path: Path) -> Path:
    """A finished file."""
    return path


# --- the running workflow ---------------------------------------------------------------------


def check_interrupt() -> None:
    """Raise SessionCancelled once the service is to end at once."""
    if place.interrupted.is_set():
        raise SessionCancelled("The service was stopped.")


class Progress:
    """Nobody looks at a bar: /metrics has the numbers, and lines go to the log."""

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id

    def bar(self, done: int, total: int, picture: np.ndarray | None = None) -> None:
        """Look whether the service is to end."""
        check_interrupt()

    def text(self, line: str) -> None:
        """Log a line."""
        show_text(self._node_id, line)


def show_text(node_id: str, line: str) -> None:
    """Log a line of a node."""
    log.info("Node %s: %s", node_id, line)


class Sender:
    """Sends events to nobody: a program reads the list of sessions instead."""

    client = CLIENT

    def __call__(self, event: str, data: Mapping[str, Any]) -> None:
        """Nothing."""


def before_queueing(change: Any) -> None:
    """Nothing is queued."""


def running_prompt() -> tuple[dict[str, Any], dict[str, Any]]:
    """The graph that plays, and whose it is."""
    return place.graph, {OWNER_FIELD: hash_secret(place.secret)}


def consumers(hidden: Any, output: int) -> list[str]:
    """Ids of the nodes that use output number ``output`` of the node that runs.

    Where plans are wanted, the caller is one more: a node whose stream goes on does not run it.
    """
    link = [str(hidden.unique_id), output]
    users = [node_id for node_id, node in hidden.prompt.items() if link in node["inputs"].values()]
    return [*users, CLIENT] if place.plans_only else users


def metadata(hidden: Any) -> tuple[tuple[str, str], ...]:
    """The workflow as a container tag."""
    return (("prompt", json.dumps(hidden.prompt)),)


# --- devices and memory -----------------------------------------------------------------------


def weights_dtype(choice: str, device: torch.device) -> torch.dtype:
    """The number format behind a choice of LoadStreamModel; for fp8, of what stays unquantised."""
    return WEIGHT_DTYPES.get(choice) or plan_device(device).dtype


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a device now."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0


def make_room(size: int, device: torch.device) -> None:
    """Nobody else is on the device."""


def empty_device() -> None:
    """After an out-of-memory error: give back what torch keeps."""
    residency.released()


# --- server -----------------------------------------------------------------------------------


def route_table() -> web.RouteTableDef:
    """Where the pack puts its routes."""
    return place.routes


def add_middleware(middleware: Any) -> None:
    """Have an aiohttp middleware see every request."""
    place.middlewares.append(middleware)
