"""Bad: written for a plugin API that is gone."""

from __future__ import annotations

from typing import ClassVar

from frontdesk import Plugin


class OldApi(Plugin):
    api_version: ClassVar[int] = 0
