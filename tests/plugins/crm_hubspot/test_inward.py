"""What people change in HubSpot comes back by signed webhooks, once, and what we wrote does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from frontdesk import Task
from frontdesk.testing.fake_hubspot import event, signed

from .conftest import NOW, PUBLIC, SECRET, deal, lead, push

URL = f"{PUBLIC}/plugins/crm_hubspot/hoa-sen/webhook"


async def post(plugin: Any, events: Any, *, secret: str = SECRET, url: str = URL, late: float = 0) -> tuple[int, str]:
    headers, body = signed(url, events, secret, plugin.clock.now() - timedelta(seconds=late))
    return await plugin.take_webhook("POST", body, headers)


async def do_tasks(plugin: Any) -> None:
    for (name, key), (_, data) in list(plugin.tasks.scheduled.items()):
        if name == "take_back":
            del plugin.tasks.scheduled[name, key]
            id = f"crm_hubspot/{name}/{key}"
            await plugin.run_task(Task(id=id, plugin="crm_hubspot", name=name, at=NOW, data=data))


async def test_a_stage_and_an_owner_come_back_once(make: Any, hubspot: Any) -> None:
    hubspot.account.owners = {"hoa@example.com": "11", "minh@example.com": "12"}
    plugin = make(owners={"hoa": "hoa@example.com", "minh": "minh@example.com"}, match_phones=False)
    warm = lead(temperature="warm", owner="hoa")
    plugin.leads.leads["lan"] = warm
    (told,) = await plugin.push_contact((push(lead=warm),))
    await plugin.push_deal((deal(lead=warm, of_contact=told.reference),))
    record = hubspot.account.one("deals")
    now = plugin.clock.now()
    # The echo of what we wrote ourselves.
    echo = event("deal.propertyChange", record.id, now, propertyName="dealstage", propertyValue="qualifiedtobuy")
    assert await post(plugin, [echo]) == (204, "")
    await do_tasks(plugin)
    assert plugin.leads.changed == []
    hubspot.account.write(record, {"dealstage": "contractsent", "hubspot_owner_id": "12"})
    changed = event("deal.propertyChange", record.id, now, propertyName="dealstage", propertyValue="contractsent")
    twice = event("deal.propertyChange", record.id, now, propertyName="hubspot_owner_id", propertyValue="12")
    assert await post(plugin, [changed, twice]) == (204, "")
    assert len(plugin.tasks.scheduled) == 1, "one look at a record, however much has changed"
    await do_tasks(plugin)
    assert [(who, what) for who, _, what in plugin.leads.changed] == [
        ("lan", {"owner": "minh", "stage": "Contract Sent"})
    ]
    assert await post(plugin, [changed]) == (204, "")
    await do_tasks(plugin)
    assert len(plugin.leads.changed) == 1, "told again, it changes nothing more"


async def test_what_an_operator_changed_since_is_not_undone_by_an_echo_that_is_late(make: Any, hubspot: Any) -> None:
    hubspot.account.owners = {"hoa@example.com": "11", "minh@example.com": "12"}
    plugin = make(owners={"hoa": "hoa@example.com", "minh": "minh@example.com"}, match_phones=False)
    (told,) = await plugin.push_contact((push(lead=lead(owner="hoa")),))
    plugin.leads.leads["lan"] = lead(owner="minh")
    echo = event("contact.propertyChange", told.reference["id"], plugin.clock.now(), propertyName="hubspot_owner_id")
    await post(plugin, [echo])
    await do_tasks(plugin)
    assert plugin.leads.changed == []


@pytest.mark.parametrize("what", ["contact.deletion", "contact.privacyDeletion"])
async def test_who_was_deleted_in_hubspot_is_not_made_there_again_until_restored(
    make: Any, hubspot: Any, what: str
) -> None:
    plugin = make(match_phones=False)
    (told,) = await plugin.push_contact((push(),))
    record = hubspot.account.one("contacts")
    record.archived = True
    await post(plugin, [event(what, record.id, plugin.clock.now())])
    await do_tasks(plugin)
    again, other = await plugin.push_contact((push(reference=told.reference), push("minh", phone="")))
    assert "deleted in HubSpot" in again.error and not again.again and not other.error
    assert len(hubspot.account.all("contacts")) == 1
    record.archived = False
    await post(plugin, [event("contact.restore", record.id, plugin.clock.now())])
    await do_tasks(plugin)
    (again,) = await plugin.push_contact((push(reference=told.reference),))
    assert not again.error


async def test_generic_events_and_those_of_others_are_understood(make: Any, hubspot: Any) -> None:
    plugin = make(match_phones=False)
    stranger = hubspot.account.add("contacts", firstname="Bob")
    now = plugin.clock.now()
    events = [
        event("object.propertyChange", stranger.id, now, objectTypeId="0-1", propertyName="hubspot_owner_id"),
        event("company.propertyChange", "77", now),
        event("contact.creation", "99999", now),
    ]
    assert await post(plugin, events) == (204, "")
    assert {key.split(":")[1] for _, key in plugin.tasks.scheduled} == {stranger.id, "99999"}
    await plugin._schema.ensure("contacts")
    await do_tasks(plugin)
    assert plugin.leads.changed == []


async def test_only_what_hubspot_signed_lately_is_taken(make: Any, hubspot: Any) -> None:
    plugin = make()
    one = [event("contact.creation", "1", plugin.clock.now())]
    assert (await post(plugin, one, secret="another"))[0] == 403
    assert (await post(plugin, one, late=301))[0] == 403 and (await post(plugin, one, late=-301))[0] == 403
    assert (await post(plugin, one, url=URL + "2"))[0] == 403
    headers, body = signed(URL, one, SECRET, plugin.clock.now())
    assert (await plugin.take_webhook("POST", body + b" ", headers))[0] == 403
    assert (await plugin.take_webhook("PUT", body, headers))[0] == 403
    for name in ("X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"):
        left = {key: value for key, value in headers.items() if key != name}
        assert (await plugin.take_webhook("POST", body, left))[0] == 403
    assert (await plugin.take_webhook("POST", body, {**headers, "X-HubSpot-Request-Timestamp": "yesterday"}))[0] == 403
    assert plugin.tasks.scheduled == {}
    assert (await plugin.take_webhook("POST", body, headers))[0] == 204
    headers, body = signed(URL, ["no event"], SECRET, plugin.clock.now())  # type: ignore[list-item]
    assert (await plugin.take_webhook("POST", body, headers))[0] == 400
    assert (await make(client_secret=None).take_webhook("POST", body, headers)) == (403, "client_secret is not set")


async def test_a_look_at_an_account_says_what_to_mend(make: Any, hubspot: Any) -> None:
    plugin = make(owners={"hoa": "hoa@example.com"}, pipeline="sales", client_secret=None, api_version="v3")
    found = {each.what: each for each in await plugin.diagnose()}
    assert any(what.startswith("the access token opens the account 1234567") for what in found)
    problems = " / ".join(f"{each.what}: {each.cure}" for each in found.values() if each.level != "ok")
    for word in ("no pipeline sales", "no owner hoa@example.com", "client_secret", "September 2027", URL):
        assert word in problems
    stranger = make()
    hubspot.account.token = "another"
    (only,) = await stranger.diagnose()
    assert only.level == "problem" and "access_token" in only.what
