"""Stage 1: which atoms make which bead."""
