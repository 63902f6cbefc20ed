"""Render many files over a Ray cluster.

    python scripts/farm.py render clips/*.mp4 --workflow workflow.json --folder /srv/livestyle --workers 2

The workflow is one of LiveStyle's nodes alone, saved with "Export (API)". Without --workers the cluster at
LIVESTYLE_RAY_ADDRESS is used. The same line again goes on where it ended. docs/scale.md explains it.
"""

from __future__ import annotations

import sys

import service_script

if __name__ == "__main__":
    sys.exit(service_script.run("service.farm.command"))
