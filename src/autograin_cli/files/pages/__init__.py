"""What reports and generated pages are made of: figures, drawings, tables."""
