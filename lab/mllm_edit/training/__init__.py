"""The recipe of the MLLM-edit family: text encoder, edit U-Net, temporal adapter, LCM-LoRA."""
