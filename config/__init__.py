"""The tenants file, settings and secrets. A leaf: it imports nothing else of Frontdesk.

`load(path)` gives a `TenantsFile` or raises `ConfigError` with every `Problem`; docs/reference/configuration.md names
every key.
"""

from __future__ import annotations

from .environment import environment_from_outside, load_env
from .fields import UNIX_SOCKET, Duration, Language, PhoneNumber, Seconds, Text, TimeZone
from .files import Remote, files_of, home_of
from .hours import OpeningHours, Span
from .init import write_init
from .packed import Packed
from .problems import ConfigError, Place, Problem
from .retention import Retention
from .secret import Kind as SecretKind
from .secret import Secret, SecretUnavailable, Vault, use_vault
from .server import Log, MediaLimits, MetricsAccess, ServerConfig, TracesTarget
from .settings import Settings, secrets_in
from .tenant import Fact, Persona, PluginEntry, Settle, TenantConfig, Tone
from .tenants_file import Survey, TenantsFile, load, read, survey
from .times import Times
from .validation import validate_settings
from .words import Words, default_words

__all__ = [
    "UNIX_SOCKET",
    "ConfigError",
    "Duration",
    "Fact",
    "Language",
    "Log",
    "MediaLimits",
    "MetricsAccess",
    "OpeningHours",
    "Packed",
    "Persona",
    "PhoneNumber",
    "Place",
    "PluginEntry",
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
    "Span",
    "Survey",
    "TenantConfig",
    "TenantsFile",
    "Text",
    "TimeZone",
    "Times",
    "Tone",
    "TracesTarget",
    "Vault",
    "Words",
    "default_words",
    "environment_from_outside",
    "files_of",
    "home_of",
    "load",
    "load_env",
    "read",
    "secrets_in",
    "survey",
    "use_vault",
    "validate_settings",
    "write_init",
]
