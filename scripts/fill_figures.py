"""Write measured figures into the documents that quote them: ``python scripts/fill_figures.py --help``."""

from __future__ import annotations

import pack

pack.load_pack()

from livestyle.lab.commands.fill_figures import main  # noqa: E402 - needs the pack

if __name__ == "__main__":
    main()
