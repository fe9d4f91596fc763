"""Gaps: what an owner must act on. detection.py finds them, owners.py says whose they are."""
