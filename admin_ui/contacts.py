"""The people who write: who they are, what is known of them, what they consent to; export, erasure, retention."""

from __future__ import annotations

import json
from collections.abc import Mapping

from quart import Response, abort, request, url_for

from frontdesk.services.contact_desk import UnknownContact
from frontdesk.services.memory import NotChanged
from frontdesk.services.office import Office

from .gate import Pages
from .language import _, mark

GOING: Mapping[str, str] = {
    "messages": mark("Messages, with their files"),
    "turns": mark("How the bot came to its answers"),
    "summaries": mark("Summaries"),
    "notes": mark("Notes of operators"),
    "appointments": mark("Appointments"),
    "leads": mark("The lead"),
    "memories": mark("What is remembered of them"),
    "consents": mark("Entries of the consent ledger"),
    "names": mark("Names and numbers"),
}
RETENTION: Mapping[str, tuple[str, str]] = {
    "messages": (
        mark("Messages"),
        mark("What was said, its files, and summaries of it; at least 30 days. What waits for an answer stays."),
    ),
    "turns": (mark("How the bot came to its answers"), mark("Behind “Why did it say that”; at least 1 day.")),
    "notes": (mark("Notes of operators"), mark("Beside the conversations; at least 1 day.")),
    "tasks": (mark("Tasks that are over"), mark("Done, failed or cancelled; at least 1 day.")),
}
"""Kind → (its name, what it is)."""
ANSWERS: Mapping[str, str] = {
    "like_for_like": mark("A voice message by voice, a text in text"),
    "voice": mark("By voice"),
    "text": mark("In text"),
}
"""How a contact is answered."""


def add(pages: Pages, office: Office) -> None:
    """The list, the page of one contact and what can be done with them, and how long things are kept."""
    desk = office.contacts

    def tenant() -> str:
        return pages.here().business.id

    def to(id: str, said: str) -> Response:
        return pages.go("contacts_one", tenant=tenant(), id=id, said=said)

    @pages.tenant_page("/contacts", role="viewer")
    async def contacts_list() -> Response:
        search, after = request.args.get("q", ""), request.args.get("after", "")
        found = await desk.list(tenant(), search, after)
        return await pages.render("contacts/list.html", found=found, search=search, after=after)

    @pages.tenant_page("/contacts/<id>", role="viewer")
    async def contacts_one(id: str) -> Response:
        try:
            card = await desk.card(tenant(), id)
        except UnknownContact:
            if await desk.erasure(tenant(), id) is not None:
                return pages.go("contacts_erasure", tenant=tenant(), id=id)
            abort(404)
        if card.contact.id != id:
            return pages.go("contacts_one", tenant=tenant(), id=card.contact.id)
        return await pages.render(
            "contacts/one.html", card=card, contact=card.contact, editing=request.args.get("edit"), answers=ANSWERS
        )

    @pages.tenant_page("/contacts/<id>/consent", role="agent", methods=["POST"])
    async def contacts_consent(id: str) -> Response:
        word = (await request.form).get("word", "")
        if word != "stop" and word != "start":
            abort(400)
        try:
            happened = await desk.set_consent(tenant(), pages.here().me, id, word)
        except UnknownContact:
            abort(404)
        if not happened:
            return to(id, _("Only the contact can change this, by what they write."))
        return to(id, _("Nothing is sent to them any more.") if word == "stop" else _("They may be written to again."))

    @pages.tenant_page("/contacts/<id>/push", role="agent", methods=["POST"])
    async def contacts_push(id: str) -> Response:
        plugin = (await request.form).get("plugin", "")
        try:
            contact = await desk.get(tenant(), id)
        except UnknownContact:
            abort(404)
        if not await office.syncs.push(tenant(), pages.here().me, plugin, contact.id):
            abort(404)
        return to(contact.id, _("It is passed on now. Load the page again to see how it went."))

    @pages.tenant_page("/contacts/<id>/answers", role="agent", methods=["POST"])
    async def contacts_answers(id: str) -> Response:
        how = (await request.form).get("how", "")
        if how != "" and how != "voice" and how != "text" and how != "like_for_like":
            abort(400)
        try:
            await desk.set_answers(tenant(), pages.here().me, id, how)
        except UnknownContact:
            abort(404)
        return to(id, _("They are answered so from now on."))

    @pages.tenant_page("/contacts/<id>/memory", role="agent", methods=["POST"])
    async def contacts_memory(id: str) -> Response:
        form = await request.form
        no = int(form["no"]) if form.get("no", "").isdecimal() else 0
        try:
            if form.get("do") == "forget":
                await desk.forget(tenant(), pages.here().me, id, no, was=form.get("was", ""))
                return to(id, _("It is forgotten."))
            await desk.correct(tenant(), pages.here().me, id, no, form.get("text", ""), was=form.get("was", ""))
        except UnknownContact:
            abort(404)
        except NotChanged:
            return to(
                id, _("Nothing was changed: write one sentence of at most 200 characters, and load the page again.")
            )
        return to(id, _("It is corrected."))

    @pages.tenant_page("/contacts/<id>/export.json", role="manager")
    async def contacts_export(id: str) -> Response:
        try:
            told = await desk.export(tenant(), pages.here().me, id)
        except UnknownContact:
            abort(404)
        text = json.dumps(told, ensure_ascii=False, indent=1)
        name = f'attachment; filename="contact-{id[:12]}.json"'
        return Response(text, content_type="application/json; charset=utf-8", headers={"Content-Disposition": name})

    @pages.tenant_page("/contacts/<id>/erase", role="owner", methods=["GET", "POST"])
    async def contacts_erase(id: str) -> Response:
        wrong = ""
        try:
            card = await desk.card(tenant(), id)
            if request.method == "POST":
                if card.confirmed((await request.form).get("typed", "")):
                    await desk.erase(tenant(), pages.here().me, id)
                    return pages.go("contacts_erasure", tenant=tenant(), id=card.contact.id)
                wrong = _("That is not what stands above. Nothing was erased.")
            there = await desk.erasable(tenant(), id)
        except UnknownContact:
            abort(404)
        values = {"card": card, "contact": card.contact, "there": there, "names": GOING, "wrong": wrong}
        return await pages.render("contacts/erase.html", 422 if wrong else 200, **values)

    @pages.tenant_page("/contacts/<id>/erasure", role="viewer")
    async def contacts_erasure(id: str) -> Response:
        state = await desk.erasure(tenant(), id)
        if state is None:
            abort(404)
        part = "HX-Request" in request.headers and "HX-Boosted" not in request.headers
        template = "contacts/_erasure.html" if part else "contacts/erasure.html"
        return await pages.render(template, state=state, id=id, names=GOING)

    @pages.tenant_page("/contacts/retention", role="manager", methods=["GET", "POST"])
    async def contacts_retention() -> Response:
        wrong: dict[str, str] = {}
        typed: dict[str, str] = {}
        if request.method == "POST":
            form = await request.form
            for kept in await desk.retention(tenant()):
                value = form.get(kept.name, kept.value).strip()
                if value != kept.value:
                    if told := await desk.keep(tenant(), pages.here().me, kept.name, value):
                        wrong[kept.name], typed[kept.name] = told, value
            if not wrong:
                said = _("Saved. It counts within seconds; what is too old goes within the hour.")
                return pages.go_to(url_for("admin_ui.contacts_retention", tenant=tenant()), said=said)
        kept_now = await desk.retention(tenant())
        values = {"kept": kept_now, "names": RETENTION, "wrong": wrong, "typed": typed}
        return await pages.render("contacts/retention.html", 422 if wrong else 200, **values)
