"""Play a workflow without ComfyUI, and answer HTTP while it plays.

    python scripts/serve.py workflow.json --folder /srv/livestyle --port 8189

The workflow is one of LiveStyle's nodes alone, saved with "Export (API)". The routes, the websocket and OSC
are those of the canvas (docs/api.md); /health, /ready and /metrics are for an orchestrator. SIGTERM ends the
sources, finishes what was decoded and closes the files. docs/scale.md has the sizing.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

import pack  # noqa: E402


def main() -> int:
    """Serve until the workflow has ended or a signal comes."""
    pack.load_pack()
    try:
        from livestyle.service.command import main as serve
    except ImportError as error:
        print(f"{error.name} is missing: install requirements-serve.txt.", file=sys.stderr)
        return 1
    return serve(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
