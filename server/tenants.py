"""The tenants file joined with the plugins: every tenant's plugins loaded, their settings checked, contradictions found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frontdesk.config import (
    Packed,
    Place,
    PluginEntry,
    Problem,
    Remote,
    SecretUnavailable,
    Settings,
    TenantConfig,
    TenantsFile,
    secrets_in,
    survey,
    validate_settings,
)

from .plugin import Channel
from .registry import PluginRefused, PluginType, Registry
from .runtime import TenantPlugins

Address = tuple[str, str]
"""A channel, and a key of its own that belongs to one tenant alone."""
PluginSettings = tuple[tuple[str, Settings], ...]
"""A tenant's plugins in order, by name, with their checked settings."""


def read_tenants(
    path: Path | Remote, registry: Registry | None = None
) -> tuple[TenantsFile | None, Declared, list[Problem]]:
    """The file and each tenant with its checked plugins, or every problem of both, in the order of the file.

    With a problem the file is None and nobody is declared. Without a registry a new one is made from the file's own
    table of times.
    """
    found = survey(path)
    registry = registry or Registry(found.times)
    problems = list(found.problems)
    checked: dict[str, list[Checked]] = {}
    claimed: dict[Address, str] = {}
    # Also the plugins of a tenant that is wrong in another way: nobody should have to come back for the next problem.
    for id, entries in found.plugins.items():
        checked[id], more = _plugins(entries, registry)
        problems += more
        problems += _claims(id, checked[id], claimed)
    if found.file is None or problems:
        return None, Declared.nobody(registry), found.in_order(problems)
    settings = {
        id: tuple((kind.name, settings) for _, kind, settings in checked.get(id, ())) for id in found.file.tenants
    }
    return found.file, Declared(found.file.tenants, packed_settings(settings), claimed, registry), []


def packed_settings(of: Mapping[str, PluginSettings]) -> Packed[PluginSettings]:
    """Each tenant's plugins, for `Declared`."""
    return Packed(of, lambda plugins: tuple(name for name, _ in plugins))


class Declared(Mapping[str, TenantPlugins]):
    """Every tenant with its plugins, unpacked at each look: little is held for one that is not used."""

    def __init__(
        self,
        tenants: Packed[TenantConfig],
        settings: Packed[PluginSettings],
        addresses: Mapping[Address, str],
        registry: Registry,
    ) -> None:
        """*settings*: of `packed_settings`."""
        self.tenants = tenants
        self._settings = settings
        self.addresses = addresses
        """(channel, address) → tenant, for the shared webhooks."""
        self.registry = registry

    def __getstate__(self) -> dict[str, Any]:
        """Without the registry: whoever unpickles it has one of its own."""
        return {name: value for name, value in vars(self).items() if name != "registry"}

    @classmethod
    def nobody(cls, registry: Registry) -> Declared:
        """No tenant at all."""
        return cls(Packed({}), packed_settings({}), {}, registry)

    def only(self, ids: Collection[str]) -> Declared:
        """These tenants alone, still packed."""
        kept = set(ids)
        addresses = {address: id for address, id in self.addresses.items() if id in kept}
        return Declared(self.tenants.only(ids), self._settings.only(ids), addresses, self.registry)

    def joined(self, *others: Declared) -> Declared:
        """These tenants and those of *others*, of which the last wins; still packed."""
        addresses = dict(self.addresses)
        for other in others:
            addresses |= other.addresses
        tenants = self.tenants.joined(*(other.tenants for other in others))
        settings = self._settings.joined(*(other._settings for other in others))
        return Declared(tenants, settings, addresses, (self, *others)[-1].registry)

    def slices(self, size: int) -> Iterator[Declared]:
        """The same in parts of *size* tenants; one part, if there is none."""
        ids = list(self)
        for begin in range(0, max(1, len(ids)), size):
            yield self.only(ids[begin : begin + size])

    def without(self, other: Declared) -> list[str]:
        """Who is declared here and not in *other*, in order."""
        left = dict.fromkeys(self).keys() - dict.fromkeys(other).keys()
        return [id for id in self if id in left] if left else []

    def kinds(self, id: str) -> Iterator[PluginType]:
        """The plugins that a tenant lists. Nothing is unpacked. Raises KeyError."""
        return map(self.registry.load, self._settings.label(id))

    def print_of(self, id: str) -> tuple[int, int] | None:
        """Other numbers for a tenant that is declared otherwise; None: it cannot tell. Nothing is unpacked."""
        tenant, settings = self.tenants.print_of(id), self._settings.print_of(id)
        return None if tenant is None or settings is None else (tenant, settings)

    def overlaid(
        self,
        tenants: Iterable[Packed[TenantConfig]],
        settings: Iterable[Packed[PluginSettings]],
        addresses: Mapping[Address, str],
    ) -> Declared:
        """The same with *tenants* and their *settings* in place of what was declared; *addresses* are those of all."""
        return Declared(self.tenants.joined(*tenants), self._settings.joined(*settings), addresses, self.registry)

    def __getitem__(self, id: str) -> TenantPlugins:
        plugins = tuple((self.registry.load(name), settings) for name, settings in self._settings[id])
        return TenantPlugins(self.tenants[id], plugins)

    def __contains__(self, id: object) -> bool:
        return id in self.tenants

    def __iter__(self) -> Iterator[str]:
        return iter(self.tenants)

    def __len__(self) -> int:
        return len(self.tenants)


Checked = tuple[PluginEntry, PluginType, Settings]


def judge_tenant(
    id: str, raw: Mapping[str, Any], place: Place, registry: Registry, claimed: dict[Address, str]
) -> tuple[TenantConfig | None, list[Checked], list[Problem]]:
    """One tenant as it would stand in the file, judged like the file; what it claims is added to *claimed*."""
    tenant, problems = validate_settings(TenantConfig, {**raw, "id": id}, place)
    if tenant is None:
        return None, [], problems
    checked, problems = _plugins(tenant.plugins, registry)
    return tenant, checked, problems + _claims(id, checked, claimed)


def _plugins(entries: Iterable[PluginEntry], registry: Registry) -> tuple[list[Checked], list[Problem]]:
    checked: list[Checked] = []
    problems: list[Problem] = []
    tools: dict[str, str] = {}
    for entry in entries:
        try:
            kind = registry.load(entry.name)
        except PluginRefused as err:
            problems += [entry.place.problem(problem) for problem in err.problems]
            continue
        settings, more = validate_settings(kind.cls.settings_class(), entry.settings, entry.place)
        problems += more
        for tool in kind.tools:
            other = tools.setdefault(tool.spec.name, entry.name)
            if other != entry.name:
                problems.append(
                    entry.place.problem(
                        f"the tool {tool.spec.name} of {entry.name} has the name of one of {other}",
                        "list one of the two plugins: a model could not tell the tools apart",
                    )
                )
        if settings is not None:
            checked.append((entry, kind, settings))
    return checked, problems


def _claims(tenant: str, plugins: list[Checked], claimed: dict[Address, str]) -> list[Problem]:
    """Two tenants that claim one address are an error: a message could belong to either."""
    problems = []
    for entry, kind, settings in plugins:
        if not issubclass(kind.cls, Channel):
            continue
        try:
            own = tuple(kind.cls.addresses(settings))
        except Exception as err:  # noqa: BLE001  the plugin's code: what it does wrong is told like any other problem
            problems.append(
                entry.place.problem(
                    f"{kind.cls.__name__}.addresses failed: {type(err).__name__}: {err}",
                    "mend the plugin, or leave it out",
                )
            )
            continue
        for address in own:
            other = claimed.setdefault((kind.name, address), tenant)
            if other != tenant:
                problems.append(
                    entry.place.problem(
                        f"{address} is claimed by tenant {other} too", "a number belongs to one tenant; change one"
                    )
                )
    return problems


@dataclass(frozen=True, slots=True)
class MissingSecret:
    """A reference that leads nowhere now."""

    tenant: str
    """Empty: the server's own."""
    plugin: str
    """The plugin that cannot work without it; empty: the server's own."""
    problem: Problem


def missing_secrets(
    file: TenantsFile, declared: Mapping[str, TenantPlugins], *, remote: bool = True
) -> list[MissingSecret]:
    """Look every secret up and forget it again; those that are not there, in the order of the file. It blocks.

    Without *remote*, those of AWS and of the store are left out: with many tenants they take minutes.
    """
    places: dict[tuple[str, str], tuple[Settings, Place]] = {
        ("", ""): (file.server, Place(str(file.path), key="server"))
    }
    for id, plugins in declared.items():
        written = {entry.name: entry.place for entry in plugins.tenant.plugins}
        places |= {(id, kind.name): (settings, written[kind.name]) for kind, settings in plugins.plugins}
    missing = []
    for (tenant, plugin), (settings, place) in places.items():
        for path, secret in secrets_in(settings):
            if secret.is_remote and not remote:
                continue
            try:
                secret.reveal()
            except SecretUnavailable as err:
                missing.append(MissingSecret(tenant, plugin, place.at(*path).problem(str(err))))
    return missing


def refers_to(tenant: TenantPlugins, variables: Collection[str]) -> bool:
    """Whether a secret of the tenant's plugins stands in one of the environment's *variables*."""
    return any(
        secret.reference.get("env") in variables for _, settings in tenant.plugins for _, secret in secrets_in(settings)
    )


def gaps(declared: Mapping[str, TenantPlugins]) -> list[str]:
    """One sentence for each tenant to which nobody can write, or of which no plugin thinks. It may be meant so."""
    sentences = []
    for id, tenant in declared.items():
        kinds = [kind for kind, _ in tenant.plugins]
        if not any(kind.is_channel for kind in kinds):
            sentences.append(f"tenant {id}: it has no channel, so nobody can write to it; list one, such as simulator")
        if not any("think" in kind.hooks for kind in kinds):
            sentences.append(
                f"tenant {id}: no plugin of it thinks, so nobody but people answer; list a model, such as rehearsal_llm"
            )
    return sentences
