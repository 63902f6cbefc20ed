"""StreamEdit-DiT's recipe (preprint 202602.0223, section 4), readable against the paper.

``pool``          sources and their right results as latents: styled clips, and edits of the world
``batches``       what a step sees of them, with sentences
``text``          the text encoder, trained before and frozen
``buffer``        the adaptive window in training: history, levels, changed prompts
``losses``        denoising, and Streaming Coherence Matching
``stages``        1 base task, 2 streaming adaptation, 3 quality and interactivity
``distillation``  hierarchical and progressive: 100 steps to 20, 20 to 6
``preview``       what the network makes of some films, as a picture
``card``          the model card that goes with the weights

The paper trains on 5 thousand and 3 million clips with 32 to 128 GPUs; here everything is one CPU's work.
"""
