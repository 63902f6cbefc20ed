"""MLLM-edit (arXiv 2606.05981): a distilled edit U-Net conditioned by a vision-language model."""
