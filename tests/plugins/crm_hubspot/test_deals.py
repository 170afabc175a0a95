"""Deals and the timeline: an opportunity is one deal, its stage follows what happens, and what was said stands there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from frontdesk import Refused
from frontdesk.records import Change
from frontdesk.testing.fake_hubspot import Fault

from .conftest import LAN, NOW, activity, contact, conversation, deal, lead, message, push, quoted, visit


async def with_contact(plugin: Any) -> dict[str, Any]:
    (told,) = await plugin.push_contact((push(),))
    return {"of_contact": told.reference}


async def test_a_warm_lead_gets_a_deal_that_moves_with_what_happens(make: Any, hubspot: Any, clock: Any) -> None:
    plugin = make(deal_fields={"need": "description"})
    hubspot.account.properties["deals"]["description"] = {"name": "description", "type": "string"}
    of = await with_contact(plugin)
    (cold,) = await plugin.push_deal((deal(lead=lead(), **of),))
    assert not cold.reference and hubspot.account.all("deals") == []
    warm = lead(temperature="warm", score=55, fields={"need": "niềng răng"}, evidence=quoted("Em muốn niềng răng"))
    (told,) = await plugin.push_deal((deal(lead=warm, **of),))
    record = hubspot.account.one("deals")
    assert record.properties | {"hs_is_closed": "false"} == {
        "frontdesk_deal_id": "lan.1",
        "dealname": "Nguyễn Thị Lan – niềng răng",
        "pipeline": "default",
        "dealstage": "qualifiedtobuy",
        "hs_is_closed": "false",
        "frontdesk_temperature": "warm",
        "frontdesk_score": "55",
        "frontdesk_quote": "Em muốn niềng răng",
        "description": "niềng răng",
    }
    assert hubspot.account.linked("contacts", of["of_contact"]["id"], "deals") == [record.id]
    at = clock.now() + timedelta(days=1)
    steps = [
        (visit(at, service="Khám"), "appointmentscheduled"),
        (visit(at, state="cancelled"), "qualifiedtobuy"),
        (visit(clock.now() - timedelta(days=1), state="showed"), "presentationscheduled"),
    ]
    for appointment, stage in steps:
        told = (
            await plugin.push_deal((deal(lead=warm, appointments=(appointment,), reference=told.reference, **of),))
        )[0]
        assert record.properties["dealstage"] == stage and not told.error
    assert len(hubspot.account.all("deals")) == 1
    assert hubspot.calls["deals/contacts/batch/associate/default"] == 1


async def test_a_visit_alone_is_an_opportunity_and_its_time_is_told(make: Any, hubspot: Any, clock: Any) -> None:
    plugin = make()
    at = clock.now() + timedelta(days=2)
    await plugin.push_deal((deal(appointments=(visit(at, service="Khám"),), **await with_contact(plugin)),))
    record = hubspot.account.one("deals")
    assert record.properties["frontdesk_next_visit"] == str(int(at.timestamp() * 1000))
    assert record.properties["dealname"] == "Nguyễn Thị Lan – Khám"


async def test_a_deal_that_somebody_moved_stays_there(make: Any, hubspot: Any, clock: Any) -> None:
    plugin = make()
    of = await with_contact(plugin)
    (told,) = await plugin.push_deal((deal(lead=lead(temperature="warm"), **of),))
    record = hubspot.account.one("deals")
    hubspot.account.write(record, {"dealstage": "contractsent", "dealname": "Lan, braces"})
    coming = visit(clock.now() + timedelta(days=1))
    await plugin.push_deal(
        (deal(lead=lead(temperature="hot"), appointments=(coming,), reference=told.reference, **of),)
    )
    assert record.properties["dealstage"] == "contractsent" and record.properties["dealname"] == "Lan, braces"
    assert record.properties["frontdesk_temperature"] == "hot"


async def test_after_a_deal_is_closed_what_begins_anew_is_another(make: Any, hubspot: Any, clock: Any) -> None:
    plugin = make()
    of = await with_contact(plugin)
    warm = lead(temperature="warm")
    (told,) = await plugin.push_deal((deal(lead=warm, **of),))
    first = hubspot.account.one("deals")
    hubspot.account.write(first, {"dealstage": "closedwon"})
    (told,) = await plugin.push_deal((deal(lead=warm, reference=told.reference, **of),))
    assert hubspot.account.one("deals") is first and told.reference["closed"]
    clock.advance(3600)
    change = Change(key="k", at=clock.now(), by="bot", before={"temperature": "cold"}, after={"temperature": "hot"})
    hot = lead(temperature="hot", history=(change,))
    (told,) = await plugin.push_deal((deal(lead=hot, reference=told.reference, **of),))
    assert told.reference["no"] == 2 and "closed" not in told.reference
    second = next(each for each in hubspot.account.all("deals") if each is not first)
    assert second.properties["frontdesk_deal_id"] == "lan.2" and second.properties["dealstage"] == "qualifiedtobuy"
    assert first.properties["dealstage"] == "closedwon"
    assert sorted(hubspot.account.linked("contacts", of["of_contact"]["id"], "deals")) == sorted([first.id, second.id])
    await plugin.push_deal((deal(lead=hot, reference=told.reference, **of),))
    assert len(hubspot.account.all("deals")) == 2


async def test_an_association_that_was_lost_is_made_the_next_time(make: Any, hubspot: Any) -> None:
    plugin = make()
    of = await with_contact(plugin)
    hubspot.faults.add(Fault(kind="drop", path="associate/default"))
    with pytest.raises(Exception, match="HubSpot"):
        await plugin.push_deal((deal(lead=lead(temperature="hot"), **of),))
    await plugin.push_deal((deal(lead=lead(temperature="hot"), **of),))
    assert hubspot.account.linked("deals", hubspot.account.one("deals").id, "contacts") == [of["of_contact"]["id"]]


async def test_a_stage_that_the_pipeline_does_not_have_is_told(make: Any, hubspot: Any) -> None:
    plugin = make(stages={"hot": "nowhere"})
    of = await with_contact(plugin)
    with pytest.raises(Refused, match="nowhere"):
        await plugin.push_deal((deal(lead=lead(temperature="hot"), **of),))
    assert hubspot.refused.pop()
    problems = [each for each in await plugin.diagnose() if each.level == "problem"]
    assert "stages.hot: nowhere" in problems[0].what and "contractsent (Contract Sent)" in problems[0].cure


async def test_a_day_is_one_whatsapp_message_on_the_timeline_and_grows(make: Any, hubspot: Any) -> None:
    plugin = make()
    (told,) = await plugin.push_contact((push(),))
    of = {"of_contact": told.reference, "of_deal": {}}
    first = [message("Chào <b>em</b>"), message("Dạ, mời chị.", "outbound", 1)]
    (done,) = await plugin.push_activity((activity(*first, **of),))
    record = hubspot.account.one("communications")
    assert record.properties["hs_communication_channel_type"] == "WHATS_APP"
    assert record.properties["hs_timestamp"] == str(int(NOW.timestamp() * 1000))
    theirs = "<p>10:00 <strong>Nguyễn Thị Lan</strong>: Chào &lt;b&gt;em&lt;/b&gt;</p>"
    ours = "<p>10:01 <strong>bot</strong>: Dạ, mời chị.</p>"
    assert record.properties["hs_communication_body"] == theirs + ours
    assert hubspot.account.linked("communications", record.id, "contacts") == [told.reference["id"]]
    (deal_told,) = await plugin.push_deal((deal(lead=lead(temperature="hot"), of_contact=told.reference),))
    of["of_deal"] = deal_told.reference
    await plugin.push_activity((activity(*first, message("Mai nhé", minutes=5), reference=done.reference, **of),))
    assert hubspot.account.one("communications") is record and "Mai nhé" in record.properties["hs_communication_body"]
    assert hubspot.account.linked("communications", record.id, "deals") == [hubspot.account.one("deals").id]
    assert hubspot.account.all("notes") == [], "there is nothing to summarise yet"


async def test_the_note_has_summary_fields_and_words_and_is_written_when_they_change(make: Any, hubspot: Any) -> None:
    plugin = make()
    (told,) = await plugin.push_contact((push(),))
    known = lead(fields={"need": "niềng răng", "budget": "20 triệu"}, evidence=quoted("Bao giờ làm được?"))
    given = {"of_contact": told.reference, "summary": "Hỏi giá niềng răng.", "lead": known}
    (done,) = await plugin.push_activity((activity(message("a"), **given),))
    record = hubspot.account.one("notes")
    assert record.properties["hs_note_body"] == (
        "<p>Hỏi giá niềng răng.</p><p>need: niềng răng<br>budget: 20 triệu</p><blockquote>Bao giờ làm được?</blockquote>"
    )
    assert hubspot.account.linked("notes", record.id, "contacts") == [told.reference["id"]]
    (done,) = await plugin.push_activity((activity(message("a"), reference=done.reference, **given),))
    assert hubspot.calls["notes/batch/upsert"] == 1
    await plugin.push_activity((activity(message("b"), reference=done.reference, **{**given, "summary": "Đã đặt."}),))
    assert hubspot.account.one("notes") is record and "Đã đặt." in record.properties["hs_note_body"]


async def test_a_day_that_is_too_long_keeps_its_end(make: Any, hubspot: Any) -> None:
    plugin = make()
    (told,) = await plugin.push_contact((push(),))
    messages = [message(f"{n} " + "x" * 1500, minutes=n) for n in range(100)]
    await plugin.push_activity((activity(*messages, of_contact=told.reference),))
    body = hubspot.account.one("communications").properties["hs_communication_body"]
    assert body.startswith("<p>…</p>") and "99 x" in body and "<strong>Nguyễn Thị Lan</strong>: 1 x" not in body


async def test_what_hubspot_keeps_is_told_and_erased(make: Any, hubspot: Any) -> None:
    plugin = make()
    lan = {"conversation": conversation(), "contact": contact()}
    assert await plugin.export_contact(**lan) is None
    assert hubspot.refused.pop(), "the property is not there yet"
    await plugin.erase_contact(**lan)
    assert hubspot.refused.pop()
    (told,) = await plugin.push_contact((push(),))
    of = {"of_contact": told.reference}
    (done,) = await plugin.push_deal((deal(lead=lead(temperature="hot"), **of),))
    await plugin.push_activity((activity(message("hello"), summary="s", of_deal=done.reference, **of),))
    theirs = hubspot.account.add("notes", hs_note_body="a person's own", hs_timestamp="1")
    hubspot.account.link(("contacts", told.reference["id"]), ("notes", theirs.id))
    exported = (await plugin.export_contact(**lan))["contacts"][0]
    assert exported["properties"]["phone"] == LAN and len(exported["deals"]) == 1
    assert (
        "hello" in exported["communications"][0]["properties"]["hs_communication_body"] and len(exported["notes"]) == 1
    )
    await plugin.erase_contact(**lan)
    assert hubspot.account.erased == {told.reference["id"]}
    assert hubspot.account.all("deals") == hubspot.account.all("communications") == []
    assert hubspot.account.all("notes") == [theirs]
    await plugin.erase_contact(**lan)
    assert plugin.store.kept == {}


@pytest.mark.parametrize("how", ["archive", "keep"])
async def test_erasure_leaves_the_contact_as_the_settings_say(make: Any, hubspot: Any, how: str) -> None:
    plugin = make(on_erasure=how)
    await plugin.push_contact((push(),))
    record = hubspot.account.one("contacts")
    await plugin.erase_contact(conversation=conversation(), contact=contact())
    assert record.archived == (how == "archive")
    assert (record.properties.get("frontdesk_contact_id") is None) == (how == "keep")
