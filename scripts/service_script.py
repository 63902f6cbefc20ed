"""What the scripts of the service share: they run in the Python that they are called with."""

from __future__ import annotations

import importlib
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

import pack  # noqa: E402


def run(module: str) -> int:
    """The exit status of ``main`` of a module of the pack, such as ``service.command``."""
    pack.load_pack()
    try:
        command = importlib.import_module(f"livestyle.{module}")
    except ImportError as error:
        print(f"{error.name} is missing: install requirements-serve.txt.", file=sys.stderr)
        return 1
    return command.main(sys.argv[1:])
