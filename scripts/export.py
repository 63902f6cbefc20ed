"""Make a checkpoint folder of your own weights: ``python scripts/export.py --help``."""

from __future__ import annotations

import environment

environment.enter(__file__)

import pack  # noqa: E402 - only the environment above can import what the pack needs

pack.load_pack()

from livestyle.lab.commands.export import main  # noqa: E402

if __name__ == "__main__":
    main()
