"""Joins everything: `create_server` makes a whole server from a tenants file; `Server` starts it and stops it in order."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import aiohttp
import structlog
from quart import Quart

from frontdesk.admin_ui import blueprint as admin_pages
from frontdesk.config import ConfigError, Remote, SecretUnavailable, TenantConfig, TenantsFile, use_vault

from . import crashpoints
from .budget.service import Budgets
from .changes import Changes
from .clock import Clock, system_clock
from .errors import StartupError
from .events.delivering import Deliveries
from .events.subscribers import Subscribers
from .forever import forever
from .inbox import Inbox
from .keys import signing_key
from .media import MediaUrls, open_media
from .model import Message
from .observe.backlog import Backlog
from .observe.metrics import Metrics
from .observe.plugins import PluginStates
from .observe.store import MeasuredStore
from .observe.traces import Traces
from .observe.webhooks import MeasuredWebhooks
from .outbox.lane import Lane
from .outbox.pace import Pace
from .outbox.reconcile import Reconciler
from .outbox.sending import Sender
from .outbox.status import StatusDesk
from .people import People
from .plugin import Services
from .quarantine import Quarantine
from .queue import open_queue
from .queue.near import keep_near
from .reading import Read, read_apart, read_beside
from .recent import Recent
from .registry import Registry
from .reload import Reloader
from .runtime import Runtime, Runtimes
from .services import for_plugins, instances
from .services.appointments import AppointmentDesk
from .services.blocking import BlockingCalls
from .services.catch_up import CatchUpDesk
from .services.erasing import EraseDesk
from .services.leads import LeadDesk
from .services.moving import check_whole
from .services.office import Office
from .services.overlay import Overlays
from .services.ownership import Ownership
from .services.parked import ParkedDesk
from .services.pushing import Pushing, both
from .services.pushing_line import PushLine
from .services.retention import RetentionDesk
from .services.secrets import SecretDesk
from .services.shared import SharedObjects
from .services.suspended import SuspendedDesk
from .services.task_runner import TaskRunner
from .sources import Source, source_of
from .store import Store
from .store.opening import open_store
from .tasks import Owner
from .tenants import Declared, read_tenants, refers_to
from .turn.engine import TurnEngine
from .vaults import Vaults, revealed
from .watchdog import Watchdog
from .web import health, media, metrics, plugin_routes
from .web.api import make_api
from .web.asgi import Receive, Scope, Send
from .web.proxies import Proxies
from .web.webhooks import PREFIX, Webhooks
from .worker import Worker

log = structlog.get_logger(__name__)

HOUSEKEEPING_EVERY = 30.0
AGE_EVERY = 10.0
"""Longer than a message settles: its turn finds the conversation as the inbox left it."""
OVERLAY_EVERY = 2.0
"""Seconds between two looks for what was changed over the file, by whichever process."""
SECRETS_EVERY = 5.0
"""Seconds between two looks for secrets that are due to be read again (vaults.py says how often that is)."""
BLOCKING_SECONDS = 2.0
"""How long a stop waits for blocking calls whose hooks have ended."""


class Server:
    """One process's part of a Frontdesk: an ASGI application, and the workers behind it."""

    def __init__(
        self, file: TenantsFile, declared: Declared, clock: Clock, *, source: Source, read: Read, bind: str = ""
    ) -> None:
        """*source*, *read*: where a reload finds the file, and how it reads it. *bind*: in place of the file's."""
        self.file = file
        self.config = file.server.bound_to(bind) if bind else file.server
        self.clock = clock
        self.declared = declared
        self.written = declared
        """What the file says, without what is stored over it."""
        self.suspended = Declared.nobody(declared.registry)
        self.registry = declared.registry
        times = self.config.times
        self.blocking = BlockingCalls()
        self.vaults = Vaults(clock, self.blocking, lambda tenant, name: self.secrets.read(tenant, name))
        use_vault(self.vaults)
        try:
            store = open_store(file.store_url(), clock)
            key = self.signing_key = signing_key(self.config.signing_key, file.data_dir)
            self._metrics_token = revealed(self.config.metrics.token, "metrics.token")
        except (SecretUnavailable, ValueError) as err:
            raise StartupError(f"{file.path}: server: {err}") from err
        self.metrics = Metrics(by_tenant=self.config.metrics.tenant_label)
        self.store: Store = MeasuredStore(store, self.metrics, clock)
        self.overlays = Overlays(self.store, file.anchor)
        self.suspensions = SuspendedDesk(self.store)
        self.secrets = SecretDesk(self.store, self.config.secret_keys)
        self.queue = keep_near(open_queue(self.config.queue, clock), clock)
        self.changes = Changes()
        self.subscribers = Subscribers(self.store, self.queue, clock)
        self.pushing = Pushing(self.store, self.queue, lambda: self.declared, clock)
        self.deliveries = Deliveries(self.store, self.secrets, self.subscribers, clock, self.config.webhooks)
        self.media = open_media(self.config.media.store, file.data_dir / "media", self.config.media.max_bytes)
        self.urls = MediaUrls(self.config.public_url, key, clock)
        self.shared = SharedObjects()
        self.quarantine = Quarantine(file.data_dir)
        self.runtimes = Runtimes(
            declared,
            self.registry,
            self.services_for,
            self.quarantine,
            clock,
            times,
            failed=self.metrics.hook_failed,
            prepare=self.vaults.prepare,
            core=both(self.subscribers.hook, self.pushing.hook),
        )
        PluginStates(self.runtimes, self.metrics)
        self._recent = Recent()
        self.people = People(key)
        self.inbox = Inbox(self.store, self.queue, self.people, self._recent, self.changes)
        self.pace = Pace(self.store)
        self.status = StatusDesk(self.store, self.queue, self.changes, self.pace, self._sent)
        self.ownership = Ownership(self.store, self.queue, self.runtimes, self.subscribers)
        self.catch_up = CatchUpDesk(
            self.store,
            lambda: (self.declared, self.suspended),
            self.runtimes,
            self.people,
            self.inbox,
            self.status,
            clock,
        )
        self.erasing = EraseDesk(self.store, self.runtimes, self.media, self.people, clock, self.subscribers)
        self.leads = LeadDesk(self.store, self.queue, lambda: self.runtimes)
        self.appointments = AppointmentDesk(self.store, self.queue, lambda: self.runtimes)
        self.parked = ParkedDesk(self.store, self.queue)
        self.retention = RetentionDesk(self.store, lambda: self.runtimes.declared, clock)
        self.instance = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._at_work_for_left: list[Runtime] = []
        """What was at work for tenants when they left the file."""
        self.presence = instances.Presence(self.store, clock, self.instance, lambda: self.declared, self._leaving)
        self.census = instances.Census()
        """Who shares the store just now."""
        self.budgets = Budgets(
            self.store, self.instance, lambda: self.census.processes, clock, dead=lambda: self.census.dead
        )
        endpoint = self.config.traces.endpoint
        self.traces = Traces(endpoint, self.instance) if endpoint is not None else None
        self._background = Owner("server")
        self.worker = self._make_worker()
        self.readiness = health.Readiness(self)
        self.watchdog = Watchdog(
            self.quarantine, warn_after=times.loop_warning, exit_after=times.loop_exit, late=self.metrics.loop_lag
        )
        self.http: aiohttp.ClientSession | None = None
        self._backlog = Backlog(self.store, lambda: self.runtimes.declared, self.clock, self.metrics)
        self._proxies = Proxies(self.config.trusted_proxies)
        self.reloader = Reloader(self, source, read, self.metrics)
        self.office = Office(self)
        self._api = make_api(self.office, clock, self.config)
        self.quart = self._make_quart()
        self._started_pages: Quart | None = None
        self._pages_turn = asyncio.Lock()
        self._webhooks = self._make_webhooks()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application: webhooks below Quart, everything else through it."""
        if scope["type"] != "lifespan":
            scope = self._proxies.seen_through(scope)
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._webhooks(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/api/"):
            await self._api(scope, receive, send)  # type: ignore[arg-type]
        else:
            await self.quart(scope, receive, send)  # type: ignore[arg-type]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        """The whole server is up inside; on leaving it takes nothing new, finishes its turns, and closes what it opened."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Raises StoreError when the store cannot be opened, StartupError for what a person must mend."""
        await self.store.open()
        await check_whole(self.store)
        await self.take_changes()
        await self._take_suspended()
        await self.presence.write()
        await self.queue.start()
        await self.media.start()
        self.http = self.open_http()
        self.watchdog.start()
        steps = (self._show_alive, self.presence.follow, self._tend, self._tidy, self._catch_up, self._age)
        for step in (*steps, self._renew_secrets, self._look_for_changes, self._look_for_suspended):
            self._background.start(forever(self.clock, step), step.__name__)
        self.worker.start()
        log.info("started", instance=self.instance, tenants=len(self.runtimes.declared))

    async def finish(self) -> None:
        """Take up nothing new, and let what was begun end; messages are still taken, for the next process to answer."""
        await self.queue.leave()
        cut_off = await self.worker.stop(self.config.times.graceful_stop)
        if cut_off:
            log.warning("work_cut_off", pieces=cut_off)

    async def stop(self) -> None:
        await self.finish()
        await self._background.drain(0)
        self.reloader.close()
        await self.budgets.close()
        await self.runtimes.close()
        await self.blocking.close(BLOCKING_SECONDS)
        await self.shared.close()
        if self.http is not None:
            await self.http.close()
        if self.traces is not None:
            await self.traces.close()
        await self.queue.stop()
        await self.media.stop()
        self.watchdog.stop()
        await self.presence.forget()
        await self.store.close()
        log.info("stopped", instance=self.instance)

    def adopt(self, declared: Declared, variables: Collection[str] = ()) -> None:
        """From now on these are the tenants, for everybody at once; their plugins are loaded already. Who refers to one of
        the environment's *variables*, which have changed, has new instances, too.

        Work that has begun ends with what it began with. Who is no longer among them is suspended: what contacts write is
        stored and nothing is done, until the tenant is back.
        """
        self.written, declared = declared, self.overlays.over(declared)
        left, away = self.declared.without(declared), self.suspended.without(declared)
        self.suspended = self.suspended.only(away).joined(self.declared.only(left))
        self._at_work_for_left += self.runtimes.at_work(left)
        self.declared = declared
        self.file = replace(self.file, tenants=declared.tenants)
        self.runtimes.swap(declared, self.suspended)
        self.pushing.adopted()
        if variables:
            self.runtimes.renew(lambda tenant: refers_to(tenant, variables))
        self._webhooks = self._make_webhooks()
        if self._mounted != len(self.registry.loaded()):
            # Quart takes no pages once it has served: with those of a new plugin it is made anew.
            self.quart = self._make_quart()
            if self._started_pages is not None:
                self._background.start(self._change_pages(), "change pages")
        self.overlays.adopted()
        self.presence.changed()

    async def start_pages(self) -> None:
        """What plugins' pages do before they serve."""
        async with self._pages_turn:
            await self.quart.startup()
            self._started_pages = self.quart

    async def stop_pages(self) -> None:
        """What plugins' pages do when they have served."""
        async with self._pages_turn:
            started, self._started_pages = self._started_pages, None
            if started is not None:
                await started.shutdown()

    async def _change_pages(self) -> None:
        async with self._pages_turn:
            old, new = self._started_pages, self.quart
            if old is None or old is new:
                return  # the end, or another change, was quicker
            await new.startup()
            self._started_pages = new
            await old.shutdown()

    def watch_file(self) -> None:
        """From now on a change of the tenants file is noticed, until the server stops."""
        self._background.start(forever(self.clock, self.reloader.step), "reload")

    def leave(self) -> None:
        """Say on /readyz that no more traffic should come; the listener stays open until the load balancer has seen it."""
        self.readiness.leaving = True

    def open_http(self) -> aiohttp.ClientSession:
        """The session that plugins are given."""
        seconds = self.config.times.sdk_timeout
        timeout = aiohttp.ClientTimeout(total=seconds, connect=seconds / 2)
        return aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())

    def services_for(self, tenant: TenantConfig, plugin: str) -> Services:
        """What the core gives to an instance of *plugin*."""
        return for_plugins.services_of(self, tenant, plugin)

    def _make_worker(self) -> Worker:
        url = self.config.public_url
        sender = Sender(self.store, self.budgets, self.pace, self.urls, url, self.clock, self._sent)
        line = PushLine(self.store, self.clock, self.pushing)
        desks = (self.ownership, self.clock, self.erasing, self.deliveries, line, self.media)
        return Worker(
            self.store,
            self.queue,
            {
                "turn": TurnEngine(
                    self.store,
                    self.queue,
                    self.runtimes,
                    self.media,
                    self.clock,
                    self._background,
                    self.metrics,
                    self._recent,
                    self.traces,
                    budgets=self.budgets,
                ),
                "lane": Lane(
                    self.store, self.runtimes, sender, Reconciler(self.store, sender), self.clock, self._recent
                ),
                "task": TaskRunner(self.store, self.queue, self.runtimes, *desks),
            },
            self.changes,
            self.clock,
            self.config.times,
        )

    async def _sent(self, tenant: str, message: Message) -> None:
        """The provider has taken a message; told before it is written."""
        await self.subscribers.sent(tenant, message)
        await self.pushing.sent(tenant, message)

    def _make_webhooks(self) -> MeasuredWebhooks:
        channels = {kind.name: kind for kind in self.registry.loaded() if kind.is_channel}
        webhooks = Webhooks(
            self.runtimes,
            channels,
            {**self.suspended.addresses, **self.declared.addresses},
            self.inbox,
            self.status,
            self.config,
            self.clock,
            self.suspensions.takes,
            self.catch_up.refused,
        )
        return MeasuredWebhooks(webhooks, channels, self.metrics, self.clock)

    def _make_quart(self) -> Quart:
        app = Quart("frontdesk", static_folder=None, template_folder=None)
        app.url_map.strict_slashes = False
        app.register_blueprint(health.blueprint(self.readiness))
        app.register_blueprint(media.blueprint(self.media, self.urls))
        app.register_blueprint(metrics.blueprint(self.metrics, self._backlog, self._metrics_token))
        app.register_blueprint(admin_pages(self.office))
        loaded = self.registry.loaded()
        plugin_routes.mount(app, loaded, self.runtimes)
        self._mounted = len(loaded)
        return app

    async def _tend(self) -> None:
        """Beside showing that we live: plugins may be slow to start, to stop, and to say how they are."""
        await self.clock.sleep(HOUSEKEEPING_EVERY)
        await self.runtimes.tend()

    async def _tidy(self) -> None:
        await self.clock.sleep(HOUSEKEEPING_EVERY)
        await self.retention.go_round()
        await self.office.insights.go_round()

    async def _catch_up(self) -> None:
        await self.catch_up.go_on()
        await self.clock.sleep(HOUSEKEEPING_EVERY)

    async def _age(self) -> None:
        await self.clock.sleep(AGE_EVERY)
        self._recent.age()

    async def _look_for_changes(self) -> None:
        await self.overlays.save()
        await self.clock.sleep(OVERLAY_EVERY)
        await self.take_changes()

    async def take_changes(self) -> None:
        await self.subscribers.look()
        if await self.overlays.look():
            await self.overlays.prepare(self.written)
            self.adopt(self.written)
            await self.overlays.tell()

    async def _look_for_suspended(self) -> None:
        await self.clock.sleep(HOUSEKEEPING_EVERY)
        await self._take_suspended()

    async def _take_suspended(self) -> None:
        """Who left the file that another process read before this one did, or before this one was."""
        await self._drop_purged()
        found = await self.suspensions.look(self.registry, {*self.declared, *self.suspended})
        # Meanwhile the file may have been read.
        found = found.only([id for id in found if id not in self.declared and id not in self.suspended])
        if found:
            self.suspended = self.suspended.joined(found)
            self.runtimes.swap(self.declared, self.suspended)
            self._webhooks = self._make_webhooks()

    async def _drop_purged(self) -> None:
        known = list(self.suspended)  # who is suspended from now on may be written after the ids are read
        there = set(await self.suspensions.ids()) if known else set()
        if purged := {id for id in known if id not in there}:
            self.suspended = self.suspended.only([id for id in self.suspended if id not in purged])
            self.runtimes.swap(self.declared, self.suspended)
            self._webhooks = self._make_webhooks()

    async def _renew_secrets(self) -> None:
        await self.clock.sleep(SECRETS_EVERY)
        await self.vaults.refresh()

    async def _show_alive(self) -> None:
        await self.store.sync_time()
        await self.presence.write()
        await self._count_processes()
        await self.budgets.tend()
        await self.clock.sleep(HOUSEKEEPING_EVERY)

    async def _count_processes(self) -> None:
        self.census = await instances.census(self.store)

    async def _leaving(self) -> set[str]:
        """Who has left the file, and for whom this process may still write something: work that has begun, and its shares
        of limits, which are given back once there is no work."""
        self._at_work_for_left = [each for each in self._at_work_for_left if each.uses]
        working = {each.tenant.id for each in self._at_work_for_left}
        await self.budgets.leave([id for id in self.budgets.tenants() if id not in self.declared and id not in working])
        return {id for id in {*working, *self.budgets.tenants()} if id not in self.declared}


def create_server(
    path: Path | Remote, *, clock: Clock | None = None, registry: Registry | None = None, bind: str = ""
) -> Server:
    """A server from a tenants file, not started. *bind* is where it listens, in place of the file's `server.bind`.

    Raises ConfigError with every problem of the file, StartupError for anything else a person must mend.
    """
    try:
        crashpoints.arm(os.environ)
        clock = clock or system_clock(os.environ)
    except ValueError as err:
        raise StartupError(str(err)) from err
    source = source_of(path)
    file, declared, problems = read_tenants(path, registry)
    if file is None or problems:
        raise ConfigError(problems)
    # Who brings a registry has classes in it that no other process knows.
    read: Read = partial(read_apart if registry is None else read_beside, registry=declared.registry)
    return Server(file, declared, clock, source=source, read=read, bind=bind)
