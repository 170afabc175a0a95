"""Tenants files that cannot be, given to the real command: one clear message, exit code 1, no traceback.

The table of everything that can be wrong with one is tests/config/test_tenants_file.py.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from frontdesk.testing.nursery import nursery

SHOP = "tenants:\n  shop:\n    name: Shop\n    time_zone: Asia/Ho_Chi_Minh\n    language: vi\n"
BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "a list": (b"- shop\n", "found a list"),
    "not UTF-8": (SHOP.encode() + b"    persona: {name: \xff}\n", ":6: a byte that is not UTF-8"),
    "UTF-16": (SHOP.encode("utf-16"), "not UTF-8"),
    "a NUL": (SHOP.encode() + b"    a\0b: c\n", ":6:"),
    "a tab": (SHOP.encode() + b"\tlanguage: en\n", "tab"),
    "a bracket left open": (SHOP.encode() + b"    staff: [\n", "YAML cannot be read"),
    "a quote left open": (SHOP.encode() + b"    persona: {name: 'Sen\n", "YAML cannot be read"),
    "a key twice": (SHOP.encode() + b"    name: Two\n", ":6: tenant shop: name: is there twice"),
    "a misspelt key": (SHOP.encode() + b"    persone: {}\n", "did you mean persona?"),
    "two documents": (SHOP.encode() + b"---\n" + SHOP.encode(), "document"),
    "a tag that runs code": (SHOP.encode() + b"    name2: !!python/object/apply:os.system [id]\n", "unknown YAML tag"),
    "an alias to itself": (SHOP.encode() + b"    persona: &p {name: *p}\n", "alias"),
    "a billion laughs": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 9)) for n in range(98, 107)),
        "unknown key",
    ),
    "10,000 levels deep": (b"tenants: " + b"[" * 10_000 + b"]" * 10_000, ":1:"),
    "an unknown plugin": (SHOP.encode() + b"    plugins: [simulater]\n", "did you mean simulator?"),
    "a plugin's wrong setting": (
        SHOP.encode() + b"    plugins: [twilio_whatsapp: {account_sid: 5, auth_token: {env: T}, numbers: ['x']}]\n",
        "tenant shop: plugins[0].twilio_whatsapp.account_sid",
    ),
    "a secret in the file": (
        SHOP.encode() + b"    plugins: [twilio_whatsapp: {auth_token: s3cr3t-t0ken, account_sid: AC1, numbers: []}]\n",
        "{env: NAME}",
    ),
    "times that contradict": (b"server: {times: {turn_deadline: 1}}\n" + SHOP.encode(), "server.times.turn_deadline"),
    "no store": (b"server: {store: 'postgres://u:s3cr3t-t0ken@h/x'}\n" + SHOP.encode(), ":1: server.store"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_file_is_told_by_check_and_stops_serve(tmp_path: Path, name: str) -> None:
    content, says = BROKEN[name]
    path = tmp_path / "tenants.yaml"
    path.write_bytes(content)
    checked, served = await asyncio.gather(_frontdesk("check", path), _frontdesk("serve", path))
    for code, said in (checked, served):
        assert code == 1, said
        assert "tenants.yaml" in said
        assert says in said
        assert "Traceback" not in said
        assert "s3cr3t-t0ken" not in said
    assert not (tmp_path / "data").exists(), "nothing was begun"


async def _frontdesk(command: str, path: Path) -> tuple[int, str]:
    """The exit code, and everything it said."""
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    ended = await asyncio.to_thread(
        lambda: nursery().run(command, str(path), folder=path.parent, environment=environment)
    )
    return ended.returncode, ended.stdout + ended.stderr
