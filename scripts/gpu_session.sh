#!/bin/sh
# All that wants a GPU, in under 9 minutes: the device's tests, parity with the CPU, the headline rows.
#
#     scripts/gpu_session.sh [--toy] [RESULTS.jsonl]
#
# Needs torch and the pack's requirements in $PYTHON (python3), and installs nothing. Every result is a line of
# JSON as soon as it is there; a part that takes too long is ended, and the next one runs. --toy tries every
# part out on a CPU, with few widths.
cd "$(dirname "$0")/.." || exit 1
toy=
if [ "$1" = --toy ]; then
    toy=--toy
    shift
fi
results=$(realpath -m "${1:-benchmarks/gpu_session.jsonl}")
python=${PYTHON:-python3}
mkdir -p "$(dirname "$results")"
: >"$results"

part() { # seconds at most, then the part
    limit=$1
    [ -z "$toy" ] || limit=$((limit * 10)) # a busy CPU
    shift
    echo "== $* (at most $limit s)"
    timeout "$limit" "$python" scripts/gpu_session.py "$@" $toy --json "$results"
    ended=$?
    [ "$ended" -eq 0 ] || echo "{\"part\": \"$*\", \"note\": \"ended with $ended (124: out of time)\"}" >>"$results"
}

part 75 suite
part 45 parity
for row in 0 1 2 3 4 5; do
    part 65 row "$row"
done
echo "Results: $results"
