"""What plugins show operators: cards beside a conversation, panels on settings pages, pages of their own.

A plugin is asked for words and data, and is given a few seconds; what goes wrong stands on its card in its name, and hurts
nothing else. A template of its own is drawn in a sandbox with everything escaped.
"""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .. import blame, dispatch
from ..cards import AdminPage, Card
from ..errors import HookFailed, PluginError
from ..model import Conversation
from ..plugin import Plugin
from ..runtime import Runtime, Runtimes
from ..store import Store
from ..store.collections import CONTACTS, CONVERSATIONS

SECONDS = 3.0
"""How long a template may take."""
LONGEST = 64 * 1024
"""Characters of a drawn template."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What a plugin shows, or why it does not."""

    plugin: str
    title: str = ""
    text: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    html: str = ""
    """Of the plugin's own template: everything in it was escaped, it may be put into a page as it is."""
    error: str = ""
    """Why there is nothing else; for operators."""


class Refused(TemplateError):
    """A template that would show something unescaped."""


class Cards:
    """What the plugins of a tenant show its operators."""

    def __init__(self, store: Store, runtimes: Runtimes) -> None:
        self._store = store
        self._runtimes = runtimes

    async def of(self, tenant: str, conversation: Conversation | str, language: str) -> list[Shown]:
        """The contact cards of a conversation (or of its id), in the order of the tenant's plugins; plugins that have
        nothing to show are left out.

        :param language: the operator's, BCP 47.
        """
        repository = self._store.for_tenant(tenant)
        there = conversation
        if isinstance(there, str):
            found = await repository.get(CONVERSATIONS, there)
            if found is None:
                return []
            there = found
        contact = await repository.get(CONTACTS, there.contact)
        if contact is None:
            return []
        async with self._runtimes.use(tenant) as runtime:
            bound = runtime.hook("contact_card")
            shown = await asyncio.gather(
                *(_ask(runtime, each, language, conversation=there, contact=contact) for each in bound)
            )
        return [each for each in shown if each is not None]

    async def panel(self, tenant: str, plugin: str, language: str, page: str = "") -> Shown | None:
        """What a plugin shows on its settings page, or on a *page* of its own; None: nothing."""
        async with self._runtimes.use(tenant) as runtime:
            for bound in runtime.hook("admin_panel", plugin):
                return await _ask(runtime, bound, language, page=page)
            if page and plugin in runtime.troubles:
                return Shown(plugin=plugin, error=runtime.troubles[plugin])
        return None

    def pages(self, tenant: str) -> list[tuple[str, AdminPage]]:
        """(plugin, page) of every page that the tenant's plugins add to the navigation, in their order."""
        declared = self._runtimes.declared.get(tenant)
        kinds = [kind for kind, _ in declared.plugins] if declared is not None else []
        return [(kind.name, page) for kind in kinds for page in kind.cls.admin_pages]


async def _ask(runtime: Runtime, bound: dispatch.BoundHook, language: str, **arguments: Any) -> Shown | None:
    name = bound.label.plugin
    try:
        card = await dispatch.call(bound, language=language, **arguments)
        async with asyncio.timeout(SECONDS):
            return None if card is None else await _drawn(runtime, name, card, language)
    except TimeoutError:
        return Shown(plugin=name, error=f"its template was not drawn within {SECONDS:g} s")
    except HookFailed as err:
        return Shown(plugin=name, error=err.reason)
    except PluginError as err:
        return Shown(plugin=name, error=str(err) or blame.in_words(err))
    except Exception as err:  # noqa: BLE001  a template is the plugin's code
        line = getattr(err, "lineno", None)
        where = f"{type(err).__name__}, line {line}" if isinstance(line, int) else blame.in_words(err)
        return Shown(plugin=name, error=f"its template cannot be drawn ({where})")


async def _drawn(runtime: Runtime, name: str, card: Card, language: str) -> Shown:
    html = ""
    if card.template:
        values = {"data": card.data, "tenant": runtime.tenant.id, "language": language}
        html = await asyncio.to_thread(_draw, type(runtime.plugins[name]), card.template, values)
    return Shown(plugin=name, title=card.title, text=card.text, rows=card.rows, html=html)


def _draw(cls: type[Plugin], template: str, values: dict[str, Any]) -> str:
    parts: list[str] = []
    length = 0
    for part in _template(Path(inspect.getfile(cls)).parent / "templates", template).generate(**values):
        length += len(part)
        if length > LONGEST:
            raise Refused(f"longer than {LONGEST:,} characters")
        parts.append(part)
    return "".join(parts)


@lru_cache(maxsize=256)
def _template(folder: Path, name: str) -> Template:
    return _Sandbox(folder).get_template(name)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Everything is escaped, whatever a template says: what it shows comes from contacts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(loader=FileSystemLoader(folder), autoescape=True, auto_reload=False)
        del self.filters["safe"]

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in tree.find_all((nodes.ScopedEvalContextModifier, nodes.EvalContextModifier)):
            raise Refused(f"line {node.lineno}: autoescape is on, and stays on")
        return tree
