"""Contacts at HubSpot: one each, found again by our own property, taken over by number, people's own words left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from frontdesk import NeedsAttention, Refused, RetryLater, Task
from frontdesk.plugins.crm_hubspot.contacts import names
from frontdesk.plugins.crm_hubspot.matching import digits, same
from frontdesk.testing.fake_hubspot import Fault

from .conftest import LAN, NOW, contact, lead, push

ID = "frontdesk_contact_id"


@pytest.mark.parametrize("version", ["v3", "2026-09"])
async def test_a_contact_is_made_once_with_the_properties_that_are_missing(
    make: Any, hubspot: Any, version: str
) -> None:
    plugin = make(api_version=version)
    (told,) = await plugin.push_contact((push(lead=lead(temperature="hot", score=80), language="vi"),))
    record = hubspot.account.one("contacts")
    assert record.properties == {
        ID: "lan",
        "firstname": "Lan",
        "lastname": "Nguyễn Thị",
        "phone": LAN,
        "frontdesk_temperature": "hot",
        "frontdesk_score": "80",
        "frontdesk_language": "vi",
        "frontdesk_opted_out": "no",
    }
    assert told.reference["id"] == record.id and told.error == ""
    assert told.link == f"https://app.hubspot.com/contacts/1234567/record/0-1/{record.id}"
    assert hubspot.account.properties["contacts"][ID]["hasUniqueValue"] and hubspot.versions == {version}
    # Again, and by another instance (a crash before the answer was written down): the same record.
    for other in (plugin, make(api_version=version)):
        await other.push_contact((push(lead=lead(temperature="hot", score=80), language="vi"),))
    assert hubspot.account.one("contacts") is record
    assert hubspot.calls["contacts/batch/upsert"] == 1, "what is there already is not written again"
    assert hubspot.calls["properties/contacts"] == 5 + 1 + 1, "five are made, and each instance looks once"
    assert hubspot.calls["properties/contacts/groups"] == 1


async def test_a_hundred_contacts_are_a_handful_of_calls(make: Any, hubspot: Any) -> None:
    plugin = make(match_phones=False)
    await plugin.push_contact((push("first"),))
    hubspot.calls.clear()
    told = await plugin.push_contact(tuple(push(f"c{n}", phone=f"+8490{n:07}") for n in range(100)))
    assert not any(each.error for each in told) and len(hubspot.account.all("contacts")) == 101
    assert hubspot.calls == {"contacts/batch/read": 1, "contacts/batch/upsert": 1}


@pytest.mark.parametrize("written", [LAN, "0901 234 567", "090.123.4567", "+84 90 123 45 67", "84901234567"])
async def test_a_contact_that_hubspot_has_is_taken_over_by_its_number(make: Any, hubspot: Any, written: str) -> None:
    theirs = hubspot.account.add("contacts", firstname="Chị Lan", phone=written, email="lan@example.com")
    other = hubspot.account.add("contacts", firstname="Bob", phone="+1 901 234 567")
    (told,) = await make().push_contact((push(),))
    assert told.reference["id"] == theirs.id and len(hubspot.account.all("contacts")) == 2
    assert theirs.properties["firstname"] == "Chị Lan" and theirs.properties["phone"] == written, "people's words stay"
    assert theirs.properties["lastname"] == "Nguyễn Thị" and theirs.properties[ID] == "lan"
    assert ID not in other.properties


async def test_many_searches_keep_to_the_limit_of_the_account(make: Any, hubspot: Any) -> None:
    hubspot.search_secondly = 2
    theirs = hubspot.account.add("contacts", phone="+84900000039")
    told = await make().push_contact(tuple(push(f"c{n}", phone=f"+8490{n:07}") for n in range(40)))
    assert not any(each.error for each in told) and theirs.properties[ID] == "c39"
    assert hubspot.calls["contacts/search"] == 7


async def test_of_several_with_the_number_the_oldest_is_taken_and_never_one_of_ours(
    make: Any, hubspot: Any, clock: Any
) -> None:
    plugin = make()
    await plugin.push_contact((push("minh"),))
    clock.advance(60)
    first = hubspot.account.add("contacts", mobilephone="0901234567")
    clock.advance(60)
    hubspot.account.add("contacts", phone=LAN)
    (told,) = await plugin.push_contact((push("lan"),))
    assert told.reference["id"] == first.id
    assert {each.properties.get(ID) for each in hubspot.account.all("contacts")} == {"minh", "lan", None}


async def test_one_that_the_search_did_not_know_yet_is_joined_a_minute_later(
    make: Any, hubspot: Any, clock: Any
) -> None:
    hubspot.account.search_lag = 20
    theirs = hubspot.account.add("contacts", firstname="Form", phone=LAN, email="lan@example.com")
    clock.advance(5)
    plugin = make()
    (told,) = await plugin.push_contact((push(),))
    ours = told.reference["id"]
    assert ours != theirs.id
    ((name, key), (at, data)) = next(iter(plugin.tasks.scheduled.items()))
    assert name == "look_again" and key == "lan" and (at - clock.now()).total_seconds() == 60
    clock.advance(60)
    await plugin.run_task(_task(name, data))
    record = hubspot.account.one("contacts")
    assert record is theirs and record.properties[ID] == "lan" and record.properties["firstname"] == "Form"
    (again,) = await plugin.push_contact((push(reference=told.reference),))
    assert again.reference["id"] == theirs.id and not again.error
    await plugin.run_task(_task(name, data))
    assert hubspot.account.one("contacts") is theirs, "a second time changes nothing"


def _task(name: str, data: Any) -> Task:
    return Task(id=f"crm_hubspot/{name}/x", plugin="crm_hubspot", name=name, at=NOW, data=data)


async def test_what_people_write_in_hubspot_stays_and_what_we_wrote_goes_along(make: Any, hubspot: Any) -> None:
    plugin = make()
    (told,) = await plugin.push_contact((push(name="Lan"),))
    record = hubspot.account.one("contacts")
    (told,) = await plugin.push_contact((push(name="Lan Anh", reference=told.reference),))
    assert (record.properties["firstname"], record.properties["lastname"]) == ("Anh", "Lan")
    hubspot.account.write(record, {"firstname": "Chị Lan (VIP)"})
    (told,) = await plugin.push_contact((push(name="Hoa", opted_out=True, reference=told.reference),))
    assert record.properties["firstname"] == "Chị Lan (VIP)" and record.properties["frontdesk_opted_out"] == "yes"


async def test_a_batch_that_is_partly_taken_says_which(make: Any, hubspot: Any) -> None:
    plugin = make(match_phones=False)
    await plugin.push_contact((push("first"),))
    hubspot.faults.add(Fault(kind="partial", path="contacts/batch/upsert", category="CONFLICT"))
    bad, good = await plugin.push_contact((push("a", phone=""), push("b", phone="")))
    assert bad.error and bad.again and not good.error
    hubspot.faults.add(Fault(kind="partial", path="contacts/batch/upsert", category="VALIDATION_ERROR"))
    bad, good = await plugin.push_contact((push("c", phone=""), push("d", phone="")))
    assert bad.error == "HubSpot: it was not taken" and not bad.again and not good.error


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        (Fault(kind="limit", policy="SECONDLY"), 1.0),
        (Fault(kind="limit", policy="TEN_SECONDLY_ROLLING"), 10.0),
        (Fault(kind="limit", policy="SECONDLY", headers={"Retry-After": "7"}), 7.0),
        (Fault(kind="error", status=423), 2.0),
        (Fault(kind="error", status=477, headers={"Retry-After": "90"}), 90.0),
        (Fault(kind="error", status=502), 15.0),
        (Fault(kind="drop", path="batch/read"), 15.0),
        (Fault(kind="hang", seconds=2), 15.0),
        (Fault(kind="garbage"), 60.0),
        (Fault(kind="nonsense"), 60.0),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
async def test_a_busy_or_absent_hubspot_is_asked_again_after_what_its_answer_says(
    make: Any, hubspot: Any, fault: Any, after: float
) -> None:
    plugin = make(timeout=0.5)
    await plugin._schema.ensure("contacts")
    hubspot.faults.add(fault)
    with pytest.raises(RetryLater) as caught:
        await plugin.push_contact((push(),))
    assert caught.value.after == after and "HubSpot" in caught.value.reason
    await plugin.push_contact((push(),))
    assert len(hubspot.account.all("contacts")) == 1


async def test_the_daily_limit_ends_at_midnight_of_the_accounts_zone(make: Any, hubspot: Any, clock: Any) -> None:
    plugin = make()
    await plugin.push_contact((push("first"),))
    hubspot.faults.add(Fault(kind="limit", policy="DAILY"))
    with pytest.raises(RetryLater) as caught:
        await plugin.push_contact((push(),))
    then = (clock.now() + timedelta(seconds=caught.value.after)).astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))
    assert (then.hour, then.minute, then.second) == (0, 0, 1) and 0 < caught.value.after <= 86_401


async def test_what_was_taken_before_the_line_dropped_is_not_there_twice(make: Any, hubspot: Any) -> None:
    plugin = make(match_phones=False)
    await plugin.push_contact((push("first"),))
    hubspot.faults.add(Fault(kind="accept_then_drop", path="batch/upsert"))
    with pytest.raises(RetryLater):
        await plugin.push_contact((push(),))
    (told,) = await plugin.push_contact((push(),))
    assert not told.error and len(hubspot.account.all("contacts")) == 2


async def test_a_refused_token_and_a_missing_scope_need_a_person(make: Any, hubspot: Any) -> None:
    plugin = make()
    hubspot.faults.add(Fault(kind="expired"))
    await plugin.push_contact((push("minh"),))  # once more with the token as it is now
    assert (await plugin.check_health())["ok"]
    hubspot.account.token = "another"
    with pytest.raises(NeedsAttention, match="access_token"):
        await plugin.push_contact((push(),))
    assert not (await plugin.check_health())["ok"]
    hubspot.account.token = "pat-na1-token"
    hubspot.account.scopes.discard("crm.objects.contacts.write")
    with pytest.raises(NeedsAttention, match=r"crm\.objects\.contacts\.write"):
        await plugin.push_contact((push(),))
    assert hubspot.refused.pop().endswith("crm.objects.contacts.write")
    hubspot.account.scopes.add("crm.objects.contacts.write")
    await plugin.push_contact((push(),))
    assert (await plugin.check_health())["ok"]


async def test_a_request_that_is_refused_as_a_whole_is_tried_alone_by_the_core(make: Any, hubspot: Any) -> None:
    plugin = make()
    await plugin.push_contact((push("first"),))
    del hubspot.account.properties["contacts"]["frontdesk_opted_out"]
    with pytest.raises(Refused, match="frontdesk_opted_out"):
        await plugin.push_contact((push(),))
    assert hubspot.refused.pop()
    finding, *_ = [each for each in await plugin.diagnose() if each.fix]
    assert "frontdesk_opted_out" in finding.what
    await make().repair(finding.fix)
    assert not [each for each in await plugin.diagnose() if each.fix]


async def test_owners_are_found_by_address_and_a_persons_choice_stays(make: Any, hubspot: Any) -> None:
    hubspot.account.owners = {"Hoa@example.com": "11", "sales@example.com": "12"}
    plugin = make(owners={"hoa": "hoa@example.com"}, default_owner="sales@example.com")
    (told,) = await plugin.push_contact((push(),))
    record = hubspot.account.one("contacts")
    assert record.properties["hubspot_owner_id"] == "12"
    (told,) = await plugin.push_contact((push(lead=lead(owner="hoa"), reference=told.reference),))
    assert record.properties["hubspot_owner_id"] == "11"
    hubspot.account.owners["new@example.com"] = "13"
    hubspot.account.write(record, {"hubspot_owner_id": "13"})
    await plugin.push_contact((push(lead=lead(owner="nobody-known"), reference=told.reference),))
    assert record.properties["hubspot_owner_id"] == "13"


async def test_two_contacts_that_turn_out_to_be_one_are_one_at_hubspot(make: Any, hubspot: Any) -> None:
    plugin = make(match_phones=False)
    await plugin.push_contact((push("lan"), push("user", phone="", name="Lan N.")))
    assert len(hubspot.account.all("contacts")) == 2
    await plugin.on_contact_merged(contact=contact("lan"), merged="user")
    assert hubspot.account.one("contacts").properties[ID] == "lan"
    await plugin.on_contact_merged(contact=contact("lan"), merged="user")
    await plugin.push_contact((push("old"),))
    await plugin.on_contact_merged(contact=contact("kept"), merged="old")
    assert {each.properties[ID] for each in hubspot.account.all("contacts")} == {"lan", "kept"}


def test_numbers_as_they_are_written() -> None:
    assert set(digits(LAN)) == {"84901234567", "901234567", "0901234567"}
    assert set(digits("+5511987654321")) >= {"5511987654321", "551187654321", "11987654321"}
    assert same("0901 234 567", LAN) and not same("+1 901 234 567", LAN) and not same("ask Lan", LAN)


def test_names_by_language() -> None:
    assert names("Nguyễn Thị Lan", "vi", "auto") == ("Lan", "Nguyễn Thị")
    assert names("Jane van Dyke", "en", "auto") == ("Jane van", "Dyke")
    assert names("Nguyễn Lan", "en", "family_first") == ("Lan", "Nguyễn")
    assert names("  Lan ", "vi", "auto") == ("Lan", "") and names("", "vi", "auto") == ("", "")
