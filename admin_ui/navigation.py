"""The pages of a tenant in the order in which they are offered."""

from __future__ import annotations

from dataclasses import dataclass

from quart import current_app

from frontdesk.auth import Principal, Role

from .language import mark


@dataclass(frozen=True, slots=True)
class Entry:
    """One way into the screens: what it is called (a msgid), its icon, and who sees it."""

    endpoint: str
    name: str
    icon: str
    role: Role = "viewer"


ENTRIES = (
    Entry("inbox_list", mark("Inbox"), "inbox"),
    Entry("leads_board", mark("Leads"), "flame"),
    Entry("appointments_page", mark("Appointments"), "calendar-days"),
    Entry("failures_page", mark("Failures"), "triangle-alert"),
    Entry("insights_page", mark("Insights"), "chart-no-axes-column"),
    Entry("contacts_list", mark("Contacts"), "users"),
    Entry("settings_page", mark("Settings"), "settings", "manager"),
    Entry("workshop_page", mark("Workshop"), "wand-sparkles", "manager"),
    Entry("members_page", mark("People"), "user-plus", "manager"),
    Entry("hooks_page", mark("API and webhooks"), "webhook", "owner"),
    Entry("audit_page", mark("Audit"), "scroll-text", "owner"),
)
FIRST_ON_A_PHONE = 4
"""How many stand in the bar at the bottom; the others are behind "More"."""


def entries(principal: Principal, tenant: str) -> list[Entry]:
    """What this operator is offered in this tenant."""
    there = current_app.view_functions
    return [each for each in ENTRIES if f"admin_ui.{each.endpoint}" in there and principal.may(tenant, each.role)]
