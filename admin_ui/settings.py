"""A business's settings and its plugins: forms that say what is declared and what was changed, order, state, history."""

from __future__ import annotations

from typing import Any

from quart import Response, abort, request, url_for

from frontdesk.services.office import Office
from frontdesk.services.overlay_keys import OverlayConflict
from frontdesk.services.settings_desk import OWN, FormRefused

from . import settings_drawing as drawing
from .gate import Pages
from .language import _, day

SHOWN = tuple(name for name in OWN if name != "facts")
"""What the page has of the tenant's own settings; facts are the workshop's."""
HISTORY = 100
"""Changes on the page of the history."""


def add(pages: Pages, office: Office) -> None:
    """The pages at `/t/TENANT/settings`."""
    _own(pages, office)
    _plugin(pages, office)
    _plugin_tests(pages, office)
    _history(pages, office)


def _own(pages: Pages, office: Office) -> None:
    async def page(form: Any = None, flaws: Any = (), conflict: Any = None, status: int = 200) -> Response:
        tenant = pages.here().business.id
        shown = await office.settings.form(tenant, only=SHOWN)
        fields = drawing.drawn(shown.entries, form, flaws)
        return await pages.render(
            "settings/own.html",
            status,
            form=shown,
            sections=drawing.sections(fields),
            others=drawing.others(fields, flaws),
            wrong=len(tuple(flaws)),
            conflict=conflict,
            lines=await office.plugins.lines(tenant),
            arrangement=await office.settings.arrangement(tenant),
            check=url_for("admin_ui.settings_check", tenant=tenant),
            banner_text=office.banner(tenant),
            option=drawing.option,
        )

    @pages.tenant_page("/settings", role="manager")
    async def settings_page() -> Response:
        return await page()

    @pages.tenant_page("/settings", role="manager", methods=["POST"])
    async def settings_save() -> Response:
        here, form = pages.here(), await _posted()
        try:
            keys = await office.settings.save(here.business.id, "", form, _seen(form), here.me, SHOWN)
        except FormRefused as err:
            return await page(form, err.flaws, status=422)
        except OverlayConflict as err:
            return await page(form, conflict=err.changes, status=409)
        said = _("Saved. It is in force in a few seconds.") if keys else _("Nothing was changed.")
        return pages.go("settings_page", tenant=here.business.id, said=said)

    @pages.tenant_page("/settings/check", role="manager", methods=["POST"])
    async def settings_check() -> Response:
        form = await _posted()
        flaws = await office.settings.check(pages.here().business.id, "", form, SHOWN)
        return await _flaw(pages, form, flaws)

    @pages.tenant_page("/settings/plugins", role="manager", methods=["POST"])
    async def settings_arrange() -> Response:
        here, form = pages.here(), await _posted()
        names = _moved([*form.get("plugin", [])], (form.get("act") or [""])[-1])
        try:
            await office.settings.arrange(here.business.id, names, _seen(form), here.me)
        except FormRefused as err:
            return pages.go("settings_page", tenant=here.business.id, said=drawing.worded(err.flaws[0]))
        except OverlayConflict as err:
            who = err.changes[-1].by if err.changes else ""
            return pages.go(
                "settings_page",
                tenant=here.business.id,
                said=_("%(who)s has changed the plugins meanwhile; look again.", who=who),
            )
        return pages.go("settings_page", tenant=here.business.id, said=_("Saved. It is in force in a few seconds."))

    @pages.tenant_page("/settings/revert", role="manager", methods=["POST"])
    async def settings_revert() -> Response:
        here, form = pages.here(), await _posted()
        key = (form.get("revert") or [""])[-1]
        try:
            done = await office.settings.revert(here.business.id, key, here.me) if key else False
            said = _("%(key)s is as the file says again.", key=key) if done else _("Nothing was changed.")
        except FormRefused as err:
            said = drawing.worded(err.flaws[0])
        parts = key.split(".")
        if (form.get("from") or [""])[-1] == "history":
            return pages.go("settings_history", tenant=here.business.id, said=said)
        if parts[0] == "plugins" and len(parts) > 1 and office.settings.plugin(parts[1]):
            return pages.go("settings_plugin", tenant=here.business.id, plugin=parts[1], said=said)
        return pages.go("settings_page", tenant=here.business.id, said=said)


def _plugin(pages: Pages, office: Office) -> None:
    async def page(plugin: str, form: Any = None, flaws: Any = (), conflict: Any = None, status: int = 200) -> Response:
        here = pages.here()
        line = await office.plugins.line(here.business.id, plugin)
        if line is None:
            abort(404)
        shown = None if line.refused else await office.settings.form(here.business.id, plugin)
        fields = drawing.drawn(shown.entries, form, flaws) if shown else []
        return await pages.render(
            "settings/plugin.html",
            status,
            plugin=plugin,
            line=line,
            form=shown,
            fields=fields,
            others=drawing.others(fields, flaws),
            wrong=len(tuple(flaws)),
            conflict=conflict,
            instance=office.plugins.instance,
            panel=await office.cards.panel(here.business.id, plugin, here.language) if line.listed else None,
            check=url_for("admin_ui.settings_plugin_check", tenant=here.business.id, plugin=plugin),
            option=drawing.option,
        )

    @pages.tenant_page("/settings/plugins/<plugin>", role="manager")
    async def settings_plugin(plugin: str) -> Response:
        return await page(plugin)

    @pages.tenant_page("/settings/plugins/<plugin>", role="manager", methods=["POST"])
    async def settings_plugin_save(plugin: str) -> Response:
        here, form = pages.here(), await _posted()
        if office.settings.plugin(plugin) is None:
            abort(404)
        try:
            keys = await office.settings.save(here.business.id, plugin, form, _seen(form), here.me)
        except FormRefused as err:
            return await page(plugin, form, err.flaws, status=422)
        except OverlayConflict as err:
            return await page(plugin, form, conflict=err.changes, status=409)
        said = _("Saved. It is in force in a few seconds.") if keys else _("Nothing was changed.")
        return pages.go("settings_plugin", tenant=here.business.id, plugin=plugin, said=said)

    @pages.tenant_page("/settings/plugins/<plugin>/check", role="manager", methods=["POST"])
    async def settings_plugin_check(plugin: str) -> Response:
        if office.settings.plugin(plugin) is None:
            abort(404)
        form = await _posted()
        return await _flaw(pages, form, await office.settings.check(pages.here().business.id, plugin, form))

    @pages.tenant_page("/pages/<plugin>/<name>", role="viewer")
    async def settings_plugin_page(plugin: str, name: str) -> Response:
        here = pages.here()
        there = {(of, each.name): each for of, each in office.cards.pages(here.business.id)}
        if (plugin, name) not in there:
            abort(404)
        card = await office.cards.panel(here.business.id, plugin, here.language, name)
        title = there[plugin, name].title_in(here.language)
        return await pages.render("settings/plugin_page.html", title=title, shown=card, plugin=plugin)


def _plugin_tests(pages: Pages, office: Office) -> None:
    @pages.tenant_page("/settings/plugins/<plugin>/test", role="manager", methods=["POST"])
    async def settings_plugin_test(plugin: str) -> Response:
        here = pages.here()
        if office.settings.plugin(plugin) is None:
            abort(404)
        found = await office.plugins.examine(here.business.id, plugin)
        template = "settings/_findings.html" if "HX-Request" in request.headers else "settings/tested.html"
        return await pages.render(template, plugin=plugin, found=found, now=here.now)

    @pages.tenant_page("/settings/plugins/<plugin>/repair", role="manager", methods=["POST"])
    async def settings_plugin_repair(plugin: str) -> Response:
        here, form = pages.here(), await _posted()
        fix = (form.get("fix") or [""])[-1]
        if office.settings.plugin(plugin) is None:
            abort(404)
        trouble = await office.plugins.repair(here.business.id, plugin, fix)
        await office.audit.wrote(here.business.id, here.me, "plugin.repaired", plugin, fix=fix, done=not trouble)
        said = _("It could not be done: %(why)s", why=trouble) if trouble else _("Done. Test it again.")
        return pages.go("settings_plugin", tenant=here.business.id, plugin=plugin, said=said)

    @pages.tenant_page("/settings/plugins/<plugin>/release", role="manager", methods=["POST"])
    async def settings_plugin_release(plugin: str) -> Response:
        here = pages.here()
        done = office.plugins.release(here.business.id, plugin)
        if done:
            await office.audit.wrote(here.business.id, here.me, "plugin.released", plugin)
        said = _("It may start again.") if done else _("It was not quarantined here.")
        return pages.go("settings_plugin", tenant=here.business.id, plugin=plugin, said=said)


def _history(pages: Pages, office: Office) -> None:
    @pages.tenant_page("/settings/history", role="manager")
    async def settings_history() -> Response:
        here = pages.here()
        steps = await office.settings_history.steps(here.business.id)
        days: dict[str, list[Any]] = {}
        for step in steps[:HISTORY]:
            days.setdefault(day(step.at, here.zone), []).append(step)
        return await pages.render("settings/history.html", days=days, more=len(steps) - HISTORY)

    @pages.tenant_page("/settings/export", role="manager")
    async def settings_export() -> Response:
        tenant = pages.here().business.id
        text = await office.settings_history.export(tenant)
        response = Response(text, content_type="application/yaml; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="{tenant}.yaml"'
        return response


async def _posted() -> dict[str, list[str]]:
    form = await request.form
    return {name: form.getlist(name) for name in form}


def _seen(form: dict[str, list[str]]) -> str:
    return (form.get("seen") or [""])[-1]


def _moved(names: list[str], act: str) -> list[str]:
    """The plugins' order after one button: `up:NAME`, `down:NAME`, `on:NAME`, `off:NAME`; or as they were dragged."""
    what, _colon, name = act.partition(":")
    if what == "on" and name not in names:
        return [*names, name]
    if name not in names:
        return names
    place = names.index(name)
    rest = [each for each in names if each != name]
    match what:
        case "off":
            return rest
        case "up":
            rest.insert(max(0, place - 1), name)
        case "down":
            rest.insert(place + 1, name)
        case _:
            return names
    return rest


async def _flaw(pages: Pages, form: dict[str, list[str]], flaws: Any) -> Response:
    """What is wrong with the one field that was typed into."""
    key = (form.get("of") or [""])[-1]
    told = [drawing.worded(each) for each in flaws if each.key == key or each.key.startswith((f"{key}[", f"{key}."))]
    return await pages.render("settings/_flaw.html", text=told[0] if told else "")
