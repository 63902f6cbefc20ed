"""What Ray sends by value, for a machine needs LiveStyle in a folder, not on its path.

Functions inside functions are pickled whole; until the pack is loaded they use the standard library alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def pack_loader() -> Callable[[list[str]], str]:
    """A function that loads the pack of the machine it runs on; it gives a line where there is none."""

    def load(folders: list[str]) -> str:
        import importlib.util
        import os
        import sys

        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        places = [os.path.join(place, "scripts", "pack.py") for place in folders]
        named = os.environ.get("LIVESTYLE_PACK")
        if named:
            places.insert(0, os.path.join(named, "scripts", "pack.py"))
        found = next((place for place in places if os.path.isfile(place)), None)
        if found is None:
            return f"no LiveStyle in {folders[0]}: start Ray there with LIVESTYLE_PACK=its folder"
        if "livestyle" not in sys.modules:
            spec = importlib.util.spec_from_file_location("livestyle_pack_loader", found)
            assert spec and spec.loader
            loader = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(loader)
            loader.load_pack()
        return ""

    return load


def task_function() -> Callable[..., dict]:
    """What Ray makes tasks of: one call of ``service/farm/work.py``."""
    load = pack_loader()

    def livestyle_render(folders: list[str], *arguments: Any) -> dict:
        import importlib

        if line := load(folders):
            return {"error": f"A worker has {line}."}
        return importlib.import_module("livestyle.service.farm.work").perform(*arguments)

    return livestyle_render


def actor_class(ray: Any) -> Any:
    """The class that Ray makes an actor of."""
    load = pack_loader()

    class LiveStyleWorker:
        """One stream's worker; each stage has a thread, as its lane here has."""

        def open(self, folders: list[str]) -> dict:
            """Load the pack of this machine; what it is, or ``{"error": line}``."""
            import importlib

            if line := load(folders):
                return {"error": line}
            ours = importlib.import_module("livestyle.engine.cluster.worker")
            self.worker = ours.Worker()
            return dict(ours.facts())

        def ask(self, name: str, *arguments: Any) -> tuple:
            """Prepare: weights, the model, the runner, a live value's check."""
            return self.worker.answer(name, *arguments)

        @ray.method(concurrency_group="encode")
        def encode(self, *arguments: Any) -> tuple:
            """The runner's ``encode``."""
            return self.worker.answer("encode", *arguments)

        @ray.method(concurrency_group="denoise")
        def denoise(self, *arguments: Any) -> tuple:
            """The runner's ``denoise``."""
            return self.worker.answer("denoise", *arguments)

        @ray.method(concurrency_group="decode")
        def decode(self, *arguments: Any) -> tuple:
            """The runner's ``decode``."""
            return self.worker.answer("decode", *arguments)

    return LiveStyleWorker
