"""The KV cache of block-autoregressive models: segments, roll, storage, policies for a switch of style."""
