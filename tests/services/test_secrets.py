"""Typed-in secrets: encrypted in the store, each in its place, re-encrypted by a rotation that can be repeated."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from frontdesk.clock import SystemClock
from frontdesk.config import Secret, SecretUnavailable, load
from frontdesk.services.secrets import VARIABLE, KeysMissing, Rotated, SecretDesk, new_key, references
from frontdesk.store import Store
from frontdesk.store.collections import OVERLAYS, SECRETS, SUSPENSIONS
from frontdesk.store.sqlite import SqliteStore
from frontdesk.stored_settings import Overlay, OverlayChange, Suspension
from frontdesk.testing.death import Died

VALUE = "mật khẩu: hunter2"
OLD, NEW, OTHER = new_key(), new_key(), new_key()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = SqliteStore(tmp_path / "store.db", SystemClock())
    await made.open()
    yield made
    await made.close()


def desk(store: Store, *keys: str) -> SecretDesk:
    return SecretDesk(store, Secret.from_text(",".join(keys)))


async def test_a_secret_comes_back_and_lies_encrypted(store: Store, tmp_path: Path) -> None:
    await desk(store, OLD).set("clinic", "TOKEN", VALUE, "lan")
    assert await desk(store, OLD).read("clinic", "TOKEN") == VALUE
    ((name, _, by),) = await desk(store, OLD).names("clinic")
    assert (name, by) == ("TOKEN", "lan")
    stored = await store.for_tenant("clinic").get(SECRETS, "TOKEN")
    assert VALUE not in str(stored) and stored is not None and stored.token not in repr(stored)
    assert not any(b"hunter2" in path.read_bytes() for path in tmp_path.iterdir())


async def test_a_second_value_replaces_the_first_and_a_deleted_one_is_gone(store: Store) -> None:
    for value in ("first", VALUE):
        await desk(store, OLD).set("clinic", "TOKEN", value, "lan")
    assert await desk(store, OLD).read("clinic", "TOKEN") == VALUE
    assert await desk(store).delete("clinic", "TOKEN")
    assert not await desk(store).delete("clinic", "TOKEN")
    with pytest.raises(SecretUnavailable, match="no stored secret TOKEN; `frontdesk secrets set clinic TOKEN` stores"):
        await desk(store, OLD).read("clinic", "TOKEN")


async def test_what_a_suspended_tenant_and_a_configuration_that_still_counts_refer_to_is_named(
    store: Store, tmp_path: Path
) -> None:
    token = {"twilio_whatsapp": {"auth_token": {"stored": "TOKEN"}}}
    (tmp_path / "tenants.yaml").write_text("tenants:\n  lan: {name: Lan, time_zone: Asia/Ho_Chi_Minh, language: vi}\n")
    file, raw = load(tmp_path / "tenants.yaml"), json.dumps({"plugins": ["simulator", token]})

    async def named(tenant: str) -> list[str]:
        return [str(each) for each in await references(store, file, tenant, "TOKEN")]

    for tenant in ("lan", "gone"):
        await store.shared.insert(SUSPENSIONS, Suspension(id=tenant, since=store.now(), raw=raw, folder=""))
    where = "plugins[1].twilio_whatsapp.auth_token: refers to TOKEN"
    (told,) = await named("gone")
    assert told.startswith(f"as it was declared last: tenant gone: {where}; frontdesk tenants purge gone")
    assert await named("lan") == [], "it is in the file again"

    overlay = Overlay(id="overlay", effective=raw)
    assert await store.for_tenant("lan").insert(OVERLAYS, overlay)
    assert await named("lan") == [], "everything was reverted: the file counts"
    change = OverlayChange(key="persona.name", value='"Lan"', at=store.now(), by="an")
    await store.for_tenant("lan").update(OVERLAYS, overlay, current=[change])
    assert await named("lan") == [f"the last configuration that fitted: tenant lan: {where}"]


async def test_a_token_that_was_moved_to_another_place_is_refused(store: Store) -> None:
    await desk(store, OLD).set("clinic", "TOKEN", VALUE, "lan")
    stored = await store.for_tenant("clinic").get(SECRETS, "TOKEN")
    assert stored is not None
    await store.for_tenant("school").insert(SECRETS, stored)
    with pytest.raises(SecretUnavailable, match="no key in FRONTDESK_SECRET_KEYS fits"):
        await desk(store, OLD).read("school", "TOKEN")


@pytest.mark.parametrize("name", ["token", "", "A B", "A" * 101])
async def test_a_name_that_no_reference_could_have_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a stored secret"):
        await desk(store, OLD).set("clinic", name, VALUE, "lan")


async def test_nothing_and_too_much_are_refused_without_showing_it(store: Store) -> None:
    for value in ("", "x" * 65_537):
        with pytest.raises(ValueError, match=f"has {len(value)} characters; 1 to 65,536") as caught:
            await desk(store, OLD).set("clinic", "TOKEN", value, "lan")
        assert "xx" not in str(caught.value)


@pytest.mark.parametrize("written", ["nonsense", f"{OLD},nonsense", ","], ids=["nonsense", "one of them", "a comma"])
async def test_keys_that_are_none_are_told_and_not_shown(store: Store, written: str) -> None:
    with pytest.raises(KeysMissing, match=r"is no key; write keys as `frontdesk secrets key` prints them") as caught:
        await desk(store, written).set("clinic", "TOKEN", VALUE, "lan")
    assert "nonsense" not in str(caught.value) and OLD not in str(caught.value)


async def test_a_missing_key_says_what_to_do(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk(store, OLD).set("clinic", "TOKEN", VALUE, "lan")
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(SecretUnavailable, match=r"FRONTDESK_SECRET_KEYS is not set.*frontdesk secrets key"):
        await SecretDesk(store, None).read("clinic", "TOKEN")
    monkeypatch.setenv(VARIABLE, OLD)
    assert await SecretDesk(store, None).read("clinic", "TOKEN") == VALUE


async def test_a_rotation_encrypts_everything_with_the_first_key_and_may_be_repeated(store: Store) -> None:
    for tenant in ("clinic", "gone-from-the-file"):
        await desk(store, OLD).set(tenant, "A", VALUE, "lan")
    await desk(store, NEW).set("clinic", "B", VALUE, "lan")
    await desk(store, OTHER).set("clinic", "C", VALUE, "lan")
    both = desk(store, NEW, OLD)
    assert await both.rotate() == [Rotated("clinic", 1, 1, ["C"]), Rotated("gone-from-the-file", 1, 0, [])]
    assert await both.rotate() == [Rotated("clinic", 0, 2, ["C"]), Rotated("gone-from-the-file", 0, 1, [])]
    assert await desk(store, NEW).read("gone-from-the-file", "A") == VALUE
    assert await desk(store, OTHER).read("clinic", "C") == VALUE, "what no key fits stays as it is"


async def test_what_is_set_with_an_old_key_during_a_rotation_is_encrypted_too(store: Store, monkeypatch) -> None:
    for name in ("A", "B"):
        await desk(store, OLD).set("clinic", name, "first", "lan")
    clinic = store.for_tenant("clinic")
    update, meanwhile = clinic.update, {"A": True, "B": True}

    async def slow(collection: Any, document: Any, **changes: Any) -> Any:
        if meanwhile.pop(document.id, False):
            await (
                desk(store, OLD).set("clinic", "A", VALUE, "an")
                if document.id == "A"
                else desk(store).delete("clinic", "B")
            )
        return await update(collection, document, **changes)

    with monkeypatch.context() as patched:
        patched.setattr(clinic, "update", slow)
        patched.setattr(store, "for_tenant", lambda tenant: clinic)
        assert await desk(store, NEW, OLD).rotate() == [Rotated("clinic", 1, 0, [])]
    assert await desk(store, NEW).read("clinic", "A") == VALUE


async def test_a_rotation_that_dies_half_way_is_gone_on_with(store: Store, dies_after, monkeypatch) -> None:
    for name in ("A", "B", "C"):
        await desk(store, OLD).set("clinic", name, VALUE, "lan")
    both = desk(store, NEW, OLD)
    with monkeypatch.context() as dying:
        clinic = dies_after(store.for_tenant("clinic"), 1)
        dying.setattr(store, "for_tenant", lambda tenant: clinic)
        with pytest.raises(Died):
            await both.rotate()
    assert await both.rotate() == [Rotated("clinic", 2, 1, [])]
    assert [await desk(store, NEW).read("clinic", name) for name in ("A", "B", "C")] == [VALUE] * 3
