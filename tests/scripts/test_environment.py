"""The bootstrap: which ComfyUI, which environment, and what an interrupted build leaves."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import environment
import machine_cache
import pytest
from comfy_location import ComfyUI, find_comfyui


@pytest.fixture
def comfyui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ComfyUI:
    """A folder that looks like ComfyUI and needs nothing; the cache is empty and private."""
    monkeypatch.setenv("LIVESTYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    folder = tmp_path / "ComfyUI"
    (folder / "comfy").mkdir(parents=True)
    (folder / "main.py").touch()
    (folder / "requirements.txt").touch()
    return ComfyUI(folder)


@pytest.fixture
def small_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack whose requirements install at once: none."""
    root = tmp_path / "pack"
    root.mkdir()
    (root / "requirements.txt").touch()
    (root / "requirements-dev.txt").write_text("# one\n")
    monkeypatch.setattr(environment, "ROOT", root)
    monkeypatch.setattr(environment, "UNLISTED", ())
    return root


def test_the_named_comfyui_wins(comfyui: ComfyUI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = comfyui.folder / "custom_nodes" / "a-pack"
    assert find_comfyui(None, inside) == comfyui
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path / "elsewhere"))
    with pytest.raises(SystemExit, match="COMFYUI_PATH"):
        find_comfyui(None, inside)
    assert find_comfyui(str(comfyui.folder), inside) == comfyui


@pytest.mark.slow
def test_an_environment_is_built_once_and_groups_are_added(comfyui: ComfyUI, small_pack: Path) -> None:
    prefix = environment.ensure(comfyui)
    python = machine_cache.venv_python(prefix)
    assert subprocess.run([str(python), "-c", "pass"]).returncode == 0
    assert not (prefix / "livestyle-dev.txt").exists()
    (prefix / "witness").touch()

    assert environment.ensure(comfyui, ["dev"]) == prefix
    before = (prefix / "livestyle-dev.txt").read_text()
    (small_pack / "requirements-dev.txt").write_text("# two\n")
    assert environment.ensure(comfyui, ["dev"]) == prefix
    assert (prefix / "livestyle-dev.txt").read_text() != before
    assert (prefix / "witness").exists()


@pytest.mark.slow
def test_an_interrupted_build_starts_afresh(
    comfyui: ComfyUI, small_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(environment, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            environment.ensure(comfyui)
    (half_built,) = (path for path in machine_cache.cache_root().glob("env-*") if path.is_dir())
    (half_built / "witness").touch()
    assert environment.ensure(comfyui) == half_built
    assert not (half_built / "witness").exists()


@pytest.mark.slow
def test_requirements_that_cannot_be_installed_are_one_line(comfyui: ComfyUI, small_pack: Path) -> None:
    (small_pack / "requirements.txt").write_text("./no-such-folder\n")
    with pytest.raises(SystemExit) as failed:
        environment.ensure(comfyui)
    assert "no-such-folder" in str(failed.value) and "\n" not in str(failed.value)


def test_other_requirements_are_another_environment(small_pack: Path) -> None:
    names = set()
    for text in ("one>=1\n", "one>=2\n"):
        (small_pack / "requirements.txt").write_text(text)
        names.add(environment.digest_of([small_pack / "requirements.txt"], ()))
    names.add(environment.digest_of([small_pack / "requirements.txt"], environment.CONSTRAINTS))
    assert len(names) == 3


@pytest.mark.parametrize("script", ["demo.py", "test.py"])
def test_the_scripts_start_on_a_bare_python(script: str) -> None:
    # -S: no installed packages
    command = [sys.executable, "-S", str(Path(environment.__file__).parent / script), "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--comfyui" in done.stdout


@pytest.fixture
def own_venv(comfyui: ComfyUI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real environment of ComfyUI's under an unusual name; this process' Python is not good enough."""
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(environment, "MODULES", ("witness_of_comfyui",))
    prefix = comfyui.folder / "env"
    venv.create(prefix, with_pip=False)
    return prefix


def _install_witness(prefix: Path) -> None:
    (packages,) = prefix.glob("[Ll]ib/**/site-packages")
    (packages / "witness_of_comfyui.py").touch()


@pytest.mark.parametrize("name", ["env", "my venv", "../beside"])
def test_comfyuis_own_python_is_found_under_any_name(comfyui: ComfyUI, own_venv: Path, name: str) -> None:
    assert environment._own_python(comfyui.folder) is None
    prefix = own_venv.rename((comfyui.folder / name).resolve())
    _install_witness(prefix)
    assert environment._own_python(comfyui.folder) == machine_cache.venv_python(prefix)


def test_a_conda_environment_named_after_comfyui_is_found(
    comfyui: ComfyUI, own_venv: Path, tmp_path: Path
) -> None:
    (tmp_path / "envs").mkdir()
    prefix = own_venv.rename(tmp_path / "envs" / "comfyui")
    _install_witness(prefix)
    (tmp_path / ".conda").mkdir()
    (tmp_path / ".conda" / "environments.txt").write_text(f"{tmp_path / 'envs' / 'other'}\n{prefix}\n")
    assert environment._own_python(comfyui.folder) == machine_cache.venv_python(prefix)


def test_what_would_be_built_is_said_first(
    comfyui: ComfyUI, own_venv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(*_: object) -> Path:
        raise SystemExit("building")

    monkeypatch.setattr(environment, "ensure", build)
    with pytest.raises(SystemExit, match="building"):
        environment.enter(__file__, comfyui=str(comfyui.folder))
    said = capsys.readouterr().out
    assert str(own_venv) in said and "witness_of_comfyui" in said and "requirements.txt" in said
