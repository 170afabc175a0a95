"""The whole story in one, with every plugin of the trade: heard, scored, told, booked, moved, deleted by a person in Google.

A real server with the offline model; Twilio, Deepgram, Google Calendar and HubSpot are stand-ins on loopback.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from frontdesk.model import Message
from frontdesk.records import Appointment, Lead
from frontdesk.store.collections import APPOINTMENTS, LEADS
from frontdesk.testing.audio import voice_note
from frontdesk.testing.fake_google import FakeGoogle
from frontdesk.testing.fake_http_speech import FakeHttpSpeech
from frontdesk.testing.fake_hubspot import FakeHubspot
from frontdesk.testing.fake_twilio import CallbackPlan, FakeTwilio

from .conftest import Front, Phone, until
from .contacts import SETTLE, TENANT

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"
ALWAYS = {day: ["08:00-20:00"] for day in "monday tuesday wednesday thursday friday saturday sunday".split()}
SALES = "+84912345678"
TEACHER = "huong@example.com"
DESK = "desk@front-desk.iam.gserviceaccount.com"
HOT = "HX" + "5" * 32
ASKS = "em muốn học thử ielts, cho em đặt lịch ba giờ chiều ngày mốt, em chuyển khoản luôn nhé"
GOOGLE_PATIENCE = 100.0
"""Google is asked once a minute what people have changed."""


def school(google: FakeGoogle, hubspot: FakeHubspot, speech: FakeHttpSpeech) -> dict[str, Any]:
    """The language school of the example, with everything switched on."""
    tenant: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text("utf-8"))["tenants"]["lotus-school"]
    tenant.pop("opening_hours", None)
    (diary,) = (each["gcal_scheduler"] for each in tenant["plugins"] if "gcal_scheduler" in each)
    diary |= {
        "backend": "google",
        "hours": ALWAYS,
        "holidays": "",
        "change_until": "1 min",
        "staff": [{"id": "ms-huong", "name": "Cô Hương", "calendar": TEACHER}],
        "google": {"service_account_key": {"env": "GOOGLE_KEY"}, "api_url": google.url, "look_every": "1 min"},
    }
    heard = {"deepgram_key": {"env": "SPEECH_KEY"}, "deepgram_url": speech.url}
    alerts = {"whatsapp": {"to": [SALES], "template": HOT}}
    fields = [{"name": "need", "kind": "need", "words": ["ielts", "học thử"]}, {"name": "timing", "kind": "timing"}]
    hub = {"access_token": {"env": "HUBSPOT_TOKEN"}, "api_base_url": hubspot.url, "push_after": 1}
    plugins = [
        "rehearsal_llm",
        {"gcal_scheduler": diary},
        {"http_speech": heard},
        {"lead_scoring": {"fields": fields, "alerts": alerts}},
        {"crm_hubspot": hub},
        "reminders",
    ]
    return {**tenant, "settle": SETTLE, "staff": [SALES], "plugins": plugins}


async def visits(desk: Front) -> list[Appointment]:
    async with desk.store() as store:
        return await store.for_tenant(TENANT).find(APPOINTMENTS, {}, limit=10)


def reminded(visit: Appointment) -> dict[str, list[str]]:
    """How far its reminders are, by rule, in the order of their times."""
    found: dict[str, list[str]] = {}
    for each in visit.reminders:
        found.setdefault(each.rule, []).append(each.state)
    return found


async def agreed(lan: Phone, asked: str) -> str:
    """What is heard once the first of what is offered was chosen, and whatever was asked was agreed to."""
    for _ in range(4):
        if "Em đã" in asked:
            break
        asked = await lan.asks("1" if "1. " in asked else "Dạ vâng")
    return asked


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_voice_note_becomes_a_visit_and_everybody_who_must_knows_of_each_change(
    front: Callable[..., Front], twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    twilio.callbacks.default = CallbackPlan(statuses=("sent", "delivered", "read"), times=0)
    async with FakeGoogle() as google, FakeHubspot() as hubspot, FakeHttpSpeech() as speech:
        google.add_calendar(TEACHER, writer=DESK)
        monkeypatch.setenv("GOOGLE_KEY", google.service_account(DESK))
        monkeypatch.setenv("SPEECH_KEY", "a key")
        monkeypatch.setenv("HUBSPOT_TOKEN", hubspot.account.token)
        settings = {"media_hosts": ["localhost"], "check_templates": False}
        async with front(school(google, hubspot, speech), channel=settings) as desk:
            await desk.start()
            lan = desk.phone("+84901234567", "Nguyễn Thị Lan")
            sales = f"whatsapp:{SALES}"

            # A voice note asks for a visit; she becomes a hot lead, and a salesperson is told by template.
            await lan.says("", kind="audio", content=voice_note(5, words=ASKS))
            asked = await lan.hears(60)
            assert "15:00" in asked, asked

            async def told() -> list[Any]:
                return [each for each in twilio.sent if each.to == sales]

            (alert,) = await until("the salesperson is told", told, 30)
            assert alert.content_sid == HOT and "Lan" in alert.content_variables

            async def hot() -> Lead | None:
                async with desk.store() as store:
                    lead = await store.for_tenant(TENANT).get(LEADS, lan.conversation_id)
                return lead if lead is not None and lead.temperature == "hot" else None

            lead: Lead = await until("the lead is hot", hot, 30)
            assert any("chuyển khoản" in each.quote for each in lead.evidence)

            # A slot is booked: in the record, in Google, with reminders; and HubSpot has contact, deal and activity.
            assert "Em đã đặt lịch" in await agreed(lan, asked)
            (visit,) = await visits(desk)
            (event,) = (each for each in google.calendars.all[TEACHER].events.values())
            assert event["status"] == "confirmed"

            async def planned() -> bool:
                (now,) = await visits(desk)
                return len(now.reminders) == 2

            await until("reminders are planned", planned, 30)

            async def in_hubspot() -> bool:
                records = hubspot.account.records
                return all(records[kind] for kind in ("contacts", "deals", "communications"))

            await until("HubSpot has contact, deal and activity", in_hubspot, 60)
            (deal,) = hubspot.account.records["deals"].values()
            assert deal.properties["dealstage"] == "appointmentscheduled"

            # The contact moves the visit: the same event moves, and the reminders of the old time are void.
            await lan.hears()  # the invitation
            answer = await agreed(lan, await lan.asks("Cho em đổi lịch sang 4 giờ chiều ngày mốt được không?"))
            assert "16:00" in answer, answer

            async def moved() -> Appointment | None:
                (now,) = await visits(desk)
                return now if now.moves == 1 and len(now.reminders) == 4 else None

            visit_moved: Appointment = await until(f"the visit is moved ({answer})", moved, 30)
            assert visit_moved.id == visit.id and visit_moved.starts_at > visit.starts_at
            assert all("cancelled" in states or "dropped" in states for states in reminded(visit_moved).values())
            (event,) = google.calendars.all[TEACHER].events.values()
            assert "16:00" in event["start"]["dateTime"] or "T09:00" in event["start"]["dateTime"], event["start"]

            # A person deletes it in Google: the record follows, and with it the reminders and the deal.
            google.person_deletes(TEACHER, event["id"])

            async def cancelled() -> Appointment | None:
                (now,) = await visits(desk)
                return now if now.state == "cancelled" else None

            gone: Appointment = await until("the visit is cancelled", cancelled, GOOGLE_PATIENCE)
            assert "planned" not in [each.state for each in gone.reminders]
            assert gone.history[-1].by == "plugin:gcal_scheduler"
            assert google.refused == [] and hubspot.refused == [] and not desk.logged("hook_failed")
            said: list[Message] = await lan.messages()
            assert [each for each in said if each.state in ("failed", "parked")] == []
