"""One attempt to send: the intent on disk, one call of the channel, what came of it on disk."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import structlog

from .. import alerts, blame, consent, dispatch
from ..budget.limits import NotBefore
from ..budget.service import Budgets
from ..channel import Outgoing
from ..choices import choices_of, numbered
from ..clock import Clock, milliseconds
from ..crashpoints import reached
from ..errors import NeedsAttention, PluginError, Refused, RetryLater
from ..leases import Held, LeaseLost
from ..media import MediaUrls
from ..model import Message, Route
from ..plugin import Channel
from ..runtime import Runtime
from ..store import Repository, Store, StoreError
from ..store.collections import MESSAGES
from . import gates, record
from .explained import explained
from .gates import Stop, Wait
from .pace import Pace
from .pair import PairPace, PairRate
from .policy import decide

log = structlog.get_logger(__name__)

RETRY_CAP = 300.0
"""The longest pause between two attempts (seconds); `useful_until` ends them."""
NOT_RUNNING_PAUSE = 10.0
"""When to look again at a channel plugin that is not running (seconds)."""
STORE_PAUSE = 0.2
"""Between two questions to a store that is away (seconds)."""
PATIENCE = 1.0
"""How long a message waits for its sender's rate under the lane's lease (seconds), where the lease allows it; for longer it
waits in `due`."""
MEDIA_SECONDS = 6 * 3600.0
"""How long a media URL works: longer than a message may wait in Twilio's queue (4 hours)."""


class Sender:
    """Sends the head of a lane."""

    def __init__(
        self,
        store: Store,
        budgets: Budgets,
        pace: Pace,
        urls: MediaUrls,
        public_url: str,
        clock: Clock,
        sent: record.Sent,
    ) -> None:
        self._sent = sent
        self._pace = pace
        self._store = store
        self._budgets = budgets
        self._urls = urls
        self._public_url = public_url
        self._clock = clock

    async def send(
        self, runtime: Runtime, repository: Repository, held: Held, message: Message, pair: PairPace
    ) -> datetime | None:
        """Try once. None: it is out of the way; else when to look again."""
        times = runtime.times
        route = _route(held)
        rate = PairRate.of(runtime, route.channel)
        later = pair.not_before(rate, self._store.now()) or await self._its_turn(runtime, route)
        if later is not None:
            return later if message.useful_until is None else min(later, message.useful_until)
        if held.seconds_left() < times.send_timeout:
            # The renewer is late (a busy loop, a store that was away): an attempt could outlive the lease.
            raise LeaseLost(held.conversation.id)
        window = window_of(runtime, route.channel)
        decision = decide(message, held.conversation, None, window, self._store.now())
        intended = await repository.update(
            MESSAGES,
            message,
            kind="template" if decision.verdict == "template" else message.kind,
            state="sending",
            intent_at=self._store.now(),
            attempts=message.attempts + 1,
            reconciled=0,
            route=route,
            settles_at=held.lease.until + timedelta(seconds=times.send_timeout),
        )
        if intended is None:
            return self._store.now()
        pair.went(rate, self._store.now())
        reached("outbox.intended")
        return await self._attempt(runtime, repository, held, intended)

    async def _attempt(self, runtime: Runtime, repository: Repository, held: Held, message: Message) -> datetime | None:
        tenant = runtime.tenant.id
        # The route that is on disk: the contact may have written on another channel since.
        channel = message.route.channel if message.route is not None else held.conversation.channel
        # Asked once more: waiting for the sender's rate and for the disk, a take-over may have come in between.
        match await self._closed(runtime, repository, held, message):
            case Stop(state, error):
                if await self._change(tenant, repository, message, if_epoch_stays=True, state=state, error=error):
                    return None
                # It was given back since, and is to be said after all (turn/unsaid.py): asked again from the start.
                return await self._put_back(tenant, repository, message, self._store.now())
            case Wait(until):
                return await self._put_back(tenant, repository, message, until)
        if held.lease.until <= self._store.now():
            raise LeaseLost(held.conversation.id)
        try:
            provider_id = await runtime.ask("send", channel, message=self.outgoing(runtime, held, message))
        except RetryLater as err:
            if err.slower:
                route = message.route or _route(held)
                await self._pace.slow_down(tenant, route.channel, route.address, err.after)
            return await self._later(tenant, repository, message, err.after, err.reason)
        except NeedsAttention as err:
            what = err.what
            if err.code and (plugin := runtime.plugins.get(channel)) is not None:
                what = explained(f"{err.code}: {what}", type(plugin), runtime.tenant.language)
            later = await self._later(tenant, repository, message, RETRY_CAP, f"{err.code}: {err.what}".strip(": "))
            log.error("channel_needs_attention", channel=channel, what=err.what)
            case = {"case": message.id, "conversation": message.conversation}
            await alerts.alert(runtime, repository, self._store, f"{channel} cannot send", what, **case)
            return later
        except Refused as err:
            if err.opted_out:
                await consent.refused(repository, held.conversation.contact, message, channel, err.code)
            await self._change(
                tenant, repository, message, state="failed", error=f"{err.code}: {err.reason}".strip(": ")
            )
            return None
        except dispatch.HookFailed as err:
            if not err.ran:
                return await self._later(tenant, repository, message, NOT_RUNNING_PAUSE, err.reason)
            return await self._ambiguous(runtime, repository, message, err)
        except PluginError as err:  # MaybeSent, or a kind the plugin made up: nobody can tell
            return await self._ambiguous(runtime, repository, message, err)
        reached("outbox.sent")
        await self.accepted(repository, tenant, message, provider_id, known=message)
        reached("outbox.accepted")
        return None

    async def accepted(
        self, repository: Repository, tenant: str, message: Message, provider_id: str, known: Message | None = None
    ) -> None:
        """Write that the provider has taken it. *known*: as it probably still is; saves a reading."""
        await record.learn(
            repository, self._store, tenant, message.id, provider_id, "accepted", known=known, sent=self._sent
        )

    async def _closed(
        self, runtime: Runtime, repository: Repository, held: Held, message: Message
    ) -> Stop | Wait | None:
        """Asked for as long as an attempt still fits into the lease: nothing was sent, and whoever came after us would
        have to find that out from the provider."""
        while True:
            try:
                window = window_of(runtime, message.route.channel if message.route else held.conversation.channel)
                return await gates.closed(repository, message, self._store.now(), window)
            except StoreError as err:
                if held.seconds_left() < runtime.times.send_timeout:
                    raise
                log.warning("store_away", reason=str(err), kind="lane")
                await self._clock.sleep(STORE_PAUSE)

    async def _later(
        self, tenant: str, repository: Repository, message: Message, after: float, reason: str
    ) -> datetime | None:
        """Back to the head of its lane: it was certainly not taken."""
        pause = max(after, min(RETRY_CAP, 2.0 ** min(message.attempts - 1, 10)))
        jitter = random.uniform(1.0, 1.2)  # noqa: S311  no secret
        at = milliseconds(self._store.now() + timedelta(seconds=pause * jitter))
        changed = await self._change(tenant, repository, message, state="queued", not_before=at, error=reason)
        return at if changed else None

    async def _ambiguous(
        self, runtime: Runtime, repository: Repository, message: Message, error: Exception
    ) -> datetime | None:
        """Stays `sending`: the provider is asked once whatever it took must show up in its list."""
        at = self._store.now() + timedelta(seconds=runtime.times.send_timeout)
        log.warning("send_ambiguous", message=message.id, reason=blame.in_words(error))
        changed = await self._change(runtime.tenant.id, repository, message, settles_at=at, error=str(error))
        return at if changed else None

    async def _put_back(
        self, tenant: str, repository: Repository, message: Message, until: datetime
    ) -> datetime | None:
        """No attempt was made, and none must count for the pause after a real one."""
        before: dict[str, Any] = {"attempts": message.attempts - 1, "not_before": until}
        put_back = await self._change(tenant, repository, message, state="queued", **before)
        return until if put_back else None

    async def _change(
        self, tenant: str, repository: Repository, message: Message, if_epoch_stays: bool = False, **changes: Any
    ) -> bool:
        """Write what came of this attempt, unless a callback or whoever came after us knows better (False).

        *if_epoch_stays*: nor if the message belongs to another owner_epoch by now than whoever decided on it has seen.
        """
        while (current := await repository.get(MESSAGES, message.id)) is not None:
            if current.state != "sending" or current.attempts != message.attempts or current.provider_id:
                return False
            if if_epoch_stays and current.owner_epoch != message.owner_epoch:
                return False
            if await record.change(repository, self._store, tenant, current, **changes):
                return True
        return False

    def outgoing(self, runtime: Runtime, held: Held, message: Message) -> Outgoing:
        """The message as the channel gets it, and got it in its last attempt."""
        route = message.route or _route(held)
        plugin = runtime.plugins.get(route.channel)
        shows_choices = isinstance(plugin, Channel) and plugin.shows_choices
        tenant, choices = runtime.tenant.id, choices_of(message.data)
        shown = shows_choices or not choices
        return Outgoing(
            id=message.id,
            external_id=route.external_id,
            address=route.address,
            kind=message.kind if shown else "text",
            text=message.text if shown else numbered(message.text, choices),
            media_urls=tuple(self._urls.make(tenant, item.key, MEDIA_SECONDS) for item in message.media),
            template=message.template if message.kind == "template" else None,
            data=message.data,
            callback_url=f"{self._public_url}/webhooks/{route.channel}/{tenant}/status/{message.id}",
        )

    async def _its_turn(self, runtime: Runtime, route: Route) -> datetime | None:
        """None: the sender's rate allows one more now, over all processes; else when to ask again."""
        plugin = runtime.plugins.get(route.channel)
        full = plugin.messages_per_second if isinstance(plugin, Channel) else Channel.messages_per_second
        rate = await self._pace.rate(runtime.tenant.id, route.channel, route.address, full)
        # So short that the lease still has time for the attempt, even if its renewal is late.
        patience = min(PATIENCE, (runtime.times.conversation_lease - runtime.times.send_timeout) / 4)
        key = f"send/{route.channel}/{route.address}"
        answer = await self._budgets.reserve(runtime.tenant.id, key, rate, patience=patience)
        return answer.at if isinstance(answer, NotBefore) else None


def window_of(runtime: Runtime, channel: str) -> timedelta | None:
    """How long after the contact's last message *channel* takes free-form messages; None: always."""
    plugin = runtime.plugins.get(channel)
    return plugin.service_window if isinstance(plugin, Channel) else None


def _route(held: Held) -> Route:
    conversation = held.conversation
    return Route(channel=conversation.channel, address=conversation.address, external_id=conversation.external_id)
