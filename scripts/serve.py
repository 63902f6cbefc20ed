"""Play a workflow without ComfyUI, and answer HTTP while it plays.

    python scripts/serve.py workflow.json --folder /srv/livestyle --port 8189

The workflow is one of LiveStyle's nodes alone, saved with "Export (API)". The routes, the websocket and OSC
are those of the canvas (docs/api.md); /health, /ready and /metrics are for an orchestrator. SIGTERM ends the
sources, finishes what was decoded and closes the files. docs/scale.md has the sizing.
"""

from __future__ import annotations

import sys

import service_script

if __name__ == "__main__":
    sys.exit(service_script.run("service.command"))
