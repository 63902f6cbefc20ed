"""``scripts/serve.py``: its arguments, and the service that they ask for."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

import torch

from ..engine.errors import LiveStyleError
from ..engine.log import log
from . import host
from .executor import read_graph

SECRET = "LIVESTYLE_SECRET"
"""Environment variable: the secret that shows a program that sessions are its own."""


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="serve.py", description="Play a workflow without ComfyUI, and answer HTTP while it plays."
    )
    parser.add_argument("workflow", type=Path, help="the API form of a workflow, of LiveStyle's nodes alone")
    parser.add_argument(
        "--listen", default="127.0.0.1", help="address of the HTTP server (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=8189, help="its port (default: %(default)s; 0: a free one)"
    )
    parser.add_argument("--osc", type=int, default=0, metavar="PORT", help="receive OSC at this port")
    parser.add_argument(
        "--folder", type=Path, default=Path("livestyle"), help="holds input, output, models, user"
    )
    for name in ("input", "output", "models"):
        parser.add_argument(f"--{name}", type=Path, help="this folder instead of the one in --folder")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--repeat", action="store_true", help="begin again when the workflow has ended")
    parser.add_argument(
        "--drain", type=float, default=30.0, metavar="S", help="seconds from SIGTERM to a cancel"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Serve; 0 unless a run failed."""
    given = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        _settle(given)
        return asyncio.run(_serve(given))
    except (LiveStyleError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def _settle(given: argparse.Namespace) -> None:
    """Make folders, choose the device, read the workflow."""
    place = host.place
    place.graph = read_graph(given.workflow)
    for name in ("input", "output", "models"):
        setattr(place, name, (getattr(given, name) or given.folder / name).absolute())
    place.user = (given.folder / "user").absolute()
    for folder in (place.input, place.output, place.models, place.user, place.user / "temp"):
        folder.mkdir(parents=True, exist_ok=True)
    auto = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        host.residency.device = torch.device(auto if given.device == "auto" else given.device)
    except RuntimeError:
        raise LiveStyleError(f"--device can't be {given.device}: use auto, cpu, cuda or cuda:N.") from None
    place.secret = os.environ.get(SECRET, "") or _kept_secret(place.user / "client.secret")


def _kept_secret(path: Path) -> str:
    """The secret in a file that only this user reads; made if missing."""
    from ..server.share_links import load_secret

    secret = load_secret(path).hex()
    log.info("%s is not set: the secret is the content of %s in hexadecimal digits.", SECRET, path)
    return secret


async def _serve(given: argparse.Namespace) -> int:
    host.take_the_place_of_comfyui()
    from ..engine.runtime.registry import sessions
    from ..nodes import build_extension
    from ..server.share_links import ShareLinks, load_secret
    from .app import ServiceApp, end_when
    from .player import Player

    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    nodes = build_extension()
    links = ShareLinks(load_secret(host.user_folder() / "watch.key"))
    player = Player(nodes, sessions, given.repeat, lambda: end_when(ended, loop))
    app = ServiceApp(player, sessions, links, given.drain)
    await app.run(given.listen, given.port, given.osc, ended)
    return 1 if player.outcomes["failed"] else 0
