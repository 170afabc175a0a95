"""Leads: a board by temperature, one lead with the words it rests on and its history, and all of them as a CSV file."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from quart import Response, abort, request, url_for

from frontdesk.services.leads import TEMPERATURES, Conflict, Lead, Temperature
from frontdesk.services.office import Office

from . import csv_file
from .gate import Pages
from .language import _
from .record_words import history

PAGE = 25
"""Cards of a column that are shown at once."""
LONGEST = 500
"""Characters of what an operator may write into a field."""
MOST = 40
"""Fields of a lead."""


@dataclass(frozen=True, slots=True)
class Card:
    """A lead as the board shows it."""

    lead: Lead
    name: str
    phone: str
    wrong: str = ""
    """Why it was not moved."""


@dataclass(frozen=True, slots=True)
class Column:
    """The leads of one temperature, as many as are shown."""

    temperature: Temperature
    count: int
    cards: Sequence[Card]
    more: str
    """The address of those that follow; empty: there are none."""


def add(pages: Pages, office: Office) -> None:
    """The board and what it leads to."""
    _add_board(pages, office)
    _add_moves(pages, office)
    _add_one(pages, office)
    _add_export(pages, office)


def _add_board(pages: Pages, office: Office) -> None:
    @pages.tenant_page("/leads", role="viewer")
    async def leads_board() -> Response:
        tenant = pages.here().business.id
        only, after = request.args.get("only", ""), request.args.get("after", "")
        if only and only not in TEMPERATURES:
            abort(404)
        behind = await office.leads.get(tenant, after) if after else None
        columns = [await _column(office, tenant, each, behind) for each in TEMPERATURES if only in ("", each)]
        part = "HX-Request" in request.headers
        return await pages.render("leads/_cards.html" if part else "leads/board.html", columns=columns, only=only)


def _add_moves(pages: Pages, office: Office) -> None:
    @pages.tenant_page("/leads/<id>/move", role="agent", methods=["POST"])
    async def leads_move(id: str) -> Response:
        """To another temperature, by hand: the bot then leaves it so."""
        here, form = pages.here(), await request.form
        tenant, me = here.business.id, here.me
        temperature, before = form.get("temperature", ""), await office.leads.get(tenant, id)
        if before is None or temperature not in TEMPERATURES:
            abort(404)
        script = "HX-Request" in request.headers
        try:
            lead = await office.records.change_lead(
                tenant,
                me,
                id,
                key=secrets.token_hex(8),
                what="moved",
                temperature=temperature,
                pinned=True,
                version=_version(form),
            )
        except Conflict as err:
            now = err.current
            assert isinstance(now, Lead)
            wrong = _("Somebody else has changed this lead meanwhile. It is shown as it is now; nothing was moved.")
            if not script:
                return pages.go("leads_lead", tenant=tenant, id=id, said=wrong)
            return await pages.render(
                "leads/_card.html", 409, card=replace(await _card(office, tenant, now), wrong=wrong)
            )
        card = await _card(office, tenant, lead)
        said = _moved(temperature, card.name)
        if not script:
            return pages.go("leads_board", tenant=tenant, said=said)
        return pages.saying(await pages.render("leads/_card.html", card=card), said)


def _add_one(pages: Pages, office: Office) -> None:
    @pages.tenant_page("/leads/<id>", role="viewer")
    async def leads_lead(id: str) -> Response:
        lead = await office.leads.get(pages.here().business.id, id)
        if lead is None:
            abort(404)
        return await _lead_page(pages, office, lead)

    @pages.tenant_page("/leads/<id>", role="agent", methods=["POST"])
    async def leads_change(id: str) -> Response:
        """Everything of a lead that people may set, in one form."""
        here, form = pages.here(), await request.form
        tenant, me = here.business.id, here.me
        before = await office.leads.get(tenant, id)
        if before is None:
            abort(404)
        if error := _problem(form):
            return await _lead_page(pages, office, before, typed=form, wrong=error, status=422)
        try:
            await office.records.change_lead(
                tenant,
                me,
                id,
                key=f"{me.name}/{form.get('key', '')[:40]}",
                cause=form.get("cause", ""),
                temperature=_temperature(form, before),
                stage=form.get("stage", before.stage).strip(),
                owner=form.get("owner", before.owner),
                pinned=form.get("pinned") == "on",
                fields=_fields(form),
                version=_version(form),
            )
        except Conflict as err:
            assert isinstance(err.current, Lead)
            return await _lead_page(pages, office, err.current, typed=form, conflict=True, status=409)
        return pages.go("leads_lead", tenant=tenant, id=id, said=_("Saved."))


def _add_export(pages: Pages, office: Office) -> None:
    @pages.tenant_page("/leads.csv", role="manager")
    async def leads_export() -> Response:
        """Every lead, a line each."""
        tenant, me = pages.here().business, pages.here().me
        names: dict[str, None] = {}
        async for leads in office.leads.each(tenant.id):
            names |= dict.fromkeys(name for lead in leads for name in lead.fields)
        head = [
            _("Name"),
            _("Phone"),
            _("Temperature"),
            _("Score"),
            _("Stage"),
            _("Looked after by"),
            _("In their words"),
        ]
        last, words = _("Changed"), {"hot": _("Hot"), "warm": _("Warm"), "cold": _("Cold")}
        await office.audit.wrote(tenant.id, me, "leads.exported")

        async def lines() -> Any:
            yield csv_file.BEGINNING + csv_file.line([*head, *names, last])
            async for leads in office.leads.each(tenant.id):
                people = await office.people(tenant.id, [lead.contact for lead in leads])
                for lead in leads:
                    known = people.get(lead.contact)
                    name, phone = (known.name, known.phone) if known else ("", "")
                    told = [name, phone, words[lead.temperature], lead.score, lead.stage, lead.owner, lead.best_quote]
                    fields = [lead.fields.get(each, "") for each in names]
                    yield csv_file.line(
                        [*told, *fields, lead.changed_at.astimezone(tenant.zone).isoformat(" ", "minutes")]
                    )

        return csv_file.response(lines(), f"leads-{tenant.id}.csv")


async def _column(office: Office, tenant: str, temperature: Temperature, behind: Lead | None) -> Column:
    found = await office.leads.list(tenant, temperature, limit=PAGE + 1, after=behind)
    shown = found[:PAGE]
    people = await office.people(tenant, [lead.contact for lead in shown])
    cards = [_as_card(lead, people) for lead in shown]
    more = ""
    if len(found) > PAGE:
        more = url_for("admin_ui.leads_board", tenant=tenant, only=temperature, after=shown[-1].id)
    return Column(temperature, await office.leads.count(tenant, temperature), cards, more)


def _as_card(lead: Lead, people: Mapping[str, Any]) -> Card:
    known = people.get(lead.contact)
    return Card(lead, known.name if known else "", known.phone if known else "")


async def _card(office: Office, tenant: str, lead: Lead) -> Card:
    return _as_card(lead, await office.people(tenant, [lead.contact]))


async def _lead_page(
    pages: Pages,
    office: Office,
    lead: Lead,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: str = "",
    conflict: bool = False,
    status: int = 200,
) -> Response:
    """One lead. *typed*: what somebody has written into the form and was not saved."""
    here = pages.here()
    told = await history(office, lead, here.zone)
    await office.talk.people.learn([lead.owner])
    later = lead.version - _version(typed or {}) if conflict else 0
    return await pages.render(
        "leads/lead.html",
        status,
        card=await _card(office, here.business.id, lead),
        lead=lead,
        told=told,
        owner=office.talk.people.of(lead.owner),
        meanwhile=told[:later],
        conflict=conflict,
        wrong=wrong,
        form=_form(office, lead, here.me.name, _merged(lead, typed, later) if typed and conflict else typed),
    )


def _form(office: Office, lead: Lead, me: str, typed: Mapping[str, str] | None) -> dict[str, Any]:
    """The values of the form: what the lead has, or what was typed instead."""
    given = typed or {}
    owners = dict.fromkeys(["", me, lead.owner, given.get("owner", "")])
    return {
        "key": secrets.token_hex(8),
        "temperature": given.get("temperature", lead.temperature),
        "pinned": (given.get("pinned") == "on") if typed else lead.pinned,
        "stage": given.get("stage", lead.stage),
        "owner": given.get("owner", lead.owner),
        "owners": [(name, _("Me") if name == me else office.talk.people.of(name) or _("Nobody")) for name in owners],
        "fields": list((lead.fields | _typed_fields(given)).items()),
        "new_name": given.get("new_name", ""),
        "new_value": given.get("new_value", ""),
        "cause": given.get("cause", ""),
    }


def _merged(lead: Lead, typed: Mapping[str, str], later: int) -> dict[str, str]:
    """What was typed, but where nothing was: what *later* changes by others have made of it."""
    before: dict[str, Any] = {}
    for change in reversed(lead.history[-later:]):
        before |= change.before
    was = {
        name: before.get(name, getattr(lead, name)) for name in ("temperature", "stage", "owner", "pinned", "fields")
    }
    merged = dict(typed)
    for name in ("temperature", "stage", "owner"):
        if typed.get(name) == was[name]:
            merged[name] = getattr(lead, name)
    if (typed.get("pinned") == "on") == was["pinned"]:
        merged["pinned"] = "on" if lead.pinned else ""
    for name, value in typed.items():
        if name.startswith("field.") and value == was["fields"].get(key := name.removeprefix("field.")):
            merged[name] = lead.fields.get(key, "")
    return merged


def _problem(form: Mapping[str, str]) -> str:
    if any(len(value) > LONGEST for value in form.values()):
        return _("A field holds at most %(n)s characters. Nothing was saved.", n=LONGEST)
    if form.get("new_value", "").strip() and not form.get("new_name", "").strip():
        return _("What you know needs a name, such as “budget”. Nothing was saved.")
    if sum(name.startswith("field.") for name in form) > MOST:
        return _("A lead has at most %(n)s fields. Nothing was saved.", n=MOST)
    return ""


def _fields(form: Mapping[str, str]) -> dict[str, str]:
    """An empty value takes the field away."""
    fields = _typed_fields(form)
    if name := form.get("new_name", "").strip():
        fields[name] = form.get("new_value", "").strip()
    return fields


def _typed_fields(form: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix("field."): value.strip() for name, value in form.items() if name.startswith("field.")}


def _temperature(form: Mapping[str, str], before: Lead) -> Temperature:
    return next((each for each in TEMPERATURES if each == form.get("temperature")), before.temperature)


def _version(form: Mapping[str, str]) -> int:
    """That of the record from which the form was drawn; 0, which none has, without it."""
    given = form.get("version", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def _moved(temperature: str, name: str) -> str:
    name = name or _("The lead")
    return {
        "hot": _("%(name)s is hot now.", name=name),
        "warm": _("%(name)s is warm now.", name=name),
        "cold": _("%(name)s is cold now.", name=name),
    }[temperature]
