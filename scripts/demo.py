"""Restyle a video on a machine that has Python and nothing else.

    python scripts/demo.py
    python scripts/demo.py --input holiday.mp4 --style "turn it into a watercolour painting"
    python scripts/demo.py --serve      leave ComfyUI running afterwards, to play with

The first run installs ComfyUI and what it needs into a cache that all clones share.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import environment


def size(text: str) -> tuple[int, int]:
    """``"384x224"`` or ``"256"`` as width and height."""
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text.lower())
    width, height = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not (16 <= width <= 4096 and 16 <= height <= 4096):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give WIDTHxHEIGHT such as 384x224, or 256")
    return width, height


def main() -> int:
    """Run the demo; 0 when a video came out."""
    parser = argparse.ArgumentParser(description="Restyle a video with LiveStyle in a real ComfyUI.")
    parser.add_argument("--input", type=Path, metavar="VIDEO", help="a video file (default: a 5 s clip)")
    parser.add_argument("--style", metavar="TEXT", help="what to do with it, in words")
    parser.add_argument("--output", type=Path, metavar="PATH", help="folder, or .mp4 file (default: output/)")
    parser.add_argument("--size", type=size, default=(384, 224), metavar="WxH", help="default: 384x224")
    parser.add_argument("--serve", action="store_true", help="leave ComfyUI running until Ctrl-C")
    parser.add_argument("--comfyui", metavar="PATH", help="use the ComfyUI in this folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what came out to this file")
    arguments = parser.parse_args()
    if arguments.input and not arguments.input.is_file():
        parser.error(f"--input: there is no file {arguments.input}")
    comfyui = environment.enter(__file__, comfyui=arguments.comfyui)

    from demo_run import run_demo  # what it imports is there only now

    return run_demo(comfyui, arguments)


if __name__ == "__main__":
    sys.exit(main())
