"""Measure speed, each figure with its baseline in the same run: ``python scripts/bench.py --help``."""

from __future__ import annotations

import environment

COMFYUI = environment.enter(__file__)

import pack  # noqa: E402 - only the environment above can import what the pack needs

pack.load_pack()

from livestyle.lab.commands.bench import main  # noqa: E402

if __name__ == "__main__":
    main(COMFYUI)
