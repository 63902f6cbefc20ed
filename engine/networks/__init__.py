"""Networks: transformers, their layers and attention, adapters (LLLite, LoRA), TAEHV. Tensors in and out."""
