"""The causal video transformer of the Wan 2.1 family, with its key-value cache as an argument."""

from .config import CausalWanConfig
from .mask import block_causal_mask
from .model import CausalWan

__all__ = ["CausalWan", "CausalWanConfig", "block_causal_mask"]
