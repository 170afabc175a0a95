"""What every page shares: the door, the frame, the two languages, static files, what is vendored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from playwright.async_api import expect

from frontdesk.admin_ui import assets
from frontdesk.admin_ui.assets import icon
from frontdesk.config import TenantConfig
from frontdesk.services.settings_form import Field, fields_of, label_of, leaves

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADMIN_UI = Path(__file__).parents[2] / "admin_ui"
VENDOR = ADMIN_UI / "static" / "vendor"
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
KEYWORDS = {"_": None, "_n": (1, 2), "mark": None, "gettext": None, "ngettext": (1, 2)}
OPTIONS = {"**.html": {"trimmed": "true", "silent": "false"}}


async def test_another_business_and_what_is_not_there_look_the_same(screens: Any) -> None:
    page = await screens.signed_in("owner", "clinic")
    assert (await page.goto("/t/clinic/failures/")).status == 200  # a slash too many is no other page
    for address in ("/t/school", "/t/nobody"):
        answer = await page.goto(address)
        assert answer.status == 404
        await expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    await screens.looks(page, "refused")
    screens.complaints.clear()  # the browser notes the 404s


async def test_a_page_says_what_it_may_load_and_static_files_are_sent_small_and_kept(screens: Any) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{screens.url}/") as answer:
            policy, text = answer.headers["Content-Security-Policy"], await answer.text()
            assert answer.headers["Cache-Control"] == "no-store"
        assert "script-src 'self';" in policy and "unsafe" not in policy and "http" not in policy
        (address,) = re.findall(r'href="(/static/admin/tokens\.css\?v=\w+)"', text)
        async with http.get(f"{screens.url}{address}") as answer:
            assert answer.headers["Content-Encoding"] == "gzip" and "immutable" in answer.headers["Cache-Control"]
        for wrong in ("/static/admin/../gate.py", "/static/admin/%2e%2e/gate.py", "/static/admin/nothing.css"):
            async with http.get(f"{screens.url}{wrong}") as answer:
                assert answer.status == 404


async def test_names_that_are_no_files_are_not_remembered() -> None:
    """Anybody may ask for them, for as many as they like."""
    assert assets._asset("tokens.css") is not None
    before = assets._read.cache_info().currsize
    for wrong in ("nothing.css", "../gate.py", "vendor/../tokens.css", "a\0b", "", "vendor"):
        assert assets._asset(wrong) is None
    assert assets._read.cache_info().currsize == before


async def test_what_is_vendored_is_listed_with_its_licence() -> None:
    listed = (VENDOR / "README.md").read_text("utf-8")
    for path in VENDOR.glob("*.min.*"):
        assert path.name in listed
        assert list(VENDOR.glob(f"{path.name.split('.')[0].removesuffix('-ext')}*.LICENSE")), path.name
    assert (VENDOR / "icons" / "LICENSE").exists()
    assert "<path" in icon("inbox") and "script" not in icon("inbox")


def _messages() -> dict[str, set[Any]]:
    """Module → the msgids of its code and templates; `shell` has what belongs to no module."""
    modules = {path.stem for path in ADMIN_UI.glob("*.py")}
    found: dict[str, set[Any]] = {}
    for name, _, message, _, _ in extract_from_dir(
        str(ADMIN_UI), METHODS, options_map=OPTIONS, keywords=KEYWORDS, strip_comment_tags=True
    ):
        parts = Path(name).parts
        module = parts[1] if parts[0] == "templates" and len(parts) > 2 else Path(parts[0]).stem
        pages = (ADMIN_UI / "templates" / module).is_dir() and module in modules
        found.setdefault(module if pages else "shell", set()).add(message)
    return found


def _of_settings() -> dict[str, set[Any]]:
    """Plugin of ours → what its form says of its settings; of others it is shown as its maker wrote it."""
    found: dict[str, set[Any]] = {"tenant": set(_said_of(leaves(fields_of(TenantConfig))))}
    for entry in entry_points(group="frontdesk.plugins"):
        if entry.value.startswith("frontdesk."):
            found[entry.name] = set(_said_of(leaves(fields_of(entry.load().settings_class()))))
    return found


def _said_of(fields: Iterable[Field]) -> Iterator[str]:
    for field in fields:
        options = map(label_of, field.options) if field.kind == "choice" else ()
        yield from filter(None, (field.label, field.help, *options))
        yield from _said_of((*field.fields, *((field.item,) if field.item else ())))


async def test_every_sentence_is_there_in_vietnamese() -> None:
    known: dict[Any, Any] = {}
    for path in sorted((ADMIN_UI / "locale" / "vi").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="vi"):
                assert not message.fuzzy, (path.name, message.id)
                if message.id:
                    # The catalogues are one: which of two words would be shown is chance.
                    assert known.get(message.id, message.string) == message.string, (path.name, message.id)
                    known[message.id] = message.string
    for module, messages in (_messages() | {"plugin_settings": set().union(*_of_settings().values())}).items():
        missing = []
        for message in messages:
            ids = (message,) if isinstance(message, str) else tuple(message)
            text = known.get(message if isinstance(message, str) else ids)
            texts = (text,) if isinstance(text, str) else tuple(text or ())
            holes = {hole for id in ids for hole in re.findall(r"%\((\w+)\)", id)}
            if not texts or not all(texts) or any(set(re.findall(r"%\((\w+)\)", t)) - holes for t in texts):
                missing.append(message)
        assert not missing, f"admin_ui/locale/vi/{module}.po"
