"""MLLM-edit (arXiv 2606.05981): training, evaluation, benchmark."""
