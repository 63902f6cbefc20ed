"""What an autoregressive model remembers of its stream, and what a change of style does to it."""
