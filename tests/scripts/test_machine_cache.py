"""What is kept once per machine survives two processes and a crash."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import machine_cache
import pytest

SCRIPTS = Path(machine_cache.__file__).parent


def _count_up(target: Path, times: int) -> None:
    for _ in range(times):
        with machine_cache.locked(target):
            value = int(target.read_text())
            time.sleep(0.001)
            target.write_text(str(value + 1))


def test_two_processes_take_turns(tmp_path: Path) -> None:
    target = tmp_path / "counter"
    target.write_text("0")
    context = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
    workers = [context.Process(target=_count_up, args=(target, 50)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert target.read_text() == "100"


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "import machine_cache, os, pathlib\n"
        f"lock = machine_cache.locked(pathlib.Path({str(tmp_path / 'x')!r})); lock.__enter__()\n"
        "os._exit(1)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 1
    with machine_cache.locked(tmp_path / "x"):
        pass


def test_the_cache_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVESTYLE_CACHE", str(tmp_path / "there"))
    assert machine_cache.cache_root() == tmp_path / "there"
    assert (tmp_path / "there").is_dir()


def test_a_link_is_replaced_and_a_folder_is_not(tmp_path: Path) -> None:
    for name in ("one", "two", "real"):
        (tmp_path / name).mkdir()
    link = tmp_path / "link"
    machine_cache.link_folder(link, tmp_path / "one")
    machine_cache.link_folder(link, tmp_path / "two")
    assert link.resolve() == tmp_path / "two"
    with pytest.raises(FileExistsError):
        machine_cache.link_folder(tmp_path / "real", tmp_path / "one")
