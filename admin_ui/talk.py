"""A conversation: the thread, what is written, who answers, and who is met (inbox.py has the list beside it)."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, cast

from babel import Locale, UnknownLocaleError
from quart import Response, abort, make_response, request, stream_with_context, url_for

from frontdesk.services.conversation_desk import ConversationDesk, KeyReused, NoSuchTemplate, TakenByAnother
from frontdesk.services.memory import NotChanged
from frontdesk.services.office import Office
from frontdesk.services.ownership import NotYours, UnknownConversation
from frontdesk.services.shapes import OPERATOR, Appointment, Conversation
from frontdesk.services.templates import NotFilled, placeholders
from frontdesk.services.threads import BadCursor, Page
from frontdesk.services.uploads import MAX_BYTES, NotSendable

from .bubbles import bubble, kind_name, snippet, speaks
from .gate import Pages
from .inbox import listed
from .language import _, current
from .talk_file import sent_file
from .talk_live import Live

BASE = "/inbox/<conversation>"
REFUSED = 409
"""What was asked for cannot be done as things stand; htmx shows the sentence that comes with it."""


class Talk:
    """The parts of a conversation's page, for views of it and of the inbox around it."""

    def __init__(self, pages: Pages, office: Office) -> None:
        self._pages = pages
        self.desk: ConversationDesk = office.talk
        self.office = office

    async def found(self, id: str) -> Conversation:
        """The conversation of this request's tenant; 404 if there is none."""
        conversation = await self.desk.threads.conversation(self._pages.here().business.id, id)
        if conversation is None:
            abort(404)
        return conversation

    async def whole(self, id: str) -> dict[str, Any]:
        """What `talk/_conversation.html` and `talk/_contact.html` need. 404 if there is no such conversation."""
        here, conversation = self._pages.here(), await self.found(id)
        tenant = here.business.id
        page = await self.desk.threads.page(tenant, conversation)
        return {
            **await self.standing(conversation),
            **await self.thread(conversation, page),
            "brief": await self.desk.brief(tenant, conversation),
            "lead": await self.office.leads.get(tenant, conversation.contact),
            "appointment": await self._appointment(tenant, conversation.contact),
            "identities": await self.desk.identities(tenant, conversation),
            "key": uuid.uuid4().hex,
            "max_bytes": MAX_BYTES,
        }

    async def _appointment(self, tenant: str, contact: str) -> Appointment | None:
        """The next one, else the one that was last."""
        found, now = await self.office.appointments.of(tenant, contact, limit=20), self.office.now()
        coming = [each for each in found if each.state == "booked" and each.ends_at > now]
        return coming[-1] if coming else next(iter(found), None)

    async def standing(self, conversation: Conversation) -> dict[str, Any]:
        """Who answers next, who looks, and the contact."""
        here = self._pages.here()
        tenant = here.business.id
        stands = await self.desk.standing(tenant, conversation)
        name = here.me.name
        onlookers = await self.desk.onlookers.at(tenant, conversation.id, but=name)
        authors = (memory.author.removeprefix(OPERATOR) for memory in stands.contact.memories)
        await self.desk.people.learn((stands.owner, *(seen.name for seen in onlookers), *authors))
        return {
            "stands": stands,
            "contact": stands.contact,
            "conversation": conversation,
            "mine": stands.is_of(name),
            "me": name,
            "may_write": here.may("agent"),
            "onlookers": onlookers,
            "speaker": self.speaker,
            "name_of": self.desk.people.of,
            "snippet": snippet,
            "kind_name": kind_name,
            "placeholders": placeholders,
            "language_name": language_name,
        }

    def speaker(self, author: str) -> str:
        """What people call an author whose name has been learnt."""
        return speaks(author, self.desk.people.of)

    async def thread(self, conversation: Conversation, page: Page) -> dict[str, Any]:
        """The entries of a page."""
        tenant = self._pages.here().business.id
        await self.desk.people.learn(_operators(page))
        channel = self.desk.channel_of(tenant, conversation.channel)

        def shown(entry: Any) -> Any:
            return bubble(entry, tenant, conversation.id, channel, self.speaker)

        return {"page": page, "bubble": shown, "conversation": conversation}


def _operators(page: Page) -> Iterator[str]:
    """The names of those who are to be called something."""
    for entry in page.entries:
        for author in (
            entry.message and entry.message.author,
            entry.answers and entry.answers.author,
            entry.note and entry.note.author,
            entry.passing and entry.passing.owner,
            entry.passing and entry.passing.by,
        ):
            if author and author.startswith(OPERATOR):
                yield author.removeprefix(OPERATOR)


def language_name(code: str) -> str:
    """A language (BCP 47) in the operator's words."""
    try:
        return Locale.parse(code, sep="-").get_display_name(current()) or code
    except (ValueError, UnknownLocaleError):
        return code


def add(pages: Pages, office: Office) -> None:
    """The views of one conversation."""
    talk = Talk(pages, office)
    _add_reading(pages, talk)
    _add_writing(pages, talk)
    _add_acts(pages, talk)


def _add_reading(pages: Pages, talk: Talk) -> None:
    @pages.tenant_page(f"{BASE}", role="viewer")
    async def inbox_conversation(conversation: str) -> Response:
        found = await talk.found(conversation)
        if found.id != conversation:
            return pages.go("inbox_conversation", tenant=pages.here().business.id, conversation=found.id)
        values = await talk.whole(conversation)
        if request.headers.get("HX-Target") == "conversation":
            # A row of the list was chosen: the list stays as it is.
            return await pages.render("talk/_opened.html", **values)
        beside = await listed(pages, talk.office, open_id=found.id, pane="conversation")
        return await pages.render("talk/page.html", **{**beside, **values})

    @pages.tenant_page(f"{BASE}/older", role="viewer")
    async def talk_older(conversation: str) -> Response:
        found, before = await talk.found(conversation), request.args.get("before", "")
        try:
            page = await talk.desk.threads.page(pages.here().business.id, found, before=before)
        except BadCursor:
            abort(404)
        return await pages.render(
            "talk/_thread.html", **{**await talk.standing(found), **await talk.thread(found, page)}
        )

    @pages.tenant_page(f"{BASE}/cards", role="viewer")
    async def talk_cards(conversation: str) -> Response:
        """What plugins show of the contact. They may take seconds, for which the page does not wait."""
        here, found = pages.here(), await talk.found(conversation)
        cards = await talk.office.cards.of(here.business.id, found, here.language)
        return await pages.render("talk/_cards.html", cards=cards)

    @pages.tenant_page(f"{BASE}/live", role="viewer")
    async def talk_live(conversation: str) -> Response:
        found = await talk.found(conversation)
        live = Live(pages, talk.office, talk, found.id)
        stream: AsyncIterator[bytes] = stream_with_context(live.stream)()
        response = cast(Response, await make_response(stream))
        response.timeout = None
        response.content_type = "text/event-stream; charset=utf-8"
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"
        return response

    @pages.tenant_page(f"{BASE}/files/<message>/<int:no>", role="viewer")
    async def talk_file(conversation: str, message: str, no: int) -> Response:
        tenant, found = pages.here().business.id, await talk.found(conversation)
        of = await talk.desk.threads.message(tenant, found, message)
        if of is None or not no < len(of.media) or not of.media[no].key:
            abort(404)
        return await sent_file(talk.desk.media, tenant, of, no)


def _add_writing(pages: Pages, talk: Talk) -> None:
    async def answered(conversation: str, work: Callable[[Any], Awaitable[Any]], said: str = "") -> Response:
        return await _answered(pages, talk, conversation, work, said)

    @pages.tenant_page(f"{BASE}/write", role="agent", methods=["POST"])
    async def talk_write(conversation: str) -> Response:
        who, tenant, form, files = pages.here().me, pages.here().business.id, await request.form, await request.files
        text, key, file = form.get("text", ""), form.get("key", "") or uuid.uuid4().hex, files.get("file")

        async def work(desk: ConversationDesk) -> None:
            if form.get("as") == "note":
                await desk.note(who, tenant, conversation, text, key=key)
            elif file is not None and file.filename:
                content = file.read(MAX_BYTES + 1)
                await desk.send_file(who, tenant, conversation, content, file.filename, text, key=key)
            else:
                await desk.write(who, tenant, conversation, text, key=key)

        return await answered(conversation, work)

    @pages.tenant_page(f"{BASE}/template", role="agent", methods=["POST"])
    async def talk_template(conversation: str) -> Response:
        who, tenant, form = pages.here().me, pages.here().business.id, await request.form
        values = {name.removeprefix("value."): value for name, value in form.items() if name.startswith("value.")}
        key = form.get("key", "") or uuid.uuid4().hex

        async def work(desk: ConversationDesk) -> None:
            await desk.send_template(who, tenant, conversation, form.get("template", ""), values, key=key)

        return await answered(conversation, work, _("The template is on its way"))

    @pages.tenant_page(f"{BASE}/writing", role="agent", methods=["POST"])
    async def talk_writing(conversation: str) -> Response:
        here, found = pages.here(), await talk.found(conversation)
        await talk.desk.onlookers.look(here.business.id, found.id, here.me.name, writing=True)
        talk.desk.changes.announce(here.business.id, found.id)
        return Response("", 204)


def _add_acts(pages: Pages, talk: Talk) -> None:
    async def answered(conversation: str, work: Callable[[Any], Awaitable[Any]], said: str = "") -> Response:
        return await _answered(pages, talk, conversation, work, said)

    @pages.tenant_page(f"{BASE}/take", role="agent", methods=["POST"])
    async def talk_take(conversation: str) -> Response:
        who, tenant, sure = pages.here().me, pages.here().business.id, (await request.form).get("from_another") == "yes"
        return await answered(
            conversation, lambda desk: desk.take(who, tenant, conversation, from_another=sure), _("You answer now")
        )

    @pages.tenant_page(f"{BASE}/give-back", role="agent", methods=["POST"])
    async def talk_give_back(conversation: str) -> Response:
        who, tenant, sure = pages.here().me, pages.here().business.id, (await request.form).get("from_another") == "yes"
        return await answered(
            conversation,
            lambda desk: desk.give_back(who, tenant, conversation, from_another=sure),
            _("The bot answers again"),
        )

    @pages.tenant_page(f"{BASE}/replay", role="agent", methods=["POST"])
    async def talk_replay(conversation: str) -> Response:
        who, tenant, id = pages.here().me, pages.here().business.id, (await request.form).get("id", "")
        return await answered(
            conversation, lambda desk: desk.replay(who, tenant, conversation, id), _("It is tried again")
        )

    @pages.tenant_page(f"{BASE}/dismiss", role="agent", methods=["POST"])
    async def talk_dismiss(conversation: str) -> Response:
        who, tenant, id = pages.here().me, pages.here().business.id, (await request.form).get("id", "")
        return await answered(
            conversation, lambda desk: desk.dismiss(who, tenant, conversation, id), _("Left as it is")
        )

    @pages.tenant_page(f"{BASE}/memories/<int:no>", role="agent", methods=["POST"])
    async def talk_memory(conversation: str, no: int) -> Response:
        who, tenant, form = pages.here().me, pages.here().business.id, await request.form
        was = form.get("was", "")
        if form.get("do") == "forget":
            return await answered(
                conversation, lambda desk: desk.forget_memory(who, tenant, conversation, no, was=was), _("Forgotten")
            )
        return await answered(
            conversation,
            lambda desk: desk.correct_memory(who, tenant, conversation, no, form.get("text", ""), was=was),
            _("Corrected"),
        )


async def _answered(
    pages: Pages, talk: Talk, conversation: str, work: Callable[[ConversationDesk], Awaitable[Any]], said: str
) -> Response:
    """Do *work*; then the page anew, or for a script what became of it: nothing (204), or why not as a part (409)."""
    try:
        await work(talk.desk)
    except UnknownConversation:
        abort(404)
    except (NotYours, ValueError, NotChanged, OSError) as err:
        return await _refused(pages, talk, conversation, err)
    if "X-Talk" in request.headers:
        response = Response("", 204)
        return pages.saying(response, said) if said else response
    tenant = pages.here().business.id
    return pages.go_to(url_for("admin_ui.inbox_conversation", tenant=tenant, conversation=conversation), said=said)


async def _refused(pages: Pages, talk: Talk, conversation: str, error: Exception) -> Response:
    another = error.name if isinstance(error, TakenByAnother) else ""
    await talk.desk.people.learn([another])
    text = _in_words(error, talk.desk.people.of)
    if "X-Talk" in request.headers:
        return await pages.render(
            "talk/_refused.html", REFUSED, text=text, another=talk.desk.people.of(another), conversation_id=conversation
        )
    tenant = pages.here().business.id
    return pages.go_to(url_for("admin_ui.inbox_conversation", tenant=tenant, conversation=conversation), said=text)


def _in_words(error: Exception, name_of: Callable[[str], str]) -> str:
    """Why it was not done, and what would be right."""
    if isinstance(error, TakenByAnother):
        return _("%(name)s answers this conversation. Take it from them first.", name=name_of(error.name))
    if isinstance(error, NotYours):
        return _("Somebody else answers this conversation by now. Look who, and decide again.")
    if isinstance(error, KeyReused):
        return _("What you sent just before is on its way already. Send this as well, if it is still needed.")
    if isinstance(error, NotFilled):
        return _("Fill in every value of the template, each with at most 500 characters.")
    if isinstance(error, NoSuchTemplate):
        return _("This template is not offered any more. Choose another one.")
    if isinstance(error, NotSendable):
        return _("WhatsApp does not take this file: pictures, sound, films, PDF and Office files up to 16 MB are sent.")
    if isinstance(error, OSError):
        return _("The file could not be kept: the server's disk is full, or its store is away. Try again later.")
    if isinstance(error, NotChanged):
        return _("A memory is one sentence of at most 200 characters; or it is not there any more.")
    return _("There is nothing to send, or it is too long.")
