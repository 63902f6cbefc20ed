"""The KV cache of block-autoregressive models: segments, roll, storages, and policies for a switch of style."""
