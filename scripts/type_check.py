"""Check the types of the browser's modules (tsc) and of the engine's core and the server (pyright).

Both checkers come from npm, once per machine, into the cache that all clones share.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import machine_cache
from environment import ROOT

CHECKERS = ("typescript@7.0.2", "pyright@1.1.414")
# ComfyUI's front end publishes no types for what extensions import.
FRONT_END = {"app.d.ts": "export const app: any;\n", "api.d.ts": "export const api: any;\n"}
BROWSER = {
    "allowJs": True,
    "checkJs": True,
    "noEmit": True,
    "strict": True,
    "target": "es2022",
    "module": "es2022",
    "moduleResolution": "bundler",
    "lib": ["es2023", "dom", "dom.iterable"],
    "types": [],
}


def check_types() -> int:
    """0 if both are clean, or where npm is missing, which is said."""
    if not shutil.which("npm"):
        print("SKIPPED: type checks; install npm to run them.", flush=True)
        return 0
    modules = _checkers()
    if modules is None:
        print("SKIPPED: type checks; npm could not fetch the checkers.", flush=True)
        return 0
    return _check_browser(modules) | _check_python(modules)


def _checkers() -> Path | None:
    """The folder of npm's modules."""
    target = machine_cache.cache_root() / ("npm-" + "-".join(CHECKERS).replace("@", "-"))
    with machine_cache.locked(target):
        complete = target / "complete"
        if not complete.exists():
            target.mkdir(exist_ok=True)
            npm = [shutil.which("npm") or "npm", "install", "--silent", "--no-audit", "--no-fund"]
            if subprocess.call([*npm, "--prefix", str(target), *CHECKERS]):
                return None
            complete.touch()
    return target / "node_modules"


def _check_browser(modules: Path) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        # As ComfyUI serves them: its own scripts lie three folders above an extension's.
        pack, front_end = Path(scratch) / "pack", Path(scratch) / "scripts"
        shutil.copytree(ROOT / "web", pack / "web")
        for path in [*pack.rglob("*.mjs"), *pack.rglob("*.js")]:
            # tsc takes an address's query for a part of the file's name.
            text = path.read_text(encoding="utf-8")
            path.write_text(re.sub(r"(\.mjs)\?v=[\d.]+", r"\1", text), encoding="utf-8")
        front_end.mkdir()
        for name, text in FRONT_END.items():
            (front_end / name).write_text(text)
        config = {"compilerOptions": BROWSER, "include": ["pack/web/js", "pack/web/pages"]}
        (Path(scratch) / "tsconfig.json").write_text(json.dumps(config))
        return subprocess.call(["node", str(modules / "typescript" / "bin" / "tsc"), "-p", scratch])


def _check_python(modules: Path) -> int:
    """What pyproject.toml includes."""
    pyright = ["node", str(modules / "pyright" / "index.js"), "--pythonpath", sys.executable]
    return subprocess.call([*pyright, "--level", "error", "--project", str(ROOT)])
