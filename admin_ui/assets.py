"""Static files: named by what is in them, so that a browser keeps each for good and never an old one; sent compressed."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup
from quart import Response, abort, request, url_for

STATIC = Path(__file__).parent / "static"
_TEXT = ("text/", "application/javascript", "image/svg")
_KEEP = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is sent."""

    content_type: str
    content: bytes
    packed: bytes | None
    """With gzip; None where it does not pay."""
    digest: str


@cache
def _names() -> frozenset[str]:
    """All there are. Whoever asks for another name, which may be anybody, leaves nothing behind."""
    return frozenset(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


def _asset(name: str) -> Asset | None:
    return _read(name) if name in _names() else None


@cache
def _read(name: str) -> Asset:
    content = (STATIC / name).read_bytes()
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    text = kind.startswith(_TEXT)
    packed = gzip.compress(content, 9, mtime=0) if text and len(content) > 500 else None
    return Asset(f"{kind}; charset=utf-8" if text else kind, content, packed, hashlib.sha256(content).hexdigest()[:16])


def asset(name: str) -> str:
    """The address of a static file; it changes when the file does."""
    found = _asset(name)
    if found is None:
        raise FileNotFoundError(f"admin_ui/static/{name}")
    return url_for("admin_ui.static_file", name=name, v=found.digest)


async def send(name: str) -> Response:
    """The view of a static file."""
    found = await asyncio.to_thread(_asset, name)
    if found is None:
        abort(404)
    zipped = found.packed is not None and "gzip" in request.headers.get("Accept-Encoding", "")
    response = Response((found.packed or b"") if zipped else found.content, content_type=found.content_type)
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["ETag"] = f'"{found.digest}{"-gz" if zipped else ""}"'
    # An address without what is in it (a plugin's page has it so) must be asked for again.
    response.headers["Cache-Control"] = _KEEP if request.args.get("v") == found.digest else "no-cache"
    return response


@cache
def icon(name: str, label: str = "") -> Markup:
    """One of the vendored icons, drawn in the colour of the text; it is read aloud only with a *label*."""
    source = (STATIC / "vendor" / "icons" / f"{name}.svg").read_text("utf-8")
    inside = re.sub(r"\s+", " ", source[source.index(">", source.index("<svg")) + 1 : source.index("</svg>")]).strip()
    spoken = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup(
        '<svg class="icon" viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" '
        'stroke-width="2" stroke-linecap="round" stroke-linejoin="round" {}>{}</svg>'
    ).format(spoken, Markup(inside))  # noqa: S704  vendored files
