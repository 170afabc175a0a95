"""What went wrong, grouped by cause with its cure; and the tasks that wait for their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quart import Response, abort, request

from frontdesk.services.failures import Done, may_be_cancelled
from frontdesk.services.office import Office

from .gate import Pages
from .language import _, _n, mark

SHOWN = 50
"""Cases of a cause on the page."""
KINDS: Mapping[str, tuple[str, str]] = {
    "turn": ("bot", mark("The bot could not answer")),
    "message": ("circle-help", mark("May have been sent")),
    "undelivered": ("circle-x", mark("Did not arrive")),
    "sent twice": ("copy", mark("Sent twice")),
    "task": ("timer", mark("Task failed")),
    "sync": ("refresh-cw", mark("Not passed on")),
}
"""Kind → (icon, its name)."""
CURES: Mapping[str, str] = {
    "explained": "",
    "credentials": mark("The credentials are refused. Enter new ones in the plugin's settings, then replay."),
    "switched_off": mark(
        "The plugin failed several times in a row and rests. See its state under Settings; replay once it answers again."
    ),
    "quarantined": mark(
        "The plugin blocked the server and is not started any more. Have it mended, then release it on the server."
    ),
    "slow": mark("It took too long. Replay it now; if that happens often, choose a faster model or a longer deadline."),
    "crashed": mark("The server stopped in the middle of it, several times. Look into the log before you replay."),
    "plugin_code": mark("A plugin has a defect. Give its developer this sentence; replay once it is mended."),
    "may_have_been_sent": mark(
        "The provider did not say whether it took the message. Look at the conversation: replay it if it is missing, "
        "else dismiss it."
    ),
    "sent_twice": mark(
        "The contact may have got it twice. There is nothing to mend: apologise if it matters, and dismiss."
    ),
    "too_late": mark("Its time had passed before it could go. Write to the contact if it still matters, and dismiss."),
    "refused": mark("The provider refused it for good. Write again in the conversation, or dismiss."),
    "model": mark("No model gave an answer. Check the model plugins under Settings, then replay, or answer yourself."),
    "task": mark("The plugin could not do it. Mend what the sentence names, then retry."),
    "sync": mark(
        "The other system did not take it. Mend what the sentence names, then retry; what changes meanwhile goes along."
    ),
    "other": mark("Nothing says why. Look into the log of this time."),
}
"""Cure → what to do, as a msgid; empty: the cause's own sentence says it."""
HEADS: Mapping[str, str] = {
    "credentials": mark("The credentials are refused"),
    "switched_off": mark("A plugin rests after failing several times"),
    "quarantined": mark("A plugin blocked the server"),
    "slow": mark("It took too long"),
    "crashed": mark("The server stopped in the middle of it"),
    "plugin_code": mark("A plugin has a defect"),
    "may_have_been_sent": mark("The provider did not say whether it took the message"),
    "sent_twice": mark("The contact may have got it twice"),
    "too_late": mark("Its time had passed"),
    "refused": mark("The provider refused it"),
    "model": mark("No model gave an answer"),
    "task": mark("A plugin could not do its task"),
    "other": mark("No reason is known"),
}
"""Cure → what happened, for who does not read the language of the cause's own sentence (English), which is below it."""


def add(pages: Pages, office: Office) -> None:
    """The page of failures, that of due tasks, and what one can do on them."""
    desk = office.failures

    def tenant() -> str:
        return pages.here().business.id

    @pages.tenant_page("/failures", role="viewer")
    async def failures_page() -> Response:
        found = await desk.causes(tenant(), pages.here().language)
        return await pages.render(
            "failures/causes.html", found=found, kinds=KINDS, cures=CURES, heads=HEADS, shown=SHOWN
        )

    @pages.tenant_page("/failures/one", role="agent", methods=["POST"])
    async def failures_one() -> Response:
        form = await request.form
        return await act(form.get("do", ""), [form.get("id", "")])

    @pages.tenant_page("/failures/all", role="manager", methods=["POST"])
    async def failures_all() -> Response:
        form = await request.form
        do = form.get("do", "")
        return await act(do, await desk.of_cause(tenant(), form.get("cause", ""), do))

    async def act(do: str, ids: Sequence[str]) -> Response:
        doing = {"replay": desk.replay, "dismiss": desk.dismiss, "retry": desk.retry}.get(do)
        if doing is None:
            abort(400, _("Choose what is to be done."))
        done = await doing(tenant(), pages.here().me, ids)
        return pages.go("failures_page", tenant=tenant(), said=in_words(do, done))

    @pages.tenant_page("/failures/due", role="viewer")
    async def failures_due() -> Response:
        after = request.args.get("after", "")
        tasks = await desk.due(tenant(), after)
        more = tasks[-1].id if tasks and await desk.due(tenant(), tasks[-1].id, 1) else ""
        return await pages.render("failures/due.html", tasks=tasks, more=more, after=after, may_cancel=may_be_cancelled)

    @pages.tenant_page("/failures/due/cancel", role="agent", methods=["POST"])
    async def failures_cancel() -> Response:
        happened = await desk.cancel(tenant(), pages.here().me, (await request.form).get("id", ""))
        said = _("The task is cancelled.") if happened else _("It is not due any more. Nothing was changed.")
        return pages.go("failures_due", tenant=tenant(), said=said)


def in_words(do: str, done: Done) -> str:
    """What became of it, in a sentence or two."""
    told = []
    if done.done:
        words = {
            "replay": _n("%(num)s is replayed.", "%(num)s are replayed.", done.done),
            "dismiss": _n("%(num)s is dismissed.", "%(num)s are dismissed.", done.done),
            "retry": _n("%(num)s is done again.", "%(num)s are done again.", done.done),
        }
        told.append(words[do])
    if done.theirs:
        told.append(
            _n(
                "%(num)s was left alone: a person answers there.",
                "%(num)s were left alone: persons answer there.",
                len(done.theirs),
            )
        )
    return " ".join(told) or _("There was nothing left to do.")
