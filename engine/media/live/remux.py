"""Run as a process of its own: pass packets on from an address to another, until the first ends.

remux.py SOURCE TARGET FORMAT [OPTION=VALUE ...]
"""

from __future__ import annotations

import sys

import av


def main(source: str, target: str, form: str, *options: str) -> int:
    """0 at the end of the source; 1, with the reason on stderr, when the target is lost."""
    low_delay = {"fflags": "nobuffer", "probesize": "4096", "analyzeduration": "0"}
    chosen = dict(option.split("=", 1) for option in options)
    try:
        with (
            av.open(source, format="nut", options=low_delay) as given,
            av.open(target, "w", format=form, options=chosen) as sent,
        ):
            streams = [sent.add_stream_from_template(stream) for stream in given.streams]
            for packet in given.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    sent.mux(packet)
    except (av.error.FFmpegError, OSError) as error:
        print(error.strerror or error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
