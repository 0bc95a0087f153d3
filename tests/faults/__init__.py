"""The product under load while its processes are killed, measured by a ledger of our own.

Alone: `uv run python -m tests.faults --mails 2000 --replies 500 --seed 1`, which prints the report.
"""
