"""What the entry point names."""

from pathlib import Path

from livestyle.engine.families import Family

from .model import NAME, load, recognises
from .runner import ToyRunner

DEMO = Path(__file__).parent / "demo"

FAMILY = Family(NAME, recognises, load, ToyRunner, demos=((NAME, DEMO),))
