"""What makes and measures checkpoints: training, evaluation, benchmarks. The engine imports nothing of it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The repository, where ``benchmarks/`` lies and ``runs/`` go."""
