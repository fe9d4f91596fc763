"""jixiao: 预算绩效自评与监控. Importing it has no effect and costs nothing; the work begins in cycle.py."""

__version__ = "0.1.0"
