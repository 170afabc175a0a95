"""Shows operators a contact's points: the example of docs/how-to/write-a-plugin.md for what operators see."""

from __future__ import annotations

from frontdesk import AdminPage, Card, Plugin, hookimpl


# start: card
class Loyalty(Plugin):
    """Knows how often a contact has been here."""

    admin_pages = (AdminPage(name="points", title="Points", titles=(("vi", "Điểm"),)),)

    @hookimpl
    async def contact_card(self, contact, language):
        visits = [{"day": "24/11/2026", "for": contact.name}]
        return Card(
            title="Khách quen" if language == "vi" else "Regulars",
            rows=(("Điểm" if language == "vi" else "Points", "120"),),
            template="visits.html",
            data={"visits": visits},
        )

    @hookimpl
    async def admin_panel(self, page):
        if page == "points":
            return Card(title="Points", text="Nobody has any yet.")
        return Card(title="Points", rows=(("Contacts with points", "0"),))


# end: card
