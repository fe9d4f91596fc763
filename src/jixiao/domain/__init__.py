"""What is evaluated: units, lines, indicators, targets, findings. Pure values; no file, database or clock."""
