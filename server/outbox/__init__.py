"""Outbound messages on their way: `put` (into the lane), `lane` (one conversation's ordered line), `gates` (what may go
now), `sending` (one attempt), `reconcile` (what became of an attempt nobody knows the end of), `status` (what the provider
says later)."""
