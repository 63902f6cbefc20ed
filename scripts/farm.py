"""Render many files over a Ray cluster.

    python scripts/farm.py render clips/*.mp4 --workflow workflow.json --folder /srv/livestyle --workers 2

The workflow is one of LiveStyle's nodes alone, saved with "Export (API)". Without --workers the cluster at
LIVESTYLE_RAY_ADDRESS is used. The same line again goes on where it ended. docs/scale.md explains it.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

import pack  # noqa: E402


def main() -> int:
    """Render until every file is finished or has failed."""
    pack.load_pack()
    try:
        from livestyle.service.farm.command import main as farm
    except ImportError as error:
        print(f"{error.name} is missing: install requirements-serve.txt.", file=sys.stderr)
        return 1
    return farm(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
