"""Outbound webhooks: what happened at a tenant is told to the receivers that its people have named.

`subscribers` knows who wants what and writes an event down for them; `delivering` sends it, in a task of the core; `post` is
the one place that speaks to a receiver.
"""
