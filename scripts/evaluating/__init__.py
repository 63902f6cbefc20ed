"""One module for each command of scripts/evaluate.py."""
