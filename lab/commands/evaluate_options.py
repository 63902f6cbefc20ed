"""What the commands share: loading a checkpoint, reading adapter options, writing what was measured."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from ...engine.families import WEIGHTS, load_model
from ...engine.families.base import ModelHandle, StreamModel, TemporalAdapter
from ...engine.motion.flow import ESTIMATORS, FlowSettings
from ...engine.motion.refresh import RefreshPolicy
from ...engine.runtime.device import DevicePlan, plan_device

ADAPTER = WEIGHTS / "temporal-lllite" / "lllite.safetensors"


def add_model(parser: argparse.ArgumentParser) -> None:
    """Options of every command."""
    parser.add_argument("--checkpoint", type=Path, default=WEIGHTS / "mllm-edit", help="checkpoint folder")
    parser.add_argument("--size", type=int, default=256, help="side in pixels")
    parser.add_argument("--steps", type=int, default=1, help="denoising steps")


def add_adapter(parser: argparse.ArgumentParser) -> None:
    """Options of what measures an adapter."""
    parser.add_argument("--adapter", type=Path, help=f"adapter file (default: {ADAPTER.parent.name}'s)")
    parser.add_argument("--hooks", choices=["all", "down", "middle", "up"], default="all")
    parser.add_argument("--multiplier", type=float, default=1.0)
    parser.add_argument("--refresh", type=int, default=1, help="chunks between two refreshes")
    parser.add_argument("--estimator", choices=list(ESTIMATORS), default="dis_fast", help="of the adapter")


def adapter_path(arguments: argparse.Namespace) -> Path | None:
    """The file named, else the demo adapter, else None."""
    if arguments.adapter:
        return arguments.adapter.resolve()
    return ADAPTER if ADAPTER.exists() else None


def adapters(arguments: argparse.Namespace) -> tuple[TemporalAdapter, ...]:
    """What the options ask for; nothing where there is no file."""
    path = adapter_path(arguments)
    if path is None:
        return ()
    refresh, flow = RefreshPolicy(every=arguments.refresh), FlowSettings(arguments.estimator)
    return (
        TemporalAdapter(str(path), arguments.hooks, arguments.multiplier, refresh, flow, node_id="adapter"),
    )


def load(checkpoint: Path) -> tuple[StreamModel, DevicePlan]:
    """A checkpoint on the best device of this machine."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    plan = plan_device(device)
    model = load_model(ModelHandle(str(checkpoint)), device, plan.dtype)
    torch.set_num_threads(plan.threads)
    return model, plan


@contextlib.contextmanager
def json_lines(
    path: Path | None, kept: Sequence[dict[str, Any]] = ()
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """What writes a row to a file as one line of JSON, at once, behind ``kept``; without a path: nothing."""
    if path is None:
        yield lambda row: None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", buffering=1) as lines:
        lines.writelines(json.dumps(row) + "\n" for row in kept)
        yield lambda row: lines.write(json.dumps(row) + "\n")


def save(path: Path | None, report: dict[str, Any]) -> None:
    """A report as JSON, a line an entry, with five digits that count, if a file was asked for."""
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        entries = (f"{json.dumps(key)}: {json.dumps(each)}" for key, each in _rounded(report).items())
        path.write_text("{\n" + ",\n".join(entries) + "\n}\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
