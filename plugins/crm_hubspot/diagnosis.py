"""What `frontdesk doctor` looks at in a HubSpot account: token, scopes, properties, stages, owners, webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator

from frontdesk import Finding, NeedsAttention, PluginError

from .client import HubSpot
from .owners import Owners
from .paths import COMMUNICATIONS, CONTACTS, DEALS, NOTES
from .schema import Schema
from .settings import HubspotSettings, Stages

FIX = "properties"
"""What `repair` can do: make the properties that are missing."""


class Diagnosis:
    """One look at one account."""

    def __init__(
        self, client: HubSpot, settings: HubspotSettings, schema: Schema, owners: Owners, webhook_url: str
    ) -> None:
        self._client = client
        self._settings = settings
        self._schema = schema
        self._owners = owners
        self._webhook_url = webhook_url

    @property
    def kinds(self) -> list[str]:
        """The object types that these settings need."""
        wanted = [CONTACTS, *([DEALS] if self._settings.deal_from != "never" else [])]
        wanted += [COMMUNICATIONS] if self._settings.activities else []
        return wanted + ([NOTES] if self._settings.notes else [])

    async def run(self) -> AsyncIterator[Finding]:
        try:
            account = await self._client.account()
        except PluginError as err:
            yield Finding(level="problem", what=f"HubSpot does not answer: {err}", cure="mend what the sentence names")
            return
        yield Finding(level="ok", what=f"the access token opens the account {account.portal} ({account.zone})")
        for kind in self.kinds:
            yield await self._of_properties(kind)
        if self._settings.deal_from != "never":
            async for finding in self._of_stages():
                yield finding
        async for finding in self._of_owners():
            yield finding
        yield self._of_webhooks()
        if self._settings.api_version == "v3":
            yield Finding(
                level="warning",
                what="api_version is v3, which HubSpot supports until September 2027",
                cure="write api_version: 2026-09",
            )

    async def _of_properties(self, kind: str) -> Finding:
        try:
            missing = await self._schema.missing(kind)
        except NeedsAttention as err:
            return Finding(level="problem", what=f"{kind}: {err.what}", cure="mend it in HubSpot")
        except PluginError as err:
            return Finding(level="problem", what=f"{kind}: {err}", cure="look again later")
        if missing:
            names = ", ".join(each["name"] for each in missing)
            return Finding(
                level="warning",
                what=f"{kind} lack the properties {names}",
                cure="they are made at the first push",
                fix=FIX,
            )
        return Finding(level="ok", what=f"{kind} have all properties that are needed")

    async def _of_stages(self) -> AsyncIterator[Finding]:
        try:
            told = await self._client.get(self._client.paths.pipelines())
        except PluginError as err:
            yield Finding(level="problem", what=f"pipelines: {err}", cure="mend what the sentence names")
            return
        pipelines = {str(each.get("id")): each for each in told.get("results", [])}
        pipeline = pipelines.get(self._settings.pipeline)
        if pipeline is None:
            cure = f"write one of {', '.join(pipelines)} as `pipeline`"
            yield Finding(level="problem", what=f"there is no pipeline {self._settings.pipeline}", cure=cure)
            return
        stages = {str(each.get("id")): str(each.get("label")) for each in pipeline.get("stages", [])}
        wrong = [
            f"stages.{name}: {id}"
            for name in Stages.model_fields
            if (id := getattr(self._settings.stages, name)) and id not in stages
        ]
        if wrong:
            there = ", ".join(f"{id} ({label})" for id, label in stages.items())
            yield Finding(
                level="problem", what=f"the pipeline has no such stage: {'; '.join(wrong)}", cure=f"there are: {there}"
            )
        else:
            yield Finding(level="ok", what=f"the stages are those of the pipeline {self._settings.pipeline}")

    async def _of_owners(self) -> AsyncIterator[Finding]:
        wanted = {*self._settings.owners.values(), self._settings.default_owner} - {""}
        if not wanted:
            return
        try:
            ids = await self._owners.ids()
        except PluginError as err:
            yield Finding(level="problem", what=f"owners: {err}", cure="mend what the sentence names")
            return
        unknown = sorted(address for address in wanted if address.casefold() not in ids)
        if unknown:
            cure = "invite them in HubSpot, or correct `owners`"
            yield Finding(level="problem", what=f"HubSpot has no owner {', '.join(unknown)}", cure=cure)
        else:
            yield Finding(level="ok", what="every owner is known to HubSpot")

    def _of_webhooks(self) -> Finding:
        if self._settings.client_secret is None:
            return Finding(
                level="warning",
                what="changes made in HubSpot do not come back: client_secret is not set",
                cure=f"in the app's webhooks enter {self._webhook_url}, and its client secret as `client_secret`",
            )
        return Finding(level="ok", what=f"signed webhooks are taken at {self._webhook_url}")
