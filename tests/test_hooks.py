"""Every hook is called by the core with what its specification promises, and docs/reference/hooks.md tells exactly that."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from frontdesk import (
    ApprovedTemplate,
    Channel,
    Fetched,
    Finding,
    Found,
    Inbound,
    Listed,
    MaybeSent,
    Media,
    ModelReply,
    Pushed,
    Refused,
    StatusUpdate,
    ToolCall,
    current_plugin,
    hookimpl,
)
from frontdesk.hookspecs import SYNC_HOOKS, Hooks
from frontdesk.services.doctor import examine
from frontdesk.services.exporting import export
from frontdesk.services.prompts import preview
from frontdesk.services.templates import TemplateDesk
from frontdesk.store.collections import CONTACTS, CONVERSATIONS
from frontdesk.testing.audio import voice_note
from frontdesk.turn import engine

HOOKS = {name: spec for name, spec in vars(Hooks).items() if not name.startswith("_")}
PAGE = (Path(__file__).parents[1] / "docs/reference/hooks.md").read_text("utf-8")


class Listener(Channel):
    """A channel that implements every hook and keeps what each was called with."""

    push_after = 1.0
    voice_types = ("audio/ogg",)

    heard: ClassVar[dict[str, dict[str, Any]]] = {}
    on_send: ClassVar[Exception | None] = None
    answers: ClassVar[dict[str, Any]] = {
        "parse_status": (StatusUpdate(provider_id="p1", state="delivered"),),
        "fetch_media": Fetched(content_type="audio/ogg", content=voice_note()),
        "transcribe": "xin chào",
        "check_health": {"ok": True},
        "list_templates": (ApprovedTemplate(id="HX1", name="reminder", text="Hello {{1}}"),),
        "diagnose": (Finding(level="warning", what="so", cure="change it", fix="it"),),
    }

    def answer(self, name: str, arguments: dict[str, Any]) -> Any:
        self.heard.setdefault(name, arguments)
        match name:
            case "parse_webhook":
                return (self.inbound(arguments["request"].body.decode()),)
            case "send":
                if self.on_send is not None:
                    raise self.on_send
                return f"provider-{arguments['message'].id}"
            case "find_sent":
                return (Found(provider_id="p1", at=arguments["since"], matches=True),)
            case "list_messages":
                at = arguments["since"]
                address = {"external_id": "l:lan", "address": "l:desk"}
                return (Listed(provider_id="missed", direction="inbound", at=at, **address),)
            case "recover_message":
                return self.inbound(arguments["listed"].provider_id)
            case "push_contact" | "push_deal" | "push_activity":
                return tuple(Pushed(id=each.id) for (given,) in [arguments.values()] for each in given)
            case "think":
                return self.thought(arguments["request"].messages)
        return self.answers.get(name)

    def inbound(self, text: str) -> Inbound:
        media = (Media(content_type="audio/ogg", url="https://vendor.example/1"),) if text == "voice" else ()
        kind = "voice" if media else "button" if text.startswith("listener:") else "text"
        spoken = "" if media else text
        who, *also = text.split(" is ") if " is " in text else ("l:lan",)
        return Inbound(
            provider_id=text,
            external_id=who,
            address="l:desk",
            kind=kind,
            text=spoken,
            media=media,
            data={"payload": text} if kind == "button" else {},
            also=tuple(also),
        )

    def thought(self, messages: Any) -> ModelReply:
        if messages[-1].text == "a person, please":
            calls = (ToolCall(id="1", name="call_a_person", arguments={"reason": "asked for one"}),)
            return ModelReply(text="Somebody will come.", tool_calls=calls)
        return ModelReply(text="Hello.")

    @classmethod
    @hookimpl
    def routes(cls, blueprint: Any) -> None:
        cls.heard["routes"] = {"blueprint": blueprint}

        @blueprint.get("/")
        async def page() -> str:
            return f"{current_plugin().name} of {current_plugin().tenant.id}"


def _implement(name: str, spec: Any) -> None:
    """An implementation with exactly the hook's arguments."""
    names = [parameter for parameter in inspect.signature(spec).parameters if parameter != "self"]
    made: dict[str, Any] = {}
    given = ", ".join(f"{each!r}: {each}" for each in names)
    source = f"async def {name}(self, {', '.join(names)}): return self.answer({name!r}, {{{given}}})"
    exec(source, made)
    made[name].__qualname__ = f"Listener.{name}"  # by the dot pluggy tells a method
    setattr(Listener, name, hookimpl(made[name]))


for _name, _spec in HOOKS.items():
    if _name not in SYNC_HOOKS:
        _implement(_name, _spec)


@pytest.fixture(autouse=True)
def nothing_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Listener, "heard", {})


async def post(server: Any, path: str, body: bytes) -> int:
    """What the server answers, as a provider sees it."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    headers = [(b"content-length", str(len(body)).encode())]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    await server.server(scope, receive, send)
    return int(sent[0]["status"])


async def message(desk: Any, text: str) -> None:
    assert await post(desk, "/webhooks/listener/clinic", text.encode()) == 204


async def send_fails(desk: Any, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Listener, "on_send", error)
    await message(desk, "hello")


async def takes_a_moment(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "TYPING_AFTER", 0.0)
    await message(desk, "hello")


async def schedule(desk: Any) -> None:
    await (await desk.plugin("listener")).tasks.schedule("remind", "1", desk.clock.now(), {"of": "a visit"})


async def two_names(desk: Any) -> None:
    await message(desk, "hello")
    await message(desk, "l:user is l:nobody")
    await message(desk, "l:lan is l:user")


async def look_back(desk: Any) -> None:
    await desk.server.catch_up.look("clinic", desk.clock.now())


async def look_at_all(desk: Any) -> None:
    async with desk.server.runtimes.use("clinic") as runtime:
        ((plugin, finding),) = await examine(runtime)
        await runtime.ask("repair", plugin, fix=finding.fix)


async def look_at_page(desk: Any) -> None:
    page = await desk.server.quart.test_client().get("/plugins/listener/clinic/")
    assert await page.get_data(as_text=True) == "listener of clinic"


async def look_at_prompt(desk: Any) -> None:
    await message(desk, "hello")
    conversation = await the_conversation(desk)
    await preview(await desk.server.runtimes.get("clinic"), desk.server.store, conversation)


async def export_it(desk: Any) -> None:
    await message(desk, "hello")
    conversation = await the_conversation(desk)
    async with desk.server.runtimes.use("clinic") as runtime:
        await export(runtime, desk.server.store, conversation)


async def erase_it(desk: Any) -> None:
    await message(desk, "hello")
    await desk.quiet()
    await desk.server.erasing.begin("clinic", (await the_conversation(desk)).id)


async def look_at_templates(desk: Any) -> None:
    await message(desk, "hello")
    await TemplateDesk(desk.server.runtimes, desk.clock).known("clinic", "listener")


async def look_at_cards(desk: Any) -> None:
    await message(desk, "hello")
    await desk.server.office.cards.of("clinic", await the_conversation(desk), "vi")
    await desk.server.office.cards.panel("clinic", "listener", "vi")


async def the_conversation(desk: Any) -> Any:
    who = desk.server.people.id_of("clinic", "listener", "l:lan")
    return await desk.repository().get(CONVERSATIONS, who)


HOW = {
    "parse_webhook": lambda desk, _: message(desk, "hello"),
    "parse_status": lambda desk, _: post(desk, "/webhooks/listener/clinic/status/m1", b"delivered"),
    "fetch_media": lambda desk, _: message(desk, "voice"),
    "show_typing": takes_a_moment,
    "send": lambda desk, _: message(desk, "hello"),
    "find_sent": lambda desk, patch: send_fails(desk, MaybeSent("the line dropped"), patch),
    "list_messages": lambda desk, _: look_back(desk),
    "recover_message": lambda desk, _: look_back(desk),
    "erase_message": lambda desk, _: erase_it(desk),
    "list_templates": lambda desk, _: look_at_templates(desk),
    "transcribe": lambda desk, _: message(desk, "voice"),
    "synthesize": lambda desk, _: message(desk, "voice"),
    "prompt_section": lambda desk, _: message(desk, "hello"),
    "think": lambda desk, _: message(desk, "hello"),
    "answer_choice": lambda desk, _: message(desk, "listener:yes"),
    "preview": lambda desk, _: look_at_prompt(desk),
    "on_message": lambda desk, _: message(desk, "hello"),
    "on_turn_committed": lambda desk, _: message(desk, "hello"),
    "on_message_failed": lambda desk, patch: send_fails(desk, Refused("no such number"), patch),
    "on_handoff": lambda desk, _: message(desk, "a person, please"),
    "on_contact_merged": lambda desk, _: two_names(desk),
    "on_lead_changed": lambda desk, _: records(desk),
    "on_appointment_changed": lambda desk, _: records(desk),
    "alert_operator": lambda desk, _: message(desk, "a person, please"),
    "push_contact": lambda desk, _: message(desk, "hello"),
    "push_deal": lambda desk, _: records(desk),
    "push_activity": lambda desk, _: message(desk, "hello"),
    "export_contact": lambda desk, _: export_it(desk),
    "erase_contact": lambda desk, _: erase_it(desk),
    "run_task": lambda desk, _: schedule(desk),
    "routes": lambda desk, _: look_at_page(desk),
    "admin_panel": lambda desk, _: look_at_cards(desk),
    "contact_card": lambda desk, _: look_at_cards(desk),
    "start": lambda desk, _: message(desk, "hello"),
    "diagnose": lambda desk, _: look_at_all(desk),
    "repair": lambda desk, _: look_at_all(desk),
    "check_health": lambda desk, _: message(desk, "hello"),
}
"""Hook → what makes the core call it; `stop` is called when the desk closes."""


@pytest.mark.parametrize("hook", HOOKS)
async def test_the_core_calls_it_with_all_its_arguments(desk, monkeypatch, hook):
    assert hook == "stop" or hook in HOW, f"a new hook: write into HOW what makes the core call {hook}"
    async with desk(plugins={"listener": Listener}, tenants={"clinic": {"plugins": ["listener"]}}) as server:
        if hook == "stop":
            await message(server, "hello")
        else:
            await HOW[hook](server, monkeypatch)

            async def heard() -> bool:
                return hook in Listener.heard

            await server.until(f"{hook} is called", heard)
    given = Listener.heard[hook]
    promised = {name: p.annotation for name, p in inspect.signature(HOOKS[hook]).parameters.items() if name != "self"}
    assert set(given) == set(promised)
    for name, value in given.items():
        assert type(value).__name__ in re.findall(r"\w+", promised[name]), f"{name} is {value!r}"


async def records(server: Any) -> None:
    await message(server, "hello")
    (contact,) = await server.repository().find(CONTACTS, {})
    core, now = server.server, server.server.store.now()
    await core.leads.change("clinic", contact.id, key="1", by="plugin:x", temperature="hot")
    await core.appointments.book(
        "clinic", contact.id, key="1", by="bot", starts_at=now, ends_at=now + timedelta(hours=1), zone="Europe/London"
    )


def signature(name: str) -> str:
    """As the page's heading has it: `async NAME(argument: Type) -> Type`."""
    found = inspect.signature(HOOKS[name])
    arguments = ", ".join(f"{p.name}: {p.annotation}" for p in found.parameters.values() if p.name != "self")
    return f"{'' if name in SYNC_HOOKS else 'async '}{name}({arguments}) -> {found.return_annotation}"


def section(name: str) -> str:
    found = re.search(rf"^### `(?:async )?{name}\(.*?`\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/reference/hooks.md has no heading for {name}; it would be: ### `{signature(name)}`"
    return found[1]


def test_the_page_has_every_hook_with_its_exact_signature_and_no_other_in_the_order_of_the_code():
    assert re.findall(r"^### `(.*)`$", PAGE, re.MULTILINE) == [signature(name) for name in HOOKS]


@pytest.mark.parametrize("hook", HOOKS)
def test_the_page_tells_what_each_argument_is(hook):
    for name in inspect.signature(HOOKS[hook]).parameters:
        if name != "self":
            assert re.search(rf"^- (?:`\w+`, )*`{name}`", section(hook), re.MULTILINE), (
                f"{hook}: {name} is not described"
            )


@pytest.mark.parametrize("hook", HOOKS)
def test_first_hooks_are_called_first_hooks(hook):
    is_first = HOOKS[hook].frontdesk_spec["firstresult"]
    assert HOOKS[hook].__doc__.startswith("First: ") == is_first
    assert section(hook).strip().startswith("First: ") == is_first
