"""Live numbers that move by themselves: oscillators, and what is heard and seen in the source."""
