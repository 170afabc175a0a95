"""ETag and If-Match: two who change the same thing do not overwrite each other."""

from __future__ import annotations

from typing import Any

from quart import request

from .problems import ApiProblem


def tagged(shown: Any, version: int, status: int = 200) -> tuple[Any, int, dict[str, str]]:
    """An answer that says which version it is."""
    return shown, status, {"ETag": f'"{version}"'}


def wanted() -> int | None:
    """The version that If-Match names; None: any. Raises ApiProblem for what is no version of ours."""
    given = request.headers.get("If-Match", "").strip()
    if given in ("", "*"):
        return None
    number = given.removeprefix("W/").strip('"')
    if not number.isascii() or not number.isdigit() or len(number) > 15:
        raise changed()
    return int(number)


def changed() -> ApiProblem:
    return ApiProblem("changed", "read it again, look at what has changed, and send the new ETag in If-Match")
