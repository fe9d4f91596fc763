"""Flows, one file an occasion, and the embedded server under them. Importing this package loads no orchestrator."""
