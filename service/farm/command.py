"""``scripts/farm.py``: its arguments, and the cluster that they name."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ...engine.cluster.connection import ClusterError, connect
from ...engine.errors import LiveStyleError, one_line
from ..executor import read_graph
from .job import job_of
from .render import Render

NO_CLUSTER = "Name --workers N, or "


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="farm.py", description="Render many files over a Ray cluster.")
    commands = parser.add_subparsers(dest="command", required=True)
    render = commands.add_parser("render", help="videos and takes, each to a file of its own")
    render.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="a video, or a take (.take.jsonl)"
    )
    render.add_argument(
        "--workflow", type=Path, required=True, help="the API form, of LiveStyle's nodes alone"
    )
    render.add_argument(
        "--workers", type=int, default=0, metavar="N", help="start a cluster of N tasks at once here"
    )
    render.add_argument(
        "--folder", type=Path, default=Path("livestyle"), help="holds input, output, models, user"
    )
    for name in ("input", "output", "models"):
        render.add_argument(f"--{name}", type=Path, help="this folder instead of the one in --folder")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Render; 0 where every file was."""
    given = parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        return _render(given)
    except (LiveStyleError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped: run the same line again, it goes on.", file=sys.stderr)
        return 130


def _render(given: argparse.Namespace) -> int:
    workflow, folders = read_graph(given.workflow), _folders(given)
    files = {os.path.abspath(file): file for file in given.files}  # one job each, however it is spelled
    jobs = [job_of(file, workflow, folders) for file in files.values()]
    ray = _started(given.workers) if given.workers else connect(NO_CLUSTER)
    try:
        with tqdm(total=0, unit="task", desc="Rendering", dynamic_ncols=True) as bar:
            render = Render(ray, bar)
            render.files(jobs)
    finally:
        ray.shutdown()
    return 1 if render.failed else 0


def _folders(given: argparse.Namespace) -> dict[str, str]:
    """Absolute paths by name, all there."""
    folders = {"user": given.folder / "user"}
    folders |= {name: getattr(given, name) or given.folder / name for name in ("input", "output", "models")}
    for folder in (*folders.values(), folders["user"] / "temp"):
        folder.mkdir(parents=True, exist_ok=True)
    return {name: os.path.abspath(folder) for name, folder in folders.items()}


def _started(workers: int) -> Any:
    """A cluster of this process, which ends with it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray

        ray.init(
            "local",
            num_cpus=workers,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except ImportError as error:
        raise ClusterError(f"Run 'pip install \"ray[client]\"' in this Python ({error}).") from None
    except Exception as error:  # Ray has no class of its own for it
        raise ClusterError(f"Ray could not be started: {one_line(error)}.") from None
    return ray
