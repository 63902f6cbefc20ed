"""Run a private ComfyUI process with the pack in it. For the demo and the tests alike."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from machine_cache import link_folder

READY_SECONDS = 300.0
STOP_SECONDS = 10.0


class ServerError(Exception):
    """ComfyUI did not start, or went away; the text ends with its last words."""


class ComfyServer:
    """A ComfyUI process on a free loopback port; also a context manager.

    Attributes:
        url: ``http://127.0.0.1:PORT``.
        base: its base directory, with ``input``, ``temp``, ``user``, ``models`` and ``custom_nodes``.
        input, output: its input and output folders.
        log: the file that its output goes to.
    """

    def __init__(
        self,
        comfyui: Path,
        pack: Path,
        base: Path,
        *,
        folder: str = "livestyle",
        output: Path | None = None,
        options: Sequence[str] = (),
        python: str = sys.executable,
    ) -> None:
        """Prepare, without starting.

        Args:
            comfyui: the folder of ComfyUI's ``main.py``.
            pack: the folder of the pack, which is linked into ``custom_nodes``.
            base: a folder for everything that this ComfyUI writes; made if missing.
            folder: the pack's name in ``custom_nodes``; letters, digits, ``_`` and ``-``.
            output: another place for the output folder than ``base/output``.
            options: further options of ComfyUI, such as ``("--cache-none",)``.
            python: the interpreter to run it with.
        """
        assert re.fullmatch(r"\w[\w-]*", folder), folder  # ComfyUI's front end splits names at dots
        self.base = base.absolute()
        self.input = self.base / "input"
        self.output = (output or self.base / "output").absolute()
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.base / f"comfyui-{self.port}.log"
        self._comfyui, self._pack, self._folder = comfyui, pack, folder
        self._options, self._python = tuple(options), python
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ComfyServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start ComfyUI and wait until it answers; by then its nodes are loaded.

        Raises:
            ServerError: when it ends or stays silent.
        """
        for name in ("custom_nodes", "input", "user", "models", "temp"):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        self.output.mkdir(parents=True, exist_ok=True)
        link_folder(self.base / "custom_nodes" / self._folder, self._pack)
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._comfyui,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # a Ctrl-C in the terminal reaches us first, and we stop it
            )
        try:
            self._wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the process, first politely; harmless when repeated."""
        if not self.alive:
            return
        assert self._process
        self._process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log_text(self) -> str:
        """Everything that ComfyUI printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def last_words(self, lines: int = 15) -> str:
        """The end of the log, for an error's text."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def _command(self) -> list[str]:
        command = [self._python, "main.py", "--listen", "127.0.0.1", "--port", str(self.port)]
        command += ["--disable-auto-launch", "--base-directory", str(self.base)]
        command += ["--output-directory", str(self.output)]
        command += ["--disable-all-custom-nodes", "--whitelist-custom-nodes", self._folder]
        # a file, as artists have it: one in memory complains when another thread collects its garbage
        command += ["--database-url", f"sqlite:///{self.base / 'comfyui.db'}"]
        command += ["--disable-api-nodes", "--log-stdout"]
        if not _has_accelerator():
            command.append("--cpu")
        return [*command, *self._options]

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if not self.alive:
                raise ServerError(f"ComfyUI ended while starting:\n{self.last_words()}")
            try:
                with urllib.request.urlopen(f"{self.url}/system_stats", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise ServerError(f"ComfyUI was not ready after {READY_SECONDS:.0f} s:\n{self.last_words()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _has_accelerator() -> bool:
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()
