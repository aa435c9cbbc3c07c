"""Frames of one trajectory file, format by format."""
