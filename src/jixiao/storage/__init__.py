"""The store: tables.py (what is kept), engine.py (SQLite or PostgreSQL), snapshots.py (ledger rows as Parquet),
intake_store.py (batches in, books out), run_store.py (runs, evaluations, findings, gaps), chunks.py (long lists in queries).
"""
