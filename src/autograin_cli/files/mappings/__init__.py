"""Mappings made by hand, one module for each format that is read."""
