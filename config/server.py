"""What one server (all its processes) is told: where it listens, where it keeps things, what it limits."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from .fields import Bind, Proxy, PublicUrl
from .problems import ConfigError, Place, shown, wrong
from .secret import Secret
from .settings import Settings
from .sign_in import SignInProvider
from .times import Times
from .validation import validate_settings

MEGABYTE = 1024 * 1024
_STORES = ("sqlite:///data/frontdesk.db", "mongodb://host:27017/frontdesk")


def _store_url(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    scheme, separator, rest = value.partition("://")
    if scheme not in ("sqlite", "mongodb", "mongodb+srv") or not separator:
        # What was written is not shown: a URL with a password may stand here behind a misspelt scheme.
        raise wrong("not the URL of a store", f"write one such as {_STORES[0]} or {_STORES[1]}")
    path, question_mark, options = rest.partition("?")
    if scheme == "sqlite" and (not path.startswith("/") or len(path) == 1):
        raise wrong(f"{shown(value)} names no file", f"write three slashes and a path, e.g. {_STORES[0]}")
    if scheme == "sqlite" and question_mark and not re.fullmatch(r"max_pages=[1-9][0-9]*", options):
        right = f"only a limit can stand there, e.g. {_STORES[0]}?max_pages=262144; a `?` of the path is %3F"
        raise wrong(f"found {shown('?' + options)} behind the path", right)
    if scheme != "sqlite" and "@" in rest:
        raise wrong("the URL holds a password", "write it into the environment, and `{env: NAME}` here")
    return value


def relative_path(store_url: str) -> str:
    """Of the URL of a SQLite file, its path with the options behind it; empty if it is absolute, or no such URL."""
    path = store_url.removeprefix("sqlite:///")
    return "" if path == store_url or path.startswith("/") else path


def _queue(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*(://\S+)?", value):
        raise wrong(
            f"found {shown(value)}", "write the name of an installed queue (local), or a URL that begins with it"
        )
    return value


class Log(Settings):
    """Structured logs, one event a line, on standard error."""

    format: Literal["text", "json"] = "text"
    """`text` for people, `json` for machines."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important thing that is logged."""


class MediaLimits(Settings):
    """Pictures, voice notes and files."""

    store: str = Field(default="folder", pattern=r"^(folder|s3://\S+)$", examples=["s3://frontdesk-media/lotus"])
    """Where they are kept: `folder` (below `data_dir`), or `s3://BUCKET/PREFIX`, a bucket that several machines share."""
    max_bytes: int = Field(default=16 * MEGABYTE, gt=0)
    """The largest file that is kept, in bytes, whether a contact sent it or a plugin made it; WhatsApp's limit is 16 MB."""


class MetricsAccess(Settings):
    """The page /metrics, for Prometheus and what reads like it."""

    token: Secret | None = None
    """Who sends it as a bearer token may read the page, from anywhere. Without it, only this machine may."""
    tenant_label: bool = False
    """Whether each series is told for each tenant: one line a tenant, on a page whose cost is its lines."""


def _collector(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        raise wrong(f"found {shown(value)}", "write the collector's URL, e.g. http://localhost:4318")
    return value


def _providers(value: tuple[SignInProvider, ...]) -> tuple[SignInProvider, ...]:
    ids = [each.id for each in value]
    for each in value:
        if ids.count(each.id) > 1:
            raise wrong(f"two providers have the id {each.id}", "give each its own")
        if each.tenant is not None and (each.admins or any(isinstance(role, dict) for role in each.groups.values())):
            raise wrong(
                f"{each.id} is of the tenant {each.tenant} and gives roles elsewhere",
                "write `group: role`, and leave `admins` out",
            )
        if each.tenant is None and any(isinstance(role, str) for role in each.groups.values()):
            raise wrong(f"{each.id}: a role without a tenant", "write `group: {TENANT: ROLE}`, or name its `tenant`")
    return value


class OutboundWebhooks(Settings):
    """Where events of the tenants are sent (outbound webhooks)."""

    private_addresses: bool = False
    """Whether receivers may be in a private network or on this machine, and spoken to by http: for development and tests.
    On a server that others use it would open your network to whoever may name a receiver."""


class ApiLimits(Settings):
    """The API under /api/v1."""

    requests_per_minute: int = Field(default=600, ge=1, le=1_000_000)
    """How many requests one token may make in a minute, at each process; more are answered 429."""


class TracesTarget(Settings):
    """Where OpenTelemetry traces of turns are sent."""

    endpoint: Annotated[str, AfterValidator(_collector)] | None = None
    """The URL of a collector that takes OTLP over HTTP, without `/v1/traces`. Without it nothing is sent."""


def _local_url(earlier: dict[str, Any]) -> str:
    port = re.search(r"[^/]:([0-9]+)$", earlier.get("bind", ""))
    return f"http://localhost:{port[1]}" if port else "http://localhost"


class ServerConfig(Settings):
    """The section `server:`. Everything has a default that serves one machine."""

    bind: Bind = "127.0.0.1:8000"
    """Where the server listens: `host:port`, `fd://3` (a systemd socket) or `unix:/path`."""
    public_url: PublicUrl = Field(default_factory=_local_url)
    """Where the internet reaches this server, e.g. https://desk.example.com: what providers call and sign. Without it:
    http://localhost and the port of `bind`."""
    trusted_proxies: tuple[Proxy, ...] = ()
    """The reverse proxies in front, by address or network (`unix`: whoever comes by the Unix socket of `bind`). What they
    say in X-Forwarded-For and X-Forwarded-Proto is believed, and what comes from them is never of this machine."""
    store: Annotated[str | Secret, BeforeValidator(_store_url)] = "sqlite:///data/frontdesk.db"
    """Where all state is kept: `sqlite:///` and a path (relative to this file; four slashes: absolute; `?max_pages=N`
    limits the file), or a MongoDB or DocumentDB URL. A URL that holds a password is a secret: `{env: NAME}`."""
    queue: Annotated[str, AfterValidator(_queue)] = "local"
    """What wakes the workers: `local` (in the process), `sqs://…` (SQS), or a URL whose scheme is the name of another
    installed queue."""
    data_dir: str = Field(default="data", min_length=1)
    """The folder for media and for the keys the server makes, relative to this file."""
    media: MediaLimits = MediaLimits()
    """Pictures, voice notes and files: where they are kept, and their limits."""
    log: Log = Log()
    """What is logged and how."""
    metrics: MetricsAccess = MetricsAccess()
    """Who may read /metrics, and how fine it is."""
    traces: TracesTarget = TracesTarget()
    """Where OpenTelemetry traces of turns are sent."""
    sign_in: Annotated[tuple[SignInProvider, ...], AfterValidator(_providers)] = ()
    """Providers that speak OpenID Connect, where operators may sign in."""
    webhooks: OutboundWebhooks = OutboundWebhooks()
    """Where events of the tenants are sent."""
    api: ApiLimits = ApiLimits()
    """The API under /api/v1."""
    signing_key: Secret | None = None
    """Signs the expiring URLs by which providers fetch media. Without it the server makes one and keeps it in
    `data_dir`, readable by its own user only; several machines must share one."""
    secret_keys: Secret | None = None
    """The keys that encrypt stored secrets, with commas between; the first encrypts, all decrypt. Without it: the
    environment variable FRONTDESK_SECRET_KEYS."""
    max_body_bytes: int = Field(default=MEGABYTE, ge=65_536)
    """The largest webhook that is read, in bytes."""
    reload_every: float | None = Field(default=None, ge=0, le=86_400)
    """How often this file is looked at for a change, in seconds: without it 2 for a file, 30 for an object in S3. 0: only
    SIGHUP has it read again."""
    times: Times = Times()
    """How long things may take."""

    def bound_to(self, bind: str) -> ServerConfig:
        """The same, listening elsewhere. A `public_url` on this machine moves along with the port; any other is a proxy's
        and stays.

        Raises ConfigError if *bind* is none.
        """
        other, problems = validate_settings(ServerConfig, {"bind": bind}, Place("--bind"))
        if other is None:
            raise ConfigError(problems)
        moves = self.is_local and not other.bind.startswith(("fd:", "unix:"))
        return self.model_copy(
            update={"bind": other.bind, "public_url": other.public_url if moves else self.public_url}
        )

    def unnamed_proxy(self) -> str:
        """A sentence, if something passes the internet's requests on to this server and nobody has said what; else empty."""
        if self.is_local or self.trusted_proxies:
            return ""
        return (
            f"the internet reaches this server as {self.public_url}, and server.trusted_proxies names no proxy; through one "
            "on this machine that sends no X-Forwarded-For everybody would count as sitting here. See "
            "docs/how-to/put-it-behind-a-proxy.md"
        )

    @property
    def is_local(self) -> bool:
        """Whether `public_url` is on this machine."""
        return urlsplit(self.public_url).hostname in ("localhost", "127.0.0.1", "::1")

    def store_url(self) -> str:
        """The URL of the store, revealed if it is a secret; a relative SQLite path as it was written.

        Raises SecretUnavailable, or ValueError (which does not hold the URL) if the secret is not the URL of a store.
        """
        if isinstance(self.store, str):
            return self.store
        url = self.store.reveal(fresh=True)
        if not url.startswith(("mongodb://", "mongodb+srv://", "sqlite:///")):
            raise ValueError(f"{self.store} is not the URL of a store; it begins with mongodb:// or sqlite:///")
        return url
