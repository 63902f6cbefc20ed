"""Check the engine against another implementation: ``python scripts/check_fixture.py --help``."""

from __future__ import annotations

import sys

import environment

environment.enter(__file__)

import pack  # noqa: E402 - only the environment above can import what the pack needs

pack.load_pack()

from livestyle.lab.commands.check_fixture import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
