"""The sentences Frontdesk says of its own accord; words.yaml holds their defaults in Vietnamese and English."""

from __future__ import annotations

import string
from collections.abc import Mapping
from functools import lru_cache, partial
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import AfterValidator

from .fields import Paragraph
from .problems import wrong
from .settings import Settings

PLACEHOLDERS = ("assistant", "business")


def _sentence(text: str, more: tuple[str, ...] = ()) -> str:
    known = (*PLACEHOLDERS, *more)
    right = f"placeholders are {' and '.join(f'{{{name}}}' for name in known)}; a brace that is text is doubled"
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise wrong(f"a brace is not closed or not opened ({error})", right) from None
    for _, name, format_spec, conversion in parts:
        if name is not None and (name not in known or format_spec or conversion):
            raise wrong("an unknown placeholder", right)
    return text


Sentence = Annotated[Paragraph, AfterValidator(_sentence)]
"""What a contact reads; may hold `{assistant}` and `{business}`."""

SentenceWithTime = Annotated[Paragraph, AfterValidator(partial(_sentence, more=("opens",)))]
"""As `Sentence`, and may hold `{opens}`: when somebody will be there."""


class Words(Settings):
    """What Frontdesk says of its own accord, in the tenant's language. Vietnamese and English have defaults."""

    greeting: Sentence
    """The first answer, when the contact has only said hello."""
    holding: Sentence
    """No answer can be given now: a person will come back to the contact."""
    handed_off: Sentence
    """A person is called, because the contact asked for one or because one is needed."""
    unconfirmed: Sentence
    """In place of an answer of a model that nothing bore out: a person will look and come back to the contact."""
    closed: SentenceWithTime
    """After a hand-off outside the opening hours: when somebody will be there."""
    stopped: Sentence = "{business} will not write to you any more. To hear from us again, write START."
    """The contact asked for no more messages: there will be none until they write START."""
    resumed: Sentence = "You will hear from {business} again from now on."
    """The contact wants messages again."""
    not_understood_media: Sentence
    """A picture, voice note or file came that no plugin of the tenant can read."""
    voice_silent: Sentence = "I could not hear anything in your voice message. Could you record it again, please?"
    """Nothing is said in a voice note."""
    voice_noisy: Sentence = (
        "I could not make out your voice message. Could you say it again, or write it to me, please?"
    )
    """What is said in a voice note cannot be told for sure: it is not guessed at."""
    voice_long: Sentence = (
        "Your voice message is too long for me. Could you send a shorter one, or write it to me, please?"
    )
    """A voice note is longer than `voice.longest`."""
    voice_damaged: Sentence = "Your voice message did not arrive whole. Could you send it again, please?"
    """A voice note is cut off or broken, or is gone at the provider."""
    voice_type: Sentence = (
        "I cannot play this recording. Could you send it as a voice message, or write it to me, please?"
    )
    """What came as a voice note is no sound that can be read."""
    voice_away: Sentence = "I cannot listen to voice messages at the moment. Could you write it to me, please?"
    """Whoever puts voice notes into words does not answer, or took too long."""


@lru_cache(maxsize=1)
def _defaults() -> Mapping[str, Mapping[str, str]]:
    text = files(__package__).joinpath("words.yaml").read_text(encoding="utf-8")
    defaults: Mapping[str, Mapping[str, str]] = yaml.load(text, Loader=yaml.CSafeLoader)
    return defaults


def default_words(language: str) -> dict[str, str]:
    """The built-in sentences in *language* (BCP 47; `en-GB` is served by `en`); empty if there are none."""
    primary = language.partition("-")[0]
    return {key: texts[primary] for key, texts in _defaults().items() if primary in texts}
