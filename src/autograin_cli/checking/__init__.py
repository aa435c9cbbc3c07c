"""Whether the input is what it claims to be: measured, before anything is fitted to it."""
