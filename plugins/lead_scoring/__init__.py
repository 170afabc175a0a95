"""Finds out how serious a contact is, keeps the words that show it, and calls a salesperson when a lead becomes hot."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from frontdesk import (
    AdminPage,
    Appointment,
    Card,
    Change,
    Contact,
    Conversation,
    Evidence,
    Finding,
    Lead,
    Message,
    Plugin,
    Refused,
    RetryLater,
    Section,
    Task,
    hookimpl,
)

from . import alerting, extraction
from .judging import Judgement, falls_below, judge, score, temperature
from .settings import LeadScoringSettings

JUDGE, COOL, ALERT = "judge", "cool", "alert"
"""The plugin's tasks."""
MODEL_SECONDS = 6.0
"""So long a model is waited for: below a hook's deadline, or nobody would be judged at all."""
TOGETHER = 3.0
"""Seconds in which several messages are judged together."""
LOOKED_AT = 100
"""Messages of a conversation that are judged."""
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {"alert": "Hot lead: {who}. {why} {link}", "subject": "Hot lead: {who}"},
    "vi": {"alert": "Khách nóng: {who}. {why} {link}", "subject": "Khách nóng: {who}"},
}


class LeadScoring(Plugin):
    """Scores leads by the tenant's rules, with a model's help if there is one, and tells the tenant's people of hot ones."""

    settings: LeadScoringSettings
    admin_pages = (AdminPage(name="what-if", title="What if", titles=(("vi", "Nếu áp dụng"),)),)

    @hookimpl
    async def on_message(self, conversation: Conversation, contact: Contact, message: Message) -> None:
        if contact.kind != "staff" and message.text.strip():
            await self._judge_soon(contact.id, message.at)

    @hookimpl
    async def on_appointment_changed(self, appointment: Appointment, change: Change) -> None:
        if change.what in ("booked", "cancelled", "no_show", "showed"):
            await self._judge_soon(appointment.contact, change.at)

    async def _judge_soon(self, contact: str, at: datetime) -> None:
        together = int(at.timestamp() // TOGETHER) + 1
        due = datetime.fromtimestamp(together * TOGETHER, UTC)
        await self.tasks.schedule(JUDGE, f"{contact}/{together}", due, {"contact": contact}, conversation=contact)

    @hookimpl
    async def run_task(self, task: Task) -> None:
        if task.name == ALERT:
            await self._alert(task)
        else:
            await self._judge(task.data["contact"], task.id, cooling=task.name == COOL)

    async def _judge(self, contact: str, key: str, *, cooling: bool) -> None:
        """*key* is the task's: a judgement that is repeated after a crash changes nothing more, the next one does."""
        messages = await self.conversations.messages(contact, limit=LOOKED_AT)
        judgement = judge(messages, self.settings, visit=await self.has_visit(contact))
        lead = await self.leads.get(contact)
        if judgement.last is None and lead is None:
            return
        fields, evidence = {**await self.found_before(contact, lead), **judgement.fields}, judgement.evidence
        if not cooling:
            fields, evidence = await self._with_model(messages, fields, evidence)
        new = await self._ours(contact, lead, fields)
        full = self.with_fields(judgement, fields)
        points = score(full, judgement.last, self.clock.now(), self.settings.half_life)
        await self.leads.change(
            contact,
            hashlib.sha256(key.encode()).hexdigest()[:24],
            what="scored",
            cause="the contact went quiet" if cooling else _cause(judgement),
            temperature=temperature(points, self.settings),
            score=points,
            fields=new,
            evidence=evidence,
        )
        await self._cool_later(contact, full, points, judgement.last)

    def with_fields(self, judgement: Judgement, fields: Mapping[str, str]) -> int:
        """The points with what a model has found besides the rules: it counts as their finds do, but makes nobody hot whom
        the rules do not hold for warm."""
        more = sum(
            each.points for each in self.settings.fields if each.name in fields and each.name not in judgement.fields
        )
        most = 100 if judgement.full >= self.settings.warm else max(judgement.full, self.settings.hot - 1)
        return max(0, min(most, judgement.full + more))

    async def found_before(self, contact: str, lead: Lead | None) -> dict[str, str]:
        """What stands in the lead and was found here: it does not go when a model is away, or time passes."""
        before = await self.store.get("written", contact) or {}
        known = lead.fields if lead is not None else {}
        return {name: value for name, value in before.items() if known.get(name) == value}

    async def _with_model(
        self, messages: Sequence[Message], fields: dict[str, str], evidence: tuple[Evidence, ...]
    ) -> tuple[dict[str, str], tuple[Evidence, ...]]:
        """What a model finds besides; the rules' own finds stay. Without a model, or of nonsense, they are all."""
        lacking = [wanted.name for wanted in self.settings.fields if wanted.name not in fields]
        if not self.settings.model or not lacking:
            return fields, evidence
        try:
            async with asyncio.timeout(MODEL_SECONDS):
                answer = await self.model.complete(
                    extraction.instruction(self.settings), extraction.transcript(messages)
                )
            found, words = extraction.found_in(answer, messages, self.settings)
        except (Refused, RetryLater, TimeoutError) as err:
            self.log.info("judged_by_rules_alone", reason=str(err) or "no model answered in time")
            return fields, evidence
        except ValueError as err:
            self.log.warning("model_told_nonsense", reason=str(err))
            return fields, evidence
        more = {name: value for name, value in found.items() if name in lacking}
        return {**fields, **more}, (*evidence, *(each for each in words if each.field in more))

    async def _ours(self, contact: str, lead: Lead | None, fields: Mapping[str, str]) -> dict[str, str]:
        """Those of *fields* that are to be written: what an operator or the CRM has written stays."""
        before = await self.store.get("written", contact) or {}
        known = lead.fields if lead is not None else {}
        new = {name: value for name, value in fields.items() if known.get(name, "") in ("", before.get(name, ""))}
        if new != before:
            await self.store.put("written", contact, {**before, **new})
        return new

    async def has_visit(self, contact: str) -> bool:
        now = self.clock.now()
        return any(each.state == "booked" and each.ends_at > now for each in await self.appointments.of(contact))

    async def _cool_later(self, contact: str, full: int, points: int, last: datetime | None) -> None:
        """A lead that hears nothing more cools when its score falls below a threshold, not only when it writes again."""
        threshold = next((each for each in (self.settings.hot, self.settings.warm) if points >= each), None)
        if threshold is None or last is None:
            return
        at = falls_below(full, threshold, last, self.settings.half_life)
        if at is not None:
            key = f"{contact}/{threshold}/{int(at.timestamp())}"
            await self.tasks.schedule(COOL, key, at, {"contact": contact}, conversation=contact)

    # A hot lead.

    @hookimpl
    async def on_lead_changed(self, lead: Lead, change: Change) -> None:
        if change.after.get("temperature") != "hot" or change.before.get("temperature") == "hot":
            return
        now, alerts = self.clock.now(), self.settings.alerts
        last = await self.store.get("alerted", lead.contact)
        if last is not None and last["change"] != change.key:
            if now - datetime.fromisoformat(last["at"]) < alerts.again_after:
                return
        await self.store.put("alerted", lead.contact, {"at": now.isoformat(), "change": change.key})
        id = hashlib.sha256(f"{lead.contact}/{change.key}".encode()).hexdigest()[:24]
        for way in alerting.WAYS:
            if getattr(alerts, way) is not None:
                data = {"contact": lead.contact, "way": way, "id": id}
                await self.tasks.schedule(ALERT, f"{id}/{way}", now, data, useful_until=now + timedelta(hours=12))

    async def _alert(self, task: Task) -> None:
        lead = await self.leads.get(task.data["contact"])
        contact = await self.conversations.contact(lead.contact) if lead is not None else None
        if lead is not None and contact is not None:
            await alerting.send(self, task.data["way"], task.data["id"], lead, contact)

    def words(self, name: str) -> str:
        """A sentence for the tenant's people, in its language."""
        return WORDS.get(self.tenant.language.partition("-")[0], WORDS["en"])[name]

    # What the bot and operators see.

    @hookimpl
    async def prompt_section(self, conversation: Conversation, contact: Contact) -> Section | None:
        lead = await self.leads.get(contact.id)
        known = lead.fields if lead is not None else {}
        lacking = [wanted for wanted in self.settings.fields if wanted.ask and not known.get(wanted.name)]
        if not lacking or contact.kind == "staff":
            return None
        asked = lacking[0].name.replace("_", " ")
        text = (
            f"Not known of the contact yet: {asked}. If their question is answered and it fits, ask for it in half a "
            "sentence, as a good colleague would; never twice, never instead of an answer. Never say that they are scored."
        )
        return Section(name="What to find out", text=text)

    @hookimpl
    async def contact_card(self, conversation: Conversation, contact: Contact, language: str) -> Card | None:
        messages = await self.conversations.messages(contact.id, limit=LOOKED_AT)
        judgement = judge(messages, self.settings, visit=await self.has_visit(contact.id))
        if not judgement.reasons:
            return None
        rows = tuple(
            (f"{reason.points:+d} {reason.what}"[:200], reason.quote[:400] or "–") for reason in judgement.reasons[:10]
        )
        return Card(title="Vì sao có điểm này" if language.startswith("vi") else "Why this score", rows=rows)

    @hookimpl
    async def admin_panel(self, page: str, language: str) -> Card | None:
        return await what_if(self, language) if page == "what-if" else None

    @hookimpl
    async def diagnose(self) -> tuple[Finding, ...]:
        whatsapp = self.settings.alerts.whatsapp
        if whatsapp is None:
            return ()
        findings = []
        if whatsapp.template is None:
            findings.append(
                Finding(
                    level="warning",
                    what="alerts.whatsapp has no template: who has not written to the business for 24 hours is not reached",
                    cure="have a template with {{1}}, {{2}}, {{3}} approved and name it",
                )
            )
        for number in whatsapp.to:
            try:
                await self.conversations.with_staff(number)
            except Refused as err:
                findings.append(
                    Finding(level="problem", what=f"alerts.whatsapp: {err.reason}", cure="mend `staff` or `to`")
                )
        return tuple(findings)

    @hookimpl
    async def export_contact(self, contact: Contact) -> Mapping[str, Any] | None:
        return await self.store.get("written", contact.id)

    @hookimpl
    async def erase_contact(self, conversation: Conversation, contact: Contact) -> None:
        for part in conversation.parts:
            for collection in ("written", "alerted"):
                await self.store.delete(collection, part)


async def what_if(plugin: LeadScoring, language: str) -> Card:
    """What the rules as they are now would make of the leads that changed last, beside what stands: nothing is changed."""
    vi = language.startswith("vi")
    now, rows, looked = plugin.clock.now(), [], 0
    for lead in await plugin.leads.newest(limit=50):
        looked += 1
        messages = await plugin.conversations.messages(lead.contact, limit=LOOKED_AT)
        judgement = judge(messages, plugin.settings, visit=await plugin.has_visit(lead.contact))
        fields = {**await plugin.found_before(lead.contact, lead), **judgement.fields}
        points = score(plugin.with_fields(judgement, fields), judgement.last, now, plugin.settings.half_life)
        would = temperature(points, plugin.settings)
        if would != lead.temperature:
            contact = await plugin.conversations.contact(lead.contact)
            best = max(judgement.reasons, key=lambda reason: abs(reason.points), default=None)
            because = f" · {best.points:+d} {best.what}: “{best.quote}”" if best is not None else ""
            name = alerting.title(contact) if contact is not None else lead.contact
            rows.append((name[:200], f"{lead.temperature} {lead.score} → {would} {points}{because}"[:1000]))
    text = (
        f"Xét lại {looked} khách gần nhất theo quy tắc hiện tại (không gọi mô hình); chưa thay đổi gì. "
        f"{len(rows)} khách sẽ đổi."
        if vi
        else f"The {looked} newest leads by the rules as they are now (no model is asked); nothing is changed. "
        f"{len(rows)} would change."
    )
    return Card(
        title="Nếu áp dụng quy tắc hiện tại" if vi else "By the rules as they are now", text=text, rows=tuple(rows[:40])
    )


def _cause(judgement: Judgement) -> str:
    best = sorted(judgement.reasons, key=lambda reason: -abs(reason.points))[:3]
    return "; ".join(f"{reason.points:+d} {reason.what}" for reason in best) or "nothing that counts was said"
