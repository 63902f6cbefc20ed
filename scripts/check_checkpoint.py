"""Try a checkpoint and write a report for a bug report: ``python scripts/check_checkpoint.py --help``."""

from __future__ import annotations

import environment

environment.enter(__file__)

import pack  # noqa: E402 - only the environment above can import what the pack needs

pack.load_pack()

from livestyle.lab.commands.check_checkpoint import main  # noqa: E402

if __name__ == "__main__":
    main()
