"""What an artifact is on the disk: HDF5 written whole, and read as hostile."""
