"""What the Comfy Registry publishes is the pack that every test of this folder runs on."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from comfy_fixtures import FOLDER, ROOT
from comfy_server import ComfyServer

WORKSHOP = {"lab", "benchmarks", "tests"}


def test_the_server_runs_on_it(server: ComfyServer, pack: Path) -> None:
    assert (server.base / "custom_nodes" / FOLDER).resolve() == pack.resolve()


def test_it_leaves_the_workshop_out(pack: Path) -> None:
    assert not WORKSHOP & {path.name for path in pack.iterdir()}
    for needed in ("__init__.py", "engine/weights/mllm-edit", "workflows", "web/js", "scripts/demo.py"):
        assert (pack / needed).exists(), needed


def test_nothing_in_it_imports_what_it_leaves_out(pack: Path) -> None:
    published = {path.stem for path in (pack / "scripts").glob("*.py")}
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")} - published
    for path in pack.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                first = (node.module or "").removeprefix("livestyle.").split(".")[0]
                named = {first} if first else {alias.name for alias in node.names}
            else:
                continue
            relative = isinstance(node, ast.ImportFrom) and node.level > 0
            left_out = WORKSHOP if relative else WORKSHOP | scripts
            assert not named & left_out, (path.relative_to(pack), named)


@pytest.mark.parametrize("script", ["demo.py", "soak.py"])
def test_its_scripts_start(pack: Path, script: str) -> None:
    command = [sys.executable, str(pack / "scripts" / script), "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "usage" in done.stdout, done.stderr
