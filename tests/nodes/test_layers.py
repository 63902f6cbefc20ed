"""Who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMFY = {
    "comfy",
    "comfy_api",
    "comfy_execution",
    "comfy_extras",
    "folder_paths",
    "server",
    "execution",
    "nodes",
}
WITHOUT_COMFY = (
    *("access", "announce", "bodies", "fields", "frame_messages", "live_socket", "messages", "mjpeg"),
    *("models", "pump", "rate_limit", "routes", "snapshots", "uplink", "visits", "watch", "watched"),
    "webrtc_routes",
)


def _absolute_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def test_only_host_imports_comfyui() -> None:
    files = [*ROOT.glob("nodes/*.py"), *ROOT.glob("engine/**/*.py"), ROOT / "__init__.py"]
    guilty = {
        path.relative_to(ROOT).as_posix() for path in files if COMFY.intersection(_absolute_imports(path))
    }
    assert guilty == {"nodes/host.py"}


def test_production_code_leaves_sys_path_alone() -> None:
    files = [*ROOT.glob("nodes/*.py"), *ROOT.glob("engine/**/*.py"), ROOT / "__init__.py"]
    assert not [path for path in files if "sys.path" in path.read_text(encoding="utf-8")]


def test_the_packs_init_imports_nothing() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    assert not [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]


@pytest.mark.slow
def test_engine_and_routes_work_without_comfyui() -> None:
    """In a fresh process, where no other test has imported ComfyUI."""
    modules = [
        "livestyle." + ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in ("media", "runtime", "families", "conditioning")
        for path in sorted((ROOT / "engine" / folder).rglob("*.py"))
        if path.name != "__init__.py"
    ]
    modules += [f"livestyle.nodes.{name}" for name in WITHOUT_COMFY]
    program = f"""
import importlib, sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
import pack
pack.load_pack()
for name in {modules!r}:
    importlib.import_module(name)
print(sorted({COMFY!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd="/")
    assert done.stdout.strip() == "[]", done.stderr
