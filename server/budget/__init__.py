"""Limits that every process of a server keeps together, without asking the store for each message: `limits` (what a limit
is), `ledger` (the document that holds the truth), `rates` and `ceilings` (a process's share of one), `service` (reserve and
settle)."""
