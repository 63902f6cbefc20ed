"""What the Comfy Registry, ComfyUI and a Windows console expect of the pack's files."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _tracked() -> list[Path]:
    """Every file of the pack that git has or would take."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git clone")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).exists()]


def _requirements(name: str) -> list[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_dependencies_are_said_twice_and_equally() -> None:
    assert _requirements("requirements.txt") == PROJECT["project"]["dependencies"]


def test_requirements_are_floors_and_none_is_comfyuis_own() -> None:
    for line in _requirements("requirements.txt"):
        name = re.match(r"[\w-]+", line)
        assert name and ">=" in line and "==" not in line and "<" not in line
        assert name[0] not in {"torch", "torchvision", "torchaudio", "numpy", "safetensors", "pillow", "av"}


def test_the_registry_finds_what_it_needs() -> None:
    project, comfy = PROJECT["project"], PROJECT["tool"]["comfy"]
    assert re.fullmatch(r"[a-z][a-z0-9-]*", project["name"]) and "comfyui" not in project["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"])
    assert (ROOT / project["license"]["file"]).read_text().lstrip().startswith("Apache License")
    assert project["urls"]["Repository"] and comfy["PublisherId"] and comfy["DisplayName"]
    assert comfy["requires-comfyui"] == ">=0.3.75"
    assert "web" not in comfy  # with WEB_DIRECTORY it would load every script twice


def test_sources_show_on_any_console_and_nothing_foreign_is_tracked() -> None:
    for path in _tracked():
        assert not path.is_symlink() and path.suffix != ".pyc", path
        if path.suffix in (".py", ".js", ".mjs"):
            path.read_text(encoding="utf-8").encode("cp1252")


def test_everything_tracked_fits() -> None:
    assert sum(path.stat().st_size for path in _tracked()) < 44_000_000


def test_no_script_changes_the_import_path() -> None:
    for path in _tracked():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in ("engine", "nodes", "scripts"):
            assert not re.search(r"sys\.path\.(insert|append|extend)|sys\.path\[", path.read_text()), path
