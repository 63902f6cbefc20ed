"""A real process of scripts/serve.py, for the tests of the service."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]
SECRET = "the tests' own secret"
PAGE = {"X-LiveStyle": "1", "X-LiveStyle-Client-Secret": SECRET}


def workflow(name: str = "restyle_a_video", **widgets: dict[str, Any]) -> dict[str, Any]:
    """The API form of a template; ``widgets`` change those of all nodes of a class."""
    graph = json.loads((ROOT / "workflows" / "api" / f"{name}.json").read_text(encoding="utf-8"))
    for node in graph.values():
        node["inputs"].update(widgets.get(node["class_type"], {}))
    return graph


class ServiceProcess:
    """Started at once; ``wait_until`` waits for what is asked for.

    Args:
        folder: holds the workflow and the service's folders.
        graph: the workflow, or any other content of its file.
        options: of the command line.
    """

    def __init__(self, folder: Path, graph: Any, *options: str) -> None:
        self.output = folder / "service" / "output"
        file = folder / "workflow.json"
        file.write_text(json.dumps(graph))
        command = [sys.executable, str(ROOT / "scripts" / "serve.py"), str(file), "--port", "0"]
        command += ["--folder", str(folder / "service"), "--device", "cpu", *options]
        environment = {**os.environ, "LIVESTYLE_SECRET": SECRET}
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True)
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> ServiceProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()

    @property
    def log(self) -> str:
        """What it has said."""
        return "".join(self._lines)

    @property
    def url(self) -> str:
        """Where it is; waits until it says so."""
        found = self.wait_until(lambda: re.search(r"Serving at (http://\S+)", self.log))
        return found[1]

    @property
    def videos(self) -> list[Path]:
        """The files that it has written, oldest first."""
        return sorted(self.output.rglob("*.mp4"))

    def wait_until(self, condition: Any, seconds: float = 240.0) -> Any:
        """What ``condition`` gives, once it is true."""
        deadline = time.monotonic() + seconds
        while not (given := condition()):
            if time.monotonic() > deadline or (self._process.poll() is not None and not condition()):
                raise AssertionError(f"the service did not get there:\n{self.log}")
            time.sleep(0.05)
        return given

    def ask(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and text of an answer."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, {"Content-Type": "application/json", **(headers or {})})
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def session(self) -> dict[str, Any]:
        """The session that plays, with its token; waits for pictures."""
        self.wait_until(lambda: self.ask("/ready")[0] == 200)
        return json.loads(self.ask("/livestyle/sessions", headers=PAGE)[1])["sessions"][0]

    def terminate(self) -> None:
        """What an orchestrator sends first."""
        self._process.send_signal(signal.SIGTERM)

    def exit_code(self, seconds: float = 240.0) -> int:
        """Waits for the end."""
        code = self._process.wait(seconds)
        self._reader.join()
        return code

    def _read(self) -> None:
        assert self._process.stderr
        self._lines.extend(iter(self._process.stderr.readline, ""))
