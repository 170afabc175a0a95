"""Who may use the phone: without being told otherwise, only whoever sits at this machine."""

from __future__ import annotations

OURS = "x-frontdesk-simulator"
"""A header the page sends with everything it posts. Another site's page cannot: it would need our leave (CORS) first."""


def closed_sentence(tenant: str) -> str:
    """What somebody is told who may not use the phone."""
    return (
        "This phone answers only on the machine where Frontdesk runs, at http://localhost. To open it to everyone who "
        f"reaches this server, write `open_to: everyone` under `simulator` in the plugins of {tenant}."
    )
