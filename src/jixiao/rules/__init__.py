"""Rules as dated, sourced data: model.py (types), loader.py (YAML → types), registry.py (which rules hold for whom)."""
