"""Secrets that are kept elsewhere: read where nobody waits, remembered, read again; never an old one without need."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import structlog

from frontdesk import Plugin, Secret, Settings, hookimpl
from frontdesk.config import SecretUnavailable, use_vault
from frontdesk.services.blocking import IN_FLIGHT, BlockingCalls
from frontdesk.services.secrets import new_key
from frontdesk.store import StoreUnavailable
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.desk import TENANT
from frontdesk.testing.plugins import ScriptedModel
from frontdesk.vaults import AGAIN, AT_ONCE, KEPT, USED, SecretAway, Vaults


class Shelf:
    """A store of secrets that can be away."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str] = {("clinic", "TOKEN"): "one"}
        self.away = False
        self.reads = 0

    async def read(self, tenant: str, name: str) -> str:
        self.reads += 1
        if self.away:
            raise StoreUnavailable("it is away")
        if (tenant, name) not in self.values:
            raise SecretUnavailable("there is no such secret")
        return self.values[tenant, name]


class Account(Settings):
    token: Secret


SECRET = Secret("stored", "TOKEN", tenant="clinic")
SETTINGS = Account(token=SECRET)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def vaults(shelf: Shelf, clock: MovableClock) -> Iterator[Vaults]:
    made = Vaults(clock, BlockingCalls(), shelf.read)
    use_vault(made)
    yield made


async def test_on_the_loop_nothing_is_waited_for_and_what_was_prepared_is_there(vaults, shelf):
    with pytest.raises(SecretUnavailable, match=r"\{stored: TOKEN\} has not been read yet"):
        SECRET.reveal()
    await vaults.prepare(SETTINGS)
    assert [SECRET.reveal() for _ in range(3)] == ["one"] * 3
    await vaults.prepare(SETTINGS)
    assert shelf.reads == 1


async def test_a_thread_asks_when_what_is_known_is_old_and_the_background_keeps_it_new(vaults, shelf, clock):
    await vaults.prepare(SETTINGS)
    shelf.values["clinic", "TOKEN"] = "two"
    assert await asyncio.to_thread(SECRET.reveal) == "one", "it is not old yet"
    clock.advance(KEPT["stored"])
    assert SECRET.reveal() == "one", "the loop does not ask"
    assert await asyncio.to_thread(SECRET.reveal) == "two"
    shelf.values["clinic", "TOKEN"] = "three"
    clock.advance(KEPT["stored"])
    await vaults.refresh()
    assert SECRET.reveal() == "three"


async def test_a_rejected_secret_is_read_again_at_once_but_not_as_often_as_anybody_likes(vaults, shelf, clock):
    await vaults.prepare(SETTINGS)
    clock.advance(AGAIN)
    shelf.values["clinic", "TOKEN"] = "two"
    assert await asyncio.to_thread(lambda: SECRET.reveal(fresh=True)) == "two"
    shelf.values["clinic", "TOKEN"] = "three"
    assert await asyncio.to_thread(lambda: SECRET.reveal(fresh=True)) == "two"
    assert shelf.reads == 2
    clock.advance(AGAIN)
    assert await asyncio.to_thread(lambda: SECRET.reveal(fresh=True)) == "three"


async def test_what_was_read_still_counts_while_the_place_is_away_and_not_once_it_says_no(vaults, shelf, clock):
    await vaults.prepare(SETTINGS)
    assert SECRET.reveal() == "one"
    shelf.away = True
    clock.advance(KEPT["stored"])
    with structlog.testing.capture_logs() as logs:
        await vaults.refresh()
        clock.advance(AGAIN)
        await vaults.refresh()
    assert SECRET.reveal() == "one"
    assert [(each["event"], each["reference"]) for each in logs] == [("secret_not_read", "{stored: TOKEN}")]
    shelf.away, shelf.values = False, {}
    clock.advance(AGAIN)
    await vaults.refresh()
    with pytest.raises(SecretUnavailable, match="there is no such secret"):
        SECRET.reveal()


async def test_what_nobody_uses_is_not_asked_for_again(vaults, shelf, clock):
    await vaults.prepare(SETTINGS)
    SECRET.reveal()
    clock.advance(USED)
    await vaults.refresh()
    assert shelf.reads == 1
    SECRET.reveal()
    await vaults.refresh()
    assert shelf.reads == 2


async def test_who_starts_after_a_long_rest_finds_what_is_there_now_and_has_it_kept_new(vaults, shelf, clock):
    await vaults.prepare(SETTINGS)
    shelf.values["clinic", "TOKEN"] = "two"
    clock.advance(2 * USED)
    await vaults.refresh()
    assert shelf.reads == 1
    await vaults.prepare(SETTINGS)
    assert SECRET.reveal() == "two"
    shelf.values["clinic", "TOKEN"] = "three"
    clock.advance(2 * USED)
    await vaults.prepare(SETTINGS)
    shelf.values["clinic", "TOKEN"] = "four"
    clock.advance(KEPT["stored"])
    await vaults.refresh()
    assert SECRET.reveal() == "four"


async def test_many_are_read_side_by_side_and_a_tenant_that_hangs_holds_up_no_other(vaults, shelf, clock, monkeypatch):
    read, hanging, waiting = shelf.read, asyncio.Event(), []

    async def slow(tenant: str, name: str) -> str:
        if tenant == "hangs":
            waiting.append(name)
            await hanging.wait()
        return await read(tenant, name)

    monkeypatch.setattr(vaults, "_stored", slow)
    for number in range(12):
        shelf.values["hangs", f"TOKEN_{number}"] = "one"
    hung = [Account(token=Secret("stored", f"TOKEN_{number}", tenant="hangs")) for number in range(12)]
    async with asyncio.TaskGroup() as group:
        for settings in hung:
            group.create_task(vaults.prepare(settings))
        while len(waiting) < IN_FLIGHT:
            await asyncio.sleep(0.01)
        await vaults.prepare(SETTINGS)
        assert SECRET.reveal() == "one"
        hanging.set()
    assert [settings.token.reveal() for settings in hung] == ["one"] * 12
    most, now = 0, 0

    async def counted(tenant: str, name: str) -> str:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return await read(tenant, name)

    monkeypatch.setattr(vaults, "_stored", counted)
    clock.advance(KEPT["stored"])
    await vaults.refresh()
    assert 1 < most <= AT_ONCE


async def test_who_asks_for_the_same_at_once_has_it_read_once(vaults, shelf):
    await asyncio.gather(*(vaults.prepare(SETTINGS) for _ in range(20)))
    assert shelf.reads == 1


async def test_a_fresh_look_on_the_loop_that_would_wait_for_itself_is_refused(vaults):
    await vaults.prepare(SETTINGS)
    other = Secret("stored", "OTHER", tenant="clinic")
    with pytest.raises(SecretUnavailable, match="look it up in a thread"):
        other.reveal(fresh=True)


async def test_the_same_name_of_another_tenant_is_another_secret(vaults, shelf):
    shelf.values["school", "TOKEN"] = "theirs"
    theirs = Account(token=Secret("stored", "TOKEN", tenant="school"))
    await asyncio.gather(vaults.prepare(SETTINGS), vaults.prepare(theirs))
    assert (SECRET.reveal(), theirs.token.reveal()) == ("one", "theirs")


def test_away_is_a_kind_of_unavailable():
    assert issubclass(SecretAway, SecretUnavailable)


class KeyHolder(Plugin):
    """Needs its token to start, on the loop."""

    settings: Account

    @hookimpl
    async def start(self) -> None:
        self.held = self.settings.token.reveal()


async def test_a_plugin_finds_its_stored_secret_at_its_start_and_starts_once_it_is_stored(desk, monkeypatch):
    monkeypatch.setenv("FRONTDESK_SECRET_KEYS", "A" * 43 + "=")
    plugins = ["phone", "model", {"holder": {"token": {"stored": "TOKEN"}}}]
    async with desk(
        plugins={"model": ScriptedModel, "holder": KeyHolder}, tenants={"clinic": {**TENANT, "plugins": plugins}}
    ) as server:
        runtime = await server.server.runtimes.get("clinic")
        assert "no stored secret TOKEN; `frontdesk secrets set clinic TOKEN`" in runtime.troubles["holder"]
        await server.server.secrets.set("clinic", "TOKEN", "khóa của tôi", "lan")
        await server.server.runtimes.tend()
        assert (await server.plugin("holder")).held == "khóa của tôi"


async def test_the_keys_of_stored_secrets_may_be_in_aws(desk, monkeypatch):
    keys = new_key()
    monkeypatch.setattr("frontdesk.aws.secrets.read_secret", lambda name: {"desk/keys": keys}[name])
    plugins = ["phone", "model", {"holder": {"token": {"stored": "TOKEN"}}}]
    async with desk(
        plugins={"model": ScriptedModel, "holder": KeyHolder},
        tenants={"clinic": {**TENANT, "plugins": plugins}},
        server={"secret_keys": {"aws_secret": "desk/keys"}},
    ) as server:
        await server.server.secrets.set("clinic", "TOKEN", "khóa của tôi", "lan")
        assert (await server.plugin("holder")).held == "khóa của tôi"
