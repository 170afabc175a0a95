"""The persona workshop: edit persona and facts, try them at once on a phone beside them, publish, roll back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from quart import Response, request, url_for

from frontdesk.services.office import Office
from frontdesk.services.overlay_keys import OverlayConflict
from frontdesk.services.rehearsal import LONGEST, MOST, Line, Tried
from frontdesk.services.settings_desk import FormRefused
from frontdesk.services.workshop import DraftMoved

from . import settings_drawing as drawing
from .gate import Pages
from .language import _, mark

SECTIONS = (
    ("persona", mark("Persona"), "bot"),
    ("style", mark("Style"), "wand-sparkles"),
    ("facts", mark("Facts"), "list"),
)


def add(pages: Pages, office: Office) -> None:
    """The pages at `/t/TENANT/workshop`."""
    _draft(pages, office)
    _phone(pages, office)
    _publish(pages, office)


def _draft(pages: Pages, office: Office) -> None:
    async def page(form: Any = None, flaws: Any = (), conflict: str = "", status: int = 200, **more: Any) -> Response:
        tenant = pages.here().business.id
        bench = await office.workshop.bench(tenant)
        # What stands in the file, and reverting to it, is the settings' page's: here a draft stands beside what is in force.
        notes = {key: text or "–" for key, text in bench.in_force.items()}
        drawn = drawing.drawn(bench.form.entries, form, flaws)
        fields = [replace(each, entry=None, note=notes.get(each.field.key, "")) for each in drawn]
        return await pages.render(
            "workshop/bench.html",
            status,
            bench=bench,
            sections=_sections(fields),
            others=drawing.others(fields, flaws),
            wrong=len(tuple(flaws)),
            conflict=conflict,
            check=url_for("admin_ui.workshop_check", tenant=tenant),
            option=drawing.option,
            **{"spoken": [], "packed": "[]", "tried": None, **more},
        )

    @pages.tenant_page("/workshop", role="manager")
    async def workshop_page() -> Response:
        return await page()

    @pages.tenant_page("/workshop", role="manager", methods=["POST"])
    async def workshop_save() -> Response:
        here, form = pages.here(), await _posted()
        try:
            await office.workshop.save(here.business.id, form, _last(form, "token"), here.me)
        except FormRefused as err:
            return await page(form, err.flaws, status=422)
        except DraftMoved as err:
            return await page(form, conflict=str(err), status=409)
        said = _("The draft is kept. Contacts do not meet it before it is published.")
        return pages.go("workshop_page", tenant=here.business.id, said=said)

    @pages.tenant_page("/workshop/check", role="manager", methods=["POST"])
    async def workshop_check() -> Response:
        form, tenant = await _posted(), pages.here().business.id
        key = _last(form, "of")
        flaws = await office.workshop.check(tenant, form)
        told = [
            drawing.worded(each) for each in flaws if each.key == key or each.key.startswith((f"{key}[", f"{key}."))
        ]
        return await pages.render("settings/_flaw.html", text=told[0] if told else "")

    @pages.tenant_page("/workshop/discard", role="manager", methods=["POST"])
    async def workshop_discard() -> Response:
        here = pages.here()
        try:
            await office.workshop.discard(here.business.id, here.me)
        except DraftMoved:
            return pages.go("workshop_page", tenant=here.business.id, said=_("Somebody is at work on the draft."))
        return pages.go("workshop_page", tenant=here.business.id, said=_("The draft is gone. What is in force stays."))


def _phone(pages: Pages, office: Office) -> None:
    async def tried(form: dict[str, list[str]]) -> tuple[list[Line], Tried]:
        tenant, said = pages.here().business.id, _said(form)
        text = _last(form, "text").strip()[:LONGEST]
        if not text:
            return said, Tried()
        said = [*said, Line(who="contact", text=text)]
        draft = form if any(key.startswith("f.") for key in form) else None
        try:
            answer = await office.workshop.answer(tenant, said, draft)
        except FormRefused as err:
            return said[:-1], Tried(trouble=_("The draft is not right yet: %(why)s", why=drawing.worded(err.flaws[0])))
        if answer.text:
            said = [*said, Line(who="bot", text=answer.text)]
        return said, answer

    @pages.tenant_page("/workshop/try", role="manager", methods=["POST"])
    async def workshop_try() -> Response:
        form = await _posted()
        said, answer = await tried(form)
        template = "workshop/_phone.html" if "HX-Request" in request.headers else "workshop/alone.html"
        return await pages.render(template, spoken=said, packed=_pack(said), tried=answer)

    @pages.tenant_page("/workshop/prompt", role="manager", methods=["GET", "POST"])
    async def workshop_prompt() -> Response:
        form = await _posted() if request.method == "POST" else {}
        draft = form if any(key.startswith("f.") for key in form) else None
        trouble, shown = "", None
        try:
            shown = await office.workshop.preview(pages.here().business.id, draft)
        except FormRefused as err:
            trouble = _("The draft is not right yet: %(why)s", why=drawing.worded(err.flaws[0]))
        template = "workshop/_prompt.html" if "HX-Request" in request.headers else "workshop/prompt.html"
        return await pages.render(template, prompt=shown, trouble=trouble)


def _publish(pages: Pages, office: Office) -> None:
    @pages.tenant_page("/workshop/publish", role="manager")
    async def workshop_review() -> Response:
        tenant = pages.here().business.id
        bench = await office.workshop.bench(tenant)
        steps = await office.workshop.differences(tenant)
        return await pages.render("workshop/publish.html", bench=bench, steps=steps)

    @pages.tenant_page("/workshop/publish", role="manager", methods=["POST"])
    async def workshop_publish() -> Response:
        here, form = pages.here(), await _posted()
        try:
            keys = await office.workshop.publish(here.business.id, _last(form, "token"), here.me)
        except OverlayConflict as err:
            who = err.changes[-1].by if err.changes else ""
            said = _("%(who)s has changed what is in force. Look at the draft again and save it.", who=who)
            return pages.go("workshop_page", tenant=here.business.id, said=said)
        except DraftMoved as err:
            said = _("%(who)s has changed the draft meanwhile. Look at it again.", who=str(err))
            return pages.go("workshop_review", tenant=here.business.id, said=said)
        except FormRefused as err:
            return pages.go("workshop_page", tenant=here.business.id, said=drawing.worded(err.flaws[0]))
        said = _("Published. Contacts meet it from the next answer on.") if keys else _("There is nothing to publish.")
        return pages.go("workshop_page", tenant=here.business.id, said=said)

    @pages.tenant_page("/workshop/versions", role="manager")
    async def workshop_versions() -> Response:
        versions = await office.workshop.versions(pages.here().business.id)
        return await pages.render("workshop/versions.html", versions=versions)

    @pages.tenant_page("/workshop/roll-back", role="manager", methods=["POST"])
    async def workshop_roll_back() -> Response:
        here, form = pages.here(), await _posted()
        number = _last(form, "no")
        try:
            done = number.isdecimal() and await office.workshop.roll_back(here.business.id, int(number), here.me)
            said = _("Version %(no)s is in force again.", no=number) if done else _("There is no such version.")
        except FormRefused as err:
            said = drawing.worded(err.flaws[0])
        except (OverlayConflict, DraftMoved):
            said = _("Somebody else was quicker. Look again.")
        return pages.go("workshop_versions", tenant=here.business.id, said=said)


def _sections(fields: list[drawing.Shown]) -> list[tuple[str, str, str, list[drawing.Shown]]]:
    found: dict[str, list[drawing.Shown]] = {key: [] for key, _title, _icon in SECTIONS}
    for each in fields:
        key = each.field.key
        found["facts" if key == "facts" else "style" if key.startswith("persona.tone") else "persona"].append(each)
    return [(key, _(title), symbol, found[key]) for key, title, symbol in SECTIONS]


async def _posted() -> dict[str, list[str]]:
    form = await request.form
    return {name: form.getlist(name) for name in form}


def _last(form: dict[str, list[str]], name: str) -> str:
    return (form.get(name) or [""])[-1]


def _said(form: dict[str, list[str]]) -> list[Line]:
    """What was said before, as the page keeps it; what is odd is left out."""
    try:
        kept = json.loads(_last(form, "said") or "[]")
    except ValueError:
        return []
    rows = kept if isinstance(kept, list) else []
    lines = [row for row in rows if isinstance(row, list) and len(row) == 2 and row[0] in ("contact", "bot")]
    return [Line(who=who, text=str(text)[:LONGEST]) for who, text in lines][-MOST:]


def _pack(said: list[Line]) -> str:
    return json.dumps([[line.who, line.text] for line in said], ensure_ascii=False)
