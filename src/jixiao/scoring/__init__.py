"""Pure scoring: execution.py (budget lines), derived.py (recomputed indicators), weights.py, completion.py,
deviation.py, and unit_score.py, which joins them into one evaluation with its traces.
"""
