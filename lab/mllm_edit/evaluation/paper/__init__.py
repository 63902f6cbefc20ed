"""The tables II to XII of arXiv 2606.05981 in the same shape, on any MLLM-edit checkpoint and any clips."""
