"""Great Expectations suites as typed Python, one file a table. Plausible but odd data is judged here; what breaks the
contract of a table is refused earlier, in ``jixiao.intake``. A suite runs by ``runner.py``.
"""
