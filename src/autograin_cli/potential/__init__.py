"""Stage 2: what the beads feel."""
