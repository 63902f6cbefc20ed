"""Make a checkpoint folder of your own weights; docs/bring_your_own_weights.md explains each part.

    python scripts/export.py stream-dit --weights MODEL.safetensors --network NETWORK.json
        --text-encoder byt5=FOLDER:240 --autoencoder FOLDER --partition 8x2x1 --output FOLDER
    python scripts/export.py streamedit-dit ... --partition 3x1x2 --output FOLDER
    python scripts/export.py causal --weights MODEL.pt --output MODEL.safetensors --profile causal_forcing

The last one makes a single file of a published causal Wan checkpoint, whose header says what it is, also to
ComfyUI. Put what is written into ComfyUI's models/stream_models; it then is in the list of Load Stream Model.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ...engine.autoencoders.latents import LatentFormat
from ...engine.errors import LiveStyleError, SettingError
from ...engine.families.stream_dit.checkpoint import Description as StreamDiTDescription
from ...engine.families.streamedit_dit.checkpoint import Description as StreamEditDiTDescription
from .export_causal import export_causal
from .export_checkpoint import export_checkpoint, parse_partition

KINDS = {
    "stream-dit": (StreamDiTDescription, ("advance", "guidance")),
    "streamedit-dit": (StreamEditDiTDescription, ("prediction",)),
}
"""What is written for each family, and the options that only its profile has."""


def main() -> None:
    arguments = parse()
    try:
        if arguments.family == "causal":
            export_causal(arguments.weights, arguments.output, arguments.profile)
        else:
            export(arguments)
    except (LiveStyleError, OSError, ValueError, TypeError) as error:
        raise SystemExit(str(error)) from error
    print(f"Written: {arguments.output}")


def export(arguments: argparse.Namespace) -> None:
    folders, limits = {}, []
    for entry in arguments.text_encoder:
        name, _, rest = entry.partition("=")
        folder, _, tokens = rest.rpartition(":")
        if not (name and folder and tokens.isdigit()):
            raise SettingError(
                f"text-encoder {entry!r}: write name=folder:tokens, like byt5=models/byt5:240."
            )
        folders[name] = Path(folder)
        limits.append((name, int(tokens)))
    latents = json.loads(arguments.latents.read_text()) if arguments.latents else {}
    shared = {
        "partitions": tuple(parse_partition(text) for text in arguments.partition),
        "latents": LatentFormat(tuple(latents.get("mean", ())), tuple(latents.get("deviation", ()))),
        "text_limits": tuple(limits),
        "fps": arguments.fps,
    }
    kind, own = KINDS[arguments.family]
    profile = kind.PROFILE(**shared, **{name: getattr(arguments, name) for name in own})
    network = kind.SIZES.from_json(json.loads(arguments.network.read_text()))
    export_checkpoint(
        arguments.output, arguments.weights, kind(network, profile), folders, arguments.autoencoder
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    families = parser.add_subparsers(dest="family", required=True, metavar="FAMILY")
    for name in KINDS:
        _buffer_options(families.add_parser(name, help="a folder of your own weights"))
    causal = families.add_parser("causal", help="one file of a published causal checkpoint")
    causal.add_argument("--weights", type=Path, required=True, help=".pt or .safetensors")
    causal.add_argument("--profile", default="", help="what it is played as; else it is recognised")
    causal.add_argument("--output", type=Path, required=True, help="a new .safetensors")
    return parser.parse_args()


def _buffer_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", type=Path, required=True, help="the transformer, .safetensors")
    parser.add_argument("--network", type=Path, required=True, help="JSON of the network's sizes")
    parser.add_argument(
        "--text-encoder", action="append", required=True, help="name=folder:tokens, repeat for each encoder"
    )
    parser.add_argument("--autoencoder", type=Path, required=True, help="folder of the video autoencoder")
    parser.add_argument("--partition", nargs="+", required=True, help="trained layouts, NxcxS, default first")
    parser.add_argument("--advance", choices=["euler", "renoise"], default="euler")
    parser.add_argument("--guidance", type=float, default=1.0, help="1 for a distilled model")
    parser.add_argument("--prediction", choices=["velocity", "epsilon"], default="velocity")
    parser.add_argument("--latents", type=Path, help="JSON with mean and deviation of each latent channel")
    parser.add_argument("--fps", type=float, default=16.0)
    parser.add_argument("--output", type=Path, required=True, help="a new folder")
