"""Looks at one tenant from outside and inside: what the plugins find, and how the internet reaches this server."""

from __future__ import annotations

import aiohttp

from .. import blame, dispatch
from ..errors import PluginError
from ..findings import Finding
from ..runtime import Runtime

Found = tuple[str, Finding]
"""Whose finding it is (a plugin, or `frontdesk`), and the finding."""


async def at_public_url(session: aiohttp.ClientSession, public_url: str) -> Finding:
    """Whether a server of ours answers at the public address."""
    url = f"{public_url}/healthz"
    try:
        async with session.get(url, allow_redirects=False) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as err:
        return Finding(
            level="problem",
            what=f"{url} does not answer ({type(err).__name__})",
            cure="start the server and the proxy before it, or correct server.public_url in the tenants file",
        )
    if status != 200:
        return Finding(
            level="problem",
            what=f"{url} answers HTTP {status}",
            cure="let the proxy pass every path on as it is; server.public_url must be this server's own address",
        )
    return Finding(level="ok", what=f"the server answers at {public_url}")


async def examine(runtime: Runtime) -> list[Found]:
    """What the plugins of a tenant find, in its order of plugins."""
    found: list[Found] = [
        (plugin, Finding(level="problem", what=f"it does not run: {trouble}", cure="see its reference page"))
        for plugin, trouble in runtime.troubles.items()
    ]
    for bound in runtime.hook("diagnose"):
        plugin = bound.label.plugin
        try:
            found += [(plugin, finding) for finding in await dispatch.call(bound)]
        except (PluginError, dispatch.HookFailed) as err:
            cure = "mend that first, and ask again; what else there is could not be seen"
            found.append((plugin, Finding(level="problem", what=str(err) or blame.in_words(err), cure=cure)))
    return found
