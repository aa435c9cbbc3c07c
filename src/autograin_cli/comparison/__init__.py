"""Stage 4: whether the model is right."""
