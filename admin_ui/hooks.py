"""`/t/TENANT/hooks`: the business's API tokens, and who is told of its events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from quart import Response, abort, request

from frontdesk.auth import Refused
from frontdesk.services.office import Office
from frontdesk.services.secrets import KeysMissing
from frontdesk.services.subscriptions import EVENTS, SubscriptionError, UnknownSubscription
from frontdesk.services.token_desk import LIFETIMES, SCOPES, SERVER, Scope, scope_of

from .gate import Pages
from .language import _, mark

SCOPE_WORDS = {
    "read": mark("Read: sees everything of this business"),
    "write": mark("Write: and answers contacts, works on failures, leads and appointments"),
    "manage": mark("Manage: and changes settings, secrets and webhooks, exports and erases contacts"),
}
EVENT_WORDS = {
    "message.received": mark("A contact wrote"),
    "message.sent": mark("A message of ours went out"),
    "message.failed": mark("A message of ours did not arrive"),
    "turn.committed": mark("The bot answered"),
    "handoff": mark("A person is needed"),
    "conversation.taken": mark("An operator took a conversation over"),
    "conversation.released": mark("The bot answers a conversation again"),
    "lead.changed": mark("A lead changed"),
    "appointment.changed": mark("An appointment changed"),
    "contact.merged": mark("Two contacts turned out to be one"),
    "contact.erased": mark("A contact was erased"),
}
Act = Callable[..., Awaitable[Response]]
SHOWN = 30
"""Deliveries on the page of a receiver."""


def add(pages: Pages, office: Office) -> None:
    """The page, and what is done on it."""
    tokens, hooks = office.tokens, office.subscriptions

    async def page(status: int = 200, **more: Any) -> Response:
        here = pages.here()
        return await pages.render(
            "hooks/hooks.html",
            status,
            tokens=await tokens.list(here.business.id),
            of_server=await tokens.list(SERVER) if here.me.admin else (),
            receivers=await hooks.list(here.business.id),
            events=EVENT_WORDS,
            scopes=[(scope, _(SCOPE_WORDS[scope])) for scope in SCOPES],
            scope_of=scope_of,
            days=LIFETIMES,
            **{"wrong": {}, "given": {}, **more},
        )

    @pages.tenant_page("/hooks", role="owner")
    async def hooks_page() -> Response:
        return await page()

    @pages.tenant_page("/hooks/tokens", role="owner", methods=["POST"])
    async def hooks_make_token() -> Response:
        here, form = pages.here(), await request.form
        scope, days = form.get("scope", ""), form.get("days", "")
        of_server = scope == "server"
        if of_server and not here.me.admin:
            abort(403)
        if (scope not in SCOPES and not of_server) or days not in map(str, LIFETIMES):
            abort(400)
        tenant = SERVER if of_server else here.business.id
        try:
            wanted = cast(Scope, "manage" if of_server else scope)
            token, text = await tokens.make(here.me, tenant, form.get("name", ""), wanted, int(days))
        except Refused:
            return await page(422, wrong={"name": _("Write what the token is for.")}, given=form)
        return await page(made_token=token, token_text=text)

    @pages.tenant_page("/hooks/tokens/<token>/end", role="owner", methods=["POST"])
    async def hooks_end_token(token: str) -> Response:
        here = pages.here()
        done = await tokens.end(here.me, here.business.id, token)
        if not done and not (here.me.admin and await tokens.end(here.me, SERVER, token)):
            abort(404)
        return pages.go("hooks_page", tenant=here.business.id, said=_("The token opens nothing any more."))

    @pages.tenant_page("/hooks/receivers", role="owner", methods=["POST"])
    async def hooks_make() -> Response:
        here, form = pages.here(), await request.form
        wanted = [each for each in form.getlist("events") if each in EVENTS]
        try:
            made = await hooks.make(
                here.business.id,
                here.me,
                form.get("url", "").strip(),
                wanted,
                description=form.get("description", "")[:200],
                content=bool(form.get("content")),
            )
        except (SubscriptionError, KeysMissing) as err:
            wrong = {"events": _("Choose at least one event.")} if not wanted else {"url": str(err)}
            return await page(422, wrong=wrong, given=form, chosen=wanted)
        return await page(made=made)

    @pages.tenant_page("/hooks/receivers/<id>", role="owner")
    async def hooks_receiver(id: str) -> Response:
        return await receiver(id)

    async def receiver(id: str, **more: Any) -> Response:
        tenant = pages.here().business.id
        try:
            found = await hooks.get(tenant, id)
        except UnknownSubscription:
            abort(404)
        log = await hooks.log(tenant, id, limit=SHOWN)
        return await pages.render("hooks/receiver.html", receiver=found, log=log, events=EVENT_WORDS, **more)

    def act(name: str, rule: str) -> Callable[[Act], Act]:
        """A POST on one receiver; who asks for one that is not there is told so."""

        def adder(do: Act) -> Act:
            async def view(id: str, **more: str) -> Response:
                here = pages.here()
                try:
                    return await do(here.business.id, here.me, id, **more)
                except UnknownSubscription:
                    abort(404)
                except (SubscriptionError, KeysMissing) as err:
                    abort(409, str(err))

            view.__name__ = name
            pages.tenant_page(f"/hooks/receivers/<id>{rule}", role="owner", methods=["POST"])(view)
            return do

        return adder

    @act("hooks_test", "/test")
    async def test(tenant: str, me: Any, id: str) -> Response:
        tried = await hooks.test(tenant, me, id)
        if 200 <= tried.status < 300:
            said = _("The receiver took the test in %(ms)s ms.", ms=tried.milliseconds)
        elif tried.status:
            said = _("The receiver answered %(status)s.", status=tried.status)
        else:
            said = _("The receiver did not answer: %(why)s", why=tried.said)
        return pages.go("hooks_receiver", tenant=tenant, id=id, said=said)

    @act("hooks_switch", "/switch")
    async def switch(tenant: str, me: Any, id: str) -> Response:
        on = (await request.form).get("on") == "1"
        await hooks.change(tenant, me, id, enabled=on)
        said = _("Events go there again.") if on else _("No events go there any more.")
        return pages.go("hooks_receiver", tenant=tenant, id=id, said=said)

    @act("hooks_renew", "/secret")
    async def renew(tenant: str, me: Any, id: str) -> Response:
        made = await hooks.new_secret(tenant, me, id)
        return await receiver(id, secret=made.secret)

    @act("hooks_delete", "/delete")
    async def delete(tenant: str, me: Any, id: str) -> Response:
        await hooks.delete(tenant, me, id)
        return pages.go("hooks_page", tenant=tenant, said=_("The receiver was deleted."))

    @act("hooks_send_again", "/deliveries/<delivery>/again")
    async def send_again(tenant: str, me: Any, id: str, delivery: str) -> Response:
        await hooks.send_again(tenant, me, id, delivery)
        return pages.go("hooks_receiver", tenant=tenant, id=id, said=_("It is sent again."))
