"""The demo autoencoders of pictures and of video: training and evaluation."""
