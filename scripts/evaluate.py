"""Measure a checkpoint on clips; every figure is defined in docs/measures.md.

python scripts/evaluate.py mllm-edit --clips CLIPS --json FILE
python scripts/evaluate.py mllm-edit --clips CLIPS --prompts FILE --dump DIR
python scripts/evaluate.py mllm-edit --sheet FILE.jpg --sheet-clips CLIP CLIP
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import environment

environment.enter(__file__, "train")

import pack  # noqa: E402 - only the environment above can import what the pack needs

pack.load_pack()

import torch  # noqa: E402

from livestyle.engine.evaluation import mllm_edit  # noqa: E402
from livestyle.engine.evaluation.sheet import contact_sheet  # noqa: E402
from livestyle.engine.families import WEIGHTS, load_model  # noqa: E402
from livestyle.engine.families.base import ModelHandle  # noqa: E402
from livestyle.engine.runtime.device import plan_device  # noqa: E402


def main() -> None:
    arguments = parse()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    plan = plan_device(device)
    model = load_model(ModelHandle(str(arguments.checkpoint)), device, plan.dtype)
    torch.set_num_threads(plan.threads)
    if arguments.sheet:
        contact_sheet(model, arguments.sheet_clips, arguments.sheet, 256, arguments.steps)
        print(f"Contact sheet: {arguments.sheet}")
    if not arguments.clips:
        return
    started = time.monotonic()
    sources = mllm_edit.evaluation_frames(arguments.clips, arguments.frames, arguments.size)
    judge = mllm_edit.Judge.paint(sources)
    report = {
        "checkpoint": arguments.checkpoint.name,
        "frames": len(sources),
        "size": arguments.size,
        "steps": arguments.steps,
        "dtype": str(plan.dtype),
        "device": str(device),
        **mllm_edit.measure(model, judge, arguments.steps, arguments.dump),
    }
    if arguments.prompts:
        phrases = json.loads(arguments.prompts.read_text())
        report |= mllm_edit.measure_prompts(model, judge, phrases, arguments.steps)
    report["seconds"] = round(time.monotonic() - started)
    show(report)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


def show(report: dict) -> None:
    """A table of the styles, then the single figures."""
    columns = ("explained_change", "colour_map_change", "style_nearest_share", "output_db")
    print(f"{'style':14}" + "".join(f"{column:>24}" for column in columns))
    for style, row in report["styles"].items():
        print(f"{style:14}" + "".join(f"{row[column]:24.3f}" for column in columns))
    for key, value in report.items():
        if isinstance(value, float):
            print(f"{key:32} {value:.3f}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("family", choices=["mllm-edit"])
    parser.add_argument("--checkpoint", type=Path, default=WEIGHTS / "mllm-edit", help="checkpoint folder")
    parser.add_argument("--clips", type=Path, help="folder of clips that training never saw")
    parser.add_argument("--frames", type=int, default=4, help="frames of each clip")
    parser.add_argument("--size", type=int, default=256, help="side in pixels")
    parser.add_argument("--steps", type=int, default=1, help="denoising steps")
    parser.add_argument("--prompts", type=Path, help="{style: {sentences: [...], words: [...]}} to judge")
    parser.add_argument("--dump", type=Path, help="write the judged source, target and output pictures there")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of all styles there")
    parser.add_argument("--sheet-clips", type=Path, nargs="+", default=[], help="the clips it shows")
    parser.add_argument("--json", type=Path, help="write all figures there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
