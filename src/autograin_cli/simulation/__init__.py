"""Stage 3: how the beads move."""
