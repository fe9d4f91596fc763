"""Bytes → grids: the cells of a sheet with their place, whatever the container."""
