"""Measure a checkpoint on clips; every figure is defined in docs/measures.md.

    python scripts/evaluate.py mllm-edit --clips CLIPS --json FILE
    python scripts/evaluate.py sheet --checkpoint FOLDER --clips CLIP CLIP --prompts oil ink --output FILE.jpg
    python scripts/evaluate.py temporal --clips CLIPS --json FILE
    python scripts/evaluate.py mllm-edit-tables --clips CLIPS --output FOLDER
    python scripts/evaluate.py stream-dit --json FILE
    python scripts/evaluate.py rtr-dit --clips CLIPS --styles PICTURES --json FILE
    python scripts/evaluate.py streamedit-dit --clips CLIPS --json FILE
    python scripts/evaluate.py video-autoencoder --clips CLIPS --json FILE

``python scripts/evaluate.py COMMAND --help`` lists a command's options.
"""

from __future__ import annotations

import argparse

from ..autoencoders import evaluate_video
from ..evaluation import draw_sheet
from ..mllm_edit import evaluate as mllm_edit
from ..mllm_edit import evaluate_tables, evaluate_temporal
from ..rtr_dit import evaluate as rtr_dit
from ..stream_dit import evaluate as stream_dit
from ..streamedit_dit import evaluate as streamedit_dit

COMMANDS = {
    "mllm-edit": mllm_edit,
    "temporal": evaluate_temporal,
    "mllm-edit-tables": evaluate_tables,
    "stream-dit": stream_dit,
    "rtr-dit": rtr_dit,
    "streamedit-dit": streamedit_dit,
    "video-autoencoder": evaluate_video,
    "sheet": draw_sheet,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        command.options(commands.add_parser(name, help=command.__doc__.split(":", 1)[1].strip()))
    arguments = parser.parse_args()
    COMMANDS[arguments.command].run(arguments)
