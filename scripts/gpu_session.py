"""One part of ``scripts/gpu_session.sh``, in the Python that runs it: nothing is installed."""

from __future__ import annotations

import pack

pack.load_pack()

from livestyle.lab.commands.gpu_session import main  # noqa: E402

if __name__ == "__main__":
    main()
