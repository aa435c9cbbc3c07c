"""The neural potential: a network of continuous-filter convolutions over the beads."""
