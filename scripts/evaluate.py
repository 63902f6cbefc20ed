"""Measure a checkpoint on clips: ``python scripts/evaluate.py --help``."""

from __future__ import annotations

import environment

environment.enter(__file__, "train")

import pack  # noqa: E402 - only the environment above can import what the pack needs

pack.load_pack()

from livestyle.lab.commands.evaluate import main  # noqa: E402

if __name__ == "__main__":
    main()
