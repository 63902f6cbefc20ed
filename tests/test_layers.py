"""Who may import whom, read from the imports of every file of the pack."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
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
"""ComfyUI's own top-level modules; ours are imported relatively."""
LAYERS = ("engine", "server", "nodes", "service", "lab")
BELOW = {"engine": {"engine"}, "server": {"server", "engine"}, "lab": {"lab", "engine"}}
"""What each layer may import of ours; ``nodes`` may import engine and server, ``service`` nodes too."""
BELOW["nodes"] = {"nodes", "server", "engine"}
BELOW["service"] = {"service", *BELOW["nodes"]}
WITHIN_ENGINE = (
    "media",
    "modulation",
    "networks",
    "cache",
    "conditioning",
    "autoencoders",
    "motion",
    "sampling",
)
"""Parts of the engine that import neither families nor the runtime."""


def _module(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


FILES = {_module(path): path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))}


def _imports(module: tuple[str, ...], whole: bool = True) -> Iterator[tuple[str, ...]]:
    """Our modules that a module imports; without ``whole``, only those of its top level at run time."""
    path = FILES[module]
    package = module if path.name == "__init__.py" else module[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if whole else tree.body:
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        target = package[: len(package) - node.level + 1] + tuple((node.module or "").split("."))
        target = tuple(part for part in target if part)
        for alias in node.names:
            if (*target, alias.name) in FILES:
                yield (*target, alias.name)
            elif target in FILES:
                yield target


def _absolute_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def _circles(graph: dict[tuple[str, ...], set[tuple[str, ...]]]) -> list[list[str]]:
    """The strongly connected groups of more than one file (Tarjan)."""
    index: dict[tuple[str, ...], int] = {}
    low: dict[tuple[str, ...], int] = {}
    stack: list[tuple[str, ...]] = []
    found: list[list[str]] = []

    def visit(node: tuple[str, ...]) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1 or node in graph[node]:
                found.append(sorted(".".join(module) for module in group))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_no_circle_of_files() -> None:
    """Imports inside functions and for type checkers count, too."""
    assert _circles({module: set(_imports(module)) for module in FILES}) == []


def test_a_circle_is_found() -> None:
    assert _circles({("a",): {("b",)}, ("b",): {("a",)}, ("c",): {("a",)}}) == [["a", "b"]]


def test_layers_point_down() -> None:
    wrong = {
        (".".join(module), ".".join(target))
        for module in FILES
        for target in _imports(module)
        if target[0] not in BELOW[module[0]]
    }
    assert wrong == set()


def test_parts_of_the_engine_know_neither_families_nor_runtime() -> None:
    wrong = {
        (".".join(module), ".".join(target))
        for module in FILES
        if module[0] == "engine" and len(module) > 1 and module[1] in WITHIN_ENGINE
        for target in _imports(module)
        if len(target) > 1 and target[1] in ("families", "runtime")
    }
    assert wrong == set()


def test_media_depends_on_nothing_of_ours() -> None:
    wrong = {
        (".".join(module), ".".join(target))
        for module in FILES
        if module[:2] == ("engine", "media")
        for target in _imports(module)
        if target[:2] != ("engine", "media") and target not in (("engine", "errors"), ("engine", "log"))
    }
    assert wrong == set()


def test_only_host_imports_comfyui() -> None:
    files = [*FILES.values(), ROOT / "__init__.py"]
    guilty = {
        path.relative_to(ROOT).as_posix() for path in files if COMFY.intersection(_absolute_imports(path))
    }
    assert guilty == {"nodes/host.py"}


def test_production_code_leaves_sys_path_alone() -> None:
    files = [*FILES.values(), ROOT / "__init__.py"]
    assert not [path for path in files if "sys.path" in path.read_text(encoding="utf-8")]


def test_the_packs_init_imports_nothing() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    assert not [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]


@pytest.mark.slow
def test_engine_server_and_service_work_without_comfyui() -> None:
    """In a fresh process, where no other test has imported ComfyUI."""
    without = ("engine", "server", "service")
    modules = ["livestyle." + ".".join(module) for module in FILES if module[0] in without]
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
