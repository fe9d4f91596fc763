"""Grids → tables: heads found by content, titles, rows sorted out."""
