"""ComfyUI in this process, for tests of the nodes themselves."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SCHEMA = Path(__file__).with_name("schema.json")


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """The frozen description of all nodes, in ComfyUI's order of inputs."""
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def comfy(comfyui: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes ``import comfy`` and its kin work; the base directory with input, output and temp."""
    base = tmp_path_factory.mktemp("base")
    for name in ("input", "output", "temp", "models", "custom_nodes", "user"):
        (base / name).mkdir()
    sys.path.insert(0, str(comfyui))
    arguments, sys.argv = sys.argv, ["main.py", "--cpu", "--base-directory", str(base)]
    try:
        import comfy.options

        comfy.options.enable_args_parsing()
        import folder_paths  # reads sys.argv

        folder_paths.set_temp_directory(str(base / "temp"))
        # In main.py's order: ComfyUI's own nodes puts a folder on sys.path that has a "utils", too.
        for name in ("utils.extra_config", "nodes", "server"):
            importlib.import_module(name)
    finally:
        sys.argv = arguments
    return base


@pytest.fixture(scope="session")
def node_classes(comfy: Path) -> dict[str, Any]:
    """The registered node classes by their ids."""
    from livestyle.nodes import build_extension

    listed = asyncio.run(build_extension().get_node_list())
    return {node.GET_SCHEMA().node_id: node for node in listed}


@pytest.fixture(scope="session")
def run_node(node_classes: dict[str, Any]) -> Any:
    """Executes a node as ComfyUI does: on a clone of its class that has the hidden values."""

    def run(kind: str, node_id: str = "7", consumers: dict[str, int] | None = None, **inputs: Any) -> Any:
        """``consumers`` maps node ids to the output number of this node that they use."""
        graph = {node_id: {"inputs": {}}}
        for consumer, output in (consumers or {}).items():
            graph[consumer] = {"inputs": {"value": [node_id, output]}}
        clone = type(kind, (node_classes[kind],), {})
        clone.hidden = SimpleNamespace(
            unique_id=node_id,
            dynprompt=SimpleNamespace(all_node_ids=lambda: set(graph), get_node=graph.__getitem__),
            prompt={node_id: {"class_type": kind, "inputs": {}, "is_changed": [float("nan")]}},
            extra_pnginfo={"workflow": {"nodes": []}},
        )
        return clone.execute(**inputs)

    return run
