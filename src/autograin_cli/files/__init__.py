"""The only package that opens a file: trajectories, artifacts, reports."""
