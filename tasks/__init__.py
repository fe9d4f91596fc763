"""Tasks, one stage a file: one call of the library and the policy around it (retries, time limit, run name). Every task
is safe to repeat; what it hands on is a receipt, the data goes through the store.
"""
