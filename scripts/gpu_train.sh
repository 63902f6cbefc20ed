#!/usr/bin/env bash
# The demo checkpoints that look through the video autoencoder, on one large GPU:
#
#     scripts/gpu_train.sh CLIPS PAINTINGS [RUNS]
#
# The recipes are those of scripts/train.py with more clips a step. Each resumes where it was stopped, so the
# same line again goes on; weights and cards go to RUNS/weights and replace nothing until they are copied.
# DEVICE=cpu TOY=1 runs every recipe for a few small steps: the proof that the line works on this machine.
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 2
fi
clips=$1 paintings=$2 runs=${3:-runs/gpu}
device=${DEVICE:-cuda} python=${PYTHON:-python3}
workers=${WORKERS:-$(($(nproc) > 2 ? $(nproc) - 2 : 0))}
here=$(cd "$(dirname "$0")" && pwd)
common=(--runs "$runs" --device "$device" --threads "${THREADS:-2}")

if [ -n "${TOY:-}" ]; then
    autoencoder=(--steps 2 --texture-steps 2 --batch 1 --crop 64 --workers 0)
    text_to_video=(--clips 2 --scenes 4 --text-steps 2 --image-steps 2 --stretch-steps 2 --steps 2
        --student-steps 2 --batch 1 --size 32 --workers 0)
    restyling=(--windows 2 --large-windows 1 --pictured 1 --sentence-steps 2 --steps 2 --causal-steps 2 --rollout-steps 2
        --student-steps 2 --trajectories 1 --solver-steps 1 --batch 3)
else # meant for about three, three and two minutes on an H200; not measured yet
    autoencoder=(--steps 4000 --texture-steps 1200 --batch 24 --crop 160 --workers "$workers")
    text_to_video=(--clips 2400 --scenes 12000 --image-steps 4000 --stretch-steps 300 --steps 1000
        --student-steps 200 --batch 32 --workers "$workers" --compile)
    restyling=(--batch 24)
fi

mkdir -p "$runs"
weights=$(realpath "$runs")/weights

train() { # RECIPE FOLDER OPTIONS...
    "$python" "$here/train.py" "$1" "${@:3}" "${common[@]}" --output "$weights/$2" --json "$runs/$2.json"
}

train video-autoencoder demo-video --videos "$clips" --styles "$paintings" "${autoencoder[@]}"
train stream-dit stream-dit --autoencoder "$weights/demo-video" "${text_to_video[@]}"
train rtr-dit rtr-dit --videos "$clips" --styles "$paintings" "${restyling[@]}"
