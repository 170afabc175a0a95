"""The tenants file, settings and secrets. A leaf: it imports nothing else of Frontdesk.

`load(path)` gives a `TenantsFile` or raises `ConfigError` with every `Problem`; docs/reference/configuration.md names
every key.
"""

from __future__ import annotations

from .environment import environment_from_outside, load_env
from .fields import UNIX_SOCKET, Duration, Language, PhoneNumber, Seconds, Text, TimeZone
from .files import Remote, files_of, home_of
from .hours import Day as DaySpans
from .hours import OpeningHours, Span
from .init import write_init
from .limits import Limits
from .opt_out import OptOut
from .packed import Packed
from .prices import Price, base_model, price_of
from .problems import ConfigError, Place, Problem
from .retention import Retention
from .secret import Kind as SecretKind
from .secret import Secret, SecretUnavailable, Vault, use_vault
from .server import ApiLimits, Log, MediaLimits, MetricsAccess, OutboundWebhooks, ServerConfig, TracesTarget
from .settings import Settings, secrets_in
from .sign_in import SignInProvider
from .spending import Spending
from .tenant import Dialogue, Fact, Persona, PluginEntry, Settle, TenantConfig, Tone
from .tenants_file import Survey, TenantsFile, load, read, survey
from .times import Times
from .validation import validate_settings
from .voice import Voice
from .words import Words, default_words

__all__ = [
    "UNIX_SOCKET",
    "ApiLimits",
    "ConfigError",
    "DaySpans",
    "Dialogue",
    "Duration",
    "Fact",
    "Language",
    "Limits",
    "Log",
    "MediaLimits",
    "MetricsAccess",
    "OpeningHours",
    "OptOut",
    "OutboundWebhooks",
    "Packed",
    "Persona",
    "PhoneNumber",
    "Place",
    "PluginEntry",
    "Price",
    "Problem",
    "Remote",
    "Retention",
    "Seconds",
    "Secret",
    "SecretKind",
    "SecretUnavailable",
    "ServerConfig",
    "Settings",
    "Settle",
    "SignInProvider",
    "Span",
    "Spending",
    "Survey",
    "TenantConfig",
    "TenantsFile",
    "Text",
    "TimeZone",
    "Times",
    "Tone",
    "TracesTarget",
    "Vault",
    "Voice",
    "Words",
    "base_model",
    "default_words",
    "environment_from_outside",
    "files_of",
    "home_of",
    "load",
    "load_env",
    "price_of",
    "read",
    "secrets_in",
    "survey",
    "use_vault",
    "validate_settings",
    "write_init",
]
