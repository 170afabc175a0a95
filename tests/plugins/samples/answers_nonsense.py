"""Bad: whatever it is asked, its answer is of the wrong kind. `hooks` says for which hooks; the others do their part."""

from __future__ import annotations

from typing import Any

from frontdesk import (
    ApprovedTemplate,
    Card,
    Channel,
    Fetched,
    Finding,
    Found,
    Inbound,
    Listed,
    ModelReply,
    Section,
    Settings,
    ToolCall,
    hookimpl,
)

GOOD: dict[str, Any] = {
    "parse_webhook": (Inbound(provider_id="m1", external_id="n:1", address="n:desk", text="hello"),),
    "parse_status": (),
    "fetch_media": Fetched(content_type="audio/ogg", content=b"OggS"),
    "send": "provider-1",
    "find_sent": (),
    "transcribe": "hello",
    "prompt_section": Section(name="n", text="n"),
    "think": ModelReply(text="From the plugin that answers nonsense."),
    "preview": {"prompt": "what would be sent"},
    "check_health": {"ok": True},
}
NONSENSE: dict[str, tuple[Any, ...]] = {
    "contact_card": ("a card", {"title": 17}, Card(title=17)),  # type: ignore[arg-type]
    "admin_panel": ("a panel", {"title": 17}, Card(title=17)),  # type: ignore[arg-type]
    "parse_webhook": (None, ("hello",), (Inbound(provider_id=None, external_id="n:1", address="n:desk"),)),  # type: ignore[arg-type]
    "parse_status": (None, "delivered", ({"state": "arrived"},)),
    "fetch_media": (None, b"OggS", Fetched(content_type=None, content="text")),  # type: ignore[arg-type]
    "send": (None, 17, ""),
    "find_sent": (None, ["SM1"], (Found(provider_id="SM1", at="yesterday", matches=True),)),  # type: ignore[arg-type]
    "list_messages": (
        None,
        ["SM1"],
        (Listed(provider_id="SM1", direction="up", external_id="l", address="a", at="now"),),
    ),  # type: ignore[arg-type]
    "recover_message": (None, "hello", Inbound(provider_id=None, external_id="l", address="a")),  # type: ignore[arg-type]
    "list_templates": (None, ["HX1"], (ApprovedTemplate(id="HX1", name="n", text=None),)),  # type: ignore[arg-type]
    "diagnose": (None, "all is well", (Finding(level="fine", what="all is well"),)),  # type: ignore[arg-type]
    "transcribe": (b"\xff", 17, ["hello"]),
    "prompt_section": ("a text", Section(name="n", text=None)),  # type: ignore[arg-type]
    "think": (
        "a text",
        ModelReply(text=None),  # type: ignore[arg-type]
        ModelReply(tool_calls=("book",)),  # type: ignore[arg-type]
        ModelReply(tool_calls=(ToolCall(id="1", name="book", arguments={"at": object()}),)),
        ModelReply(text="half a character: \ud83d"),
    ),
    "answer_choice": (17, b"\xff", ["yes"]),
    "synthesize": ("a text", b"OggS", 17),
    "push_contact": (None, "done", (17,)),
    "push_deal": (None, "done", (17,)),
    "push_activity": (None, "done", (17,)),
    "run_task": ("later", "tomorrow", [17]),
    "preview": ("a text", ["a list"], {"at": object()}),
    "export_contact": ("a text", ["a list"], {"at": object()}),
    "check_health": (None, True, "fine"),
}


class AnswersNonsenseSettings(Settings):
    hooks: tuple[str, ...] = ()
    """Which hooks answer nonsense."""
    variant: int = 0
    """Which nonsense."""


class AnswersNonsense(Channel):
    settings: AnswersNonsenseSettings

    def _answer(self, hook: str) -> Any:
        return NONSENSE[hook][self.settings.variant] if hook in self.settings.hooks else GOOD[hook]

    @hookimpl
    async def parse_webhook(self) -> Any:
        return self._answer("parse_webhook")

    @hookimpl
    async def parse_status(self) -> Any:
        return self._answer("parse_status")

    @hookimpl
    async def fetch_media(self) -> Any:
        return self._answer("fetch_media")

    @hookimpl
    async def send(self) -> Any:
        return self._answer("send")

    @hookimpl
    async def find_sent(self) -> Any:
        return self._answer("find_sent")

    @hookimpl
    async def transcribe(self) -> Any:
        return self._answer("transcribe")

    @hookimpl
    async def prompt_section(self) -> Any:
        return self._answer("prompt_section")

    @hookimpl
    async def think(self) -> Any:
        return self._answer("think")

    @hookimpl
    async def preview(self) -> Any:
        return self._answer("preview")

    @hookimpl
    async def check_health(self) -> Any:
        return self._answer("check_health")
