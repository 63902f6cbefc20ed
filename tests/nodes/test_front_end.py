"""The editor's side: what can be tested without a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
SCRIPTS = [*WEB.rglob("*.js"), *WEB.rglob("*.mjs")]


def test_there_is_one_extension_file() -> None:
    """ComfyUI imports every .js file as an extension of its own."""
    assert [path.name for path in WEB.rglob("*.js")] == ["livestyle.js"]


def test_helpers_are_asked_for_by_the_packs_version() -> None:
    """ComfyUI lets browsers keep .mjs files, so a new release needs new addresses."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    for path in SCRIPTS:
        for name in re.findall(
            r'["\'](\.{1,2}/[\w./]+\.(?:mjs|css)[^"\']*)["\']', path.read_text(encoding="utf-8")
        ):
            assert name.endswith(f"?v={version}"), (path.name, name)


def test_nothing_comes_from_elsewhere() -> None:
    """ComfyUI may run under a policy that allows its own addresses only."""
    for path in [*SCRIPTS, *WEB.rglob("*.css")]:
        assert not re.search(r"https?://", path.read_text(encoding="utf-8")), path.name


def test_helpers_behave() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node (18 or newer) on the PATH")
    files = sorted(str(path) for path in (Path(__file__).parent / "js").glob("*.test.mjs"))
    done = subprocess.run([node, "--test", *files], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
