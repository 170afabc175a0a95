"""What is wrong with a plugin class is told to its author all at once."""

from __future__ import annotations

import re

import pytest

from frontdesk.config import Times
from frontdesk.registry import PluginRefused, Registry


def test_all_that_is_wrong_with_a_class_is_told_at_once_with_its_place(sample):
    with pytest.raises(PluginRefused) as refused:
        Registry(Times()).register("many", sample("many_mistakes"), "frontdesk-plugin-many 1.0")
    start = "plugin many (frontdesk-plugin-many 1.0): samples/many_mistakes.py:"
    found = [re.sub(r"^\d+: ", "", problem.removeprefix(start)) for problem in refused.value.problems]
    assert [problem.partition(";")[0] for problem in found] == [
        "ManyMistakes was written for plugin API 0, this is 1",
        "ManyMistakes: `settings` is annotated with dict[str, typing.Any], which is not a subclass of frontdesk.Settings",
        "ManyMistakes.on_hand_off: there is no hook of this name",
        "ManyMistakes.on_handoff: takes `contct`, which this hook does not give",
        "ManyMistakes.on_handoff is not async: write `async def on_handoff(…)`",
        "ManyMistakes.alert_operator has the name of a hook and would never be called as one",
        "ManyMistakes.send is a hook of channels: derive the class from frontdesk.Channel",
        "tool ManyMistakes.order has no docstring: the model chooses tools by it",
        'deed ManyMistakes.order cannot be survived in a crash: give it lookup="method" with an async method of '
        "ManyMistakes that finds out whether it has happened, or repeatable=True",
        "tool ManyMistakes.order: parameter dish has no annotation",
    ]
    assert str(refused.value).splitlines() == list(refused.value.problems)
