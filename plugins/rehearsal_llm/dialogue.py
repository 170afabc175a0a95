"""From a request to a reply: everything is worked out anew from the messages, nothing is remembered between calls."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

from frontdesk import ModelReply, ModelRequest, ToolCall

from .arguments import VISIT
from .emoji import as_words, mood_of
from .errand import Errand, Step
from .intents import Reading, read
from .language import Language, detect, fold, letters, sentences
from .match import Index, Known
from .options import Offer, Option
from .phrases import Voice, continued, fit, said, say
from .questions import Answered, answered
from .thread import Round, Thread, follow, language_of, rounds
from .tools import CALL_A_PERSON, OFFER_CHOICES, deed_for, other_lookup, role
from .when import dates, days, named

_MEDIA = re.compile(
    r"^\[(?:voice note|image|video|document|sticker|message|contact card|location)[^\]\n]*\]\s*", re.MULTILINE
)
"""How the core describes, in a text, what is no text."""
_UNSEEN = re.compile(r"^\[(?:voice note|image|video|document|sticker)[^\]\n]*\]", re.MULTILINE)
"""Of these, what there is to see or hear."""
_STICKER = re.compile(r"\[sticker[^\]\n]*\]\s*")
_BRIEFLY = {"thanks": "welcome", "acknowledged": "brief"}
"""What is said in place of a closing where one was the last thing said."""
_LANGUAGES = frozenset({"#vietnameselang", "#english", "#language", "#conversation"})
"""What a question is about that asks for nothing but the language."""
_ANSWER_BY = "answer_by"
"""The core's tool that keeps how somebody wants to be answered; offered where there is a voice."""
_BY = {"by_voice": "voice", "in_text": "text"}
"""Intent → what that tool is told."""
_TO_MOVE = "A visit to be moved"
"""The section in which reminders tell the id of a visit: the time named next is for it."""
_CALLS = 6
"""Tool calls in one turn; one that needs more is going round in circles."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """Words for the contact, and why a colleague is needed, if one is."""

    text: str
    person: str = ""
    offer: Offer | None = None
    """What the contact can choose from, below the text."""


def reply(request: ModelRequest, index: Index, threshold: float, model: str, *, taps: bool = False) -> ModelReply:
    """What the model answers to *request*: words for the contact, a tool to be called, words and a colleague, or words and
    choices.

    :param taps: whether choices can be offered to be tapped; else they are lines of the text.
    """
    outcome = Dialogue(request, index, threshold).answer()
    number = 1 + sum(len(message.tool_calls) for message in request.messages)
    if isinstance(outcome, Step):
        call = ToolCall(id=f"call-{number}", name=outcome.tool, arguments=outcome.arguments)
        return ModelReply(tool_calls=(call,), model=model)
    if outcome.offer is not None:
        # What the core has turned down once is not offered to it again.
        refused = any(result.name == OFFER_CHOICES for result in request.messages[-1].tool_results)
        if taps and not refused and (choices := outcome.offer.choices()):
            call = ToolCall(id=f"call-{number}", name=OFFER_CHOICES, arguments={"choices": choices})
            asked = "\n".join(filter(None, (outcome.text, outcome.offer.asked)))
            return ModelReply(text=fit(asked), tool_calls=(call,), model=model)
        outcome = replace(outcome, text="\n".join(filter(None, (outcome.text, *outcome.offer.lines()))))
    text = fit(outcome.text)
    if outcome.person and any(tool.name == CALL_A_PERSON for tool in request.tools):
        call = ToolCall(id=f"call-{number}", name=CALL_A_PERSON, arguments={"reason": outcome.person[:300]})
        return ModelReply(text=text, tool_calls=(call,), model=model)
    return ModelReply(text=text, model=model)


class Dialogue:
    """One call of the model."""

    def __init__(self, request: ModelRequest, index: Index, threshold: float) -> None:
        # No look-up, whatever its description is about.
        self._request = replace(request, tools=tuple(tool for tool in request.tools if tool.name != _ANSWER_BY))
        self._may_speak = len(self._request.tools) < len(request.tools)
        self._tenant = request.tenant
        self._index = index
        self._threshold = threshold
        own: Language = "vi" if request.tenant.language.partition("-")[0] == "vi" else "en"
        written = rounds(request.messages)
        self._stickers = all(map(_STICKER.fullmatch, written[-1].texts)) and bool(written[-1].texts)
        self._unseen = any(_UNSEEN.search(text) for text in written[-1].texts)
        self._talk = [_without_media(one) for one in written]
        self._language = language_of(self._talk, own)
        tone = request.tenant.persona.tone
        self._voice = Voice(self._language, tone.formality, tone.emoji)
        self._newest = self._talk[-1]
        self._reading = read(self._newest.text, self._language)

    def answer(self) -> _Answer | Step:
        """The reply; a Step only where it names a tool to be called."""
        if not self._newest.text:
            if self._stickers:
                return _Answer(self._closing("acknowledged"))
            heard = self._newest.media
            return _Answer(self._words("not_understood_media") if heard else self._say("not_understood"))
        if any(call.name == CALL_A_PERSON for call, _ in self._newest.done):
            return _Answer(self._words("handed_off"))
        if "danger" in self._reading.intents:
            return self._in_danger()
        if self._may_speak and (wish := next((each for each in _BY if each in self._reading.intents), "")):
            if any(call.name == _ANSWER_BY for call, _ in self._newest.done):
                return _Answer(self._say(wish))
            return Step(tool=_ANSWER_BY, arguments={"how": _BY[wish]})
        identity = "identity" in self._reading.intents
        if self._reading.intents & {"angry", "person"} and ("angry" in self._reading.intents or not identity):
            return self._call_a_person()
        if mood := mood_of(self._newest.text):
            return self._react(mood)
        if letters(self._newest.text) == "other":
            return self._colleague(self._say("other_language"), self._reason("language"))
        if identity:
            return self._who_it_is()
        spoken = self._languages()
        if spoken and not self._newest.texts:
            return _Answer(spoken)
        outcome = self._with_picture() if self._unseen else self._on_words()
        opening = self._say("unseen") if self._unseen else spoken
        if opening and isinstance(outcome, _Answer):
            return replace(outcome, text=f"{opening} {continued(outcome.text)}")
        return outcome

    def _on_words(self) -> _Answer | Step:
        thread = self._followed()
        if thread.dropped:
            return _Answer(self._say("dropped"))
        asked = self._questions(thread)
        if thread.goal is not None and (thread.moved or asked.facts):
            return self._errand(thread, asked)
        return self._talk_back(asked)

    # Parts of an answer.

    def _languages(self) -> str:
        """The answer to `do you speak Vietnamese?`, in that language if nothing else is asked; the question is taken out."""
        parts = sentences(self._newest.text)
        asking = [part for part in parts if self._asks_for_a_language(part)]
        if not asking:
            return ""
        self._newest.texts = [part for part in parts if part not in asking]
        if self._newest.texts:
            return self._say("speaks")
        vietnamese = re.search(r"vietnamese|tieng viet", fold(asking[-1]))
        return say("speaks", self._voice._replace(language="vi" if vietnamese else "en"))

    def _asks_for_a_language(self, sentence: str) -> bool:
        reading = read(sentence, language := detect(sentence) or self._language)
        subjects = {term for term in self._index.terms(sentence, language) if term.startswith("#")}
        return "speaks" in reading.intents and reading.question and subjects <= _LANGUAGES

    def _with_picture(self) -> _Answer | Step:
        """What can be said to a caption alone; a colleague looks at what is asked about the picture itself."""
        looked = _Answer(self._words("handed_off"), person=self._reason("unseen"))
        if "picture" in self._reading.intents:
            return looked
        asked = self._asked()
        nothing = not asked.facts and (asked.unknown or asked.remarks)
        thread = self._followed()
        return looked if nothing and thread.goal is None else self._on_words()

    def _who_it_is(self) -> _Answer:
        """The honest answer first, then the facts for whatever else was asked."""
        others = [one for one in sentences(self._newest.text) if "identity" not in read(one, self._language).intents]
        asked = answered("\n".join(others), "", self._index, self._threshold, self._language)
        names = {"assistant": self._tenant.persona.name, "business": self._tenant.name}
        return _Answer("\n".join(filter(None, (self._say("bot", **names), self._told(asked.facts)))))

    def _in_danger(self) -> _Answer:
        """What to do at once, and a colleague; nothing else that was asked matters as much."""
        facts = self._urgent()
        return self._colleague(self._told(facts) if facts else self._say("danger"), self._reason("danger"))

    def _call_a_person(self) -> _Answer:
        angry = "angry" in self._reading.intents
        if angry:
            return self._colleague(self._say("sorry"), self._reason("upset"))
        return _Answer(self._words("handed_off"), person=self._reason("person"))

    def _errand(self, thread: Thread, asked: Answered) -> _Answer | Step:
        step = Errand(thread, self._newest, self._request, self._index, self._voice).next()
        made = [call for call, _ in self._newest.done]
        repeated = any(call.name == step.tool and call.arguments == step.arguments for call in made[-1:])
        if step.tool and len(made) < _CALLS and not repeated:
            return step
        told = self._told(asked.facts)
        if step.tool:
            return self._colleague(self._say("failed_lookup"), self._reason("tool", tool=step.tool))
        if step.person:
            opening = f"{told}\n{continued(step.text)}" if told else step.text
            return self._colleague(opening, step.person)
        return _Answer("\n\n".join(filter(None, (told, step.text))), offer=step.offer)

    def _talk_back(self, asked: Answered) -> _Answer:
        told = self._told(asked.facts)
        if asked.unknown:
            told = told or self._told(self._on_pain())
            opening = f"{told}\n{self._say('unknown_rest')}" if told else self._say("unknown")
            return self._colleague(opening, self._reason("unknown", wrote=" ".join(asked.unknown)))
        if told:
            return _Answer("\n".join(filter(None, (self._hello(), told, self._offer()))))
        return self._small_talk(asked)

    def _small_talk(self, asked: Answered) -> _Answer:
        intents = self._reading.intents
        names = {"assistant": self._tenant.persona.name, "business": self._tenant.name}
        if "bot" in intents:
            return _Answer(self._say("bot", **names))
        if "well" in intents:
            return _Answer(self._say("well"))
        if intents & {"yes", "no", "noted"}:
            return _Answer(self._closing("acknowledged"))
        if "thanks" in intents and (not asked.remarks or intents & {"only_thanks"}):
            return _Answer(self._closing("thanks"))
        if asked.remarks:
            return self._find_out(asked)
        if "goodbye" in intents:
            return _Answer(self._say("goodbye"))
        if "greeting" in intents:
            first = len(self._talk) == 1
            return _Answer(self._words("greeting") if first else f"{self._say('greet')} {self._say('help')}")
        return self._find_out(asked)

    def _react(self, mood: str) -> _Answer:
        """To an emoji and nothing else."""
        if mood == "sad":
            if said("sad", self._newest.said):
                return self._colleague(self._say("sorry"), self._reason("upset"))
            return _Answer(self._say("sad"))
        return _Answer(self._closing("thanks" if mood == "thanks" else "acknowledged"))

    def _closing(self, key: str) -> str:
        """A polite end, said once: after one, a word is enough."""
        ended = any(said(each, self._newest.said) for each in (*_BRIEFLY.values(), *_BRIEFLY, "dropped", "goodbye"))
        return self._say(_BRIEFLY[key] if ended else key)

    def _find_out(self, asked: Answered) -> _Answer:
        """Nothing could be told: what to do about pain if that is spoken of, else ask once, then call somebody."""
        if urgent := self._on_pain():
            return _Answer(self._told(urgent))
        if said("clarify", self._newest.said) or said("not_understood", self._newest.said):
            return self._colleague(self._say("unknown"), self._reason("not_understood"))
        if detect(self._newest.text) is None and not any(map(self._index.knows, self._terms())):
            return _Answer(self._say("not_understood"))
        topics = [fact.topic for fact in self._index.facts[:5]]
        if not topics:
            return _Answer(self._say("clarify"))
        listed = self._say("clarify_topics", topics=", ".join(topics))
        return _Answer(self._say("clarify"), offer=Offer([Option(topic, topic) for topic in topics], listed=listed))

    def _on_pain(self) -> tuple[Known, ...]:
        """What to do about it, if pain is spoken of."""
        return self._urgent() if "#pain" in self._terms() else ()

    def _urgent(self) -> tuple[Known, ...]:
        """What the tenant says on emergencies, whichever tooth it is."""
        marked = tuple(fact for fact in self._index.facts if fact.urgent)
        spoken = tuple(fact for fact in marked if detect(fact.answer) == self._language)
        if marked:
            return spoken or marked
        tried = (self._index.search((term,), self._threshold, at_most=1) for term in ("#emergency", "#pain"))
        return next((tuple(one.fact for one in found) for found in tried if found), ())

    def _told(self, facts: tuple[Known, ...]) -> str:
        lines = []
        for number, fact in enumerate(facts):
            if number > 0 or re.match(r"dạ\b", fact.answer, re.IGNORECASE):
                lines.append(fact.answer)
            elif (detect(fact.answer) or self._language) != self._language:
                lines.append(self._say("lead_foreign", text=fact.answer))
            else:
                lines.append(self._say("lead", text=self._after_lead(fact.answer)))
        return "\n".join([*lines, *self._doubts(facts)])

    def _doubts(self, facts: tuple[Known, ...]) -> list[str]:
        """Opening hours that are asked for a date are those of its weekday: who knows whether it is a holiday?"""
        today = self._request.now.date()
        hours = [fact.answer for fact in facts if "#hours" in fact.wordings[0]]
        told = {day for answer in hours for day in dates(answer, today)}
        asked = [day for day in dates(self._newest.text, today) if hours and day not in told]
        return [self._say("usual_hours", day=self._day(day)) for day in asked[:1]]

    def _day(self, day: date) -> str:
        return f"{day.day}/{day.month}" if self._language == "vi" else f"{day.day} {day:%B}"

    def _after_lead(self, text: str) -> str:
        """`Dạ, học phí …`: small after the comma, unless it is a name (`Hoa Sen ở …`)."""
        first, _, rest = text.partition(" ")
        small = (
            self._language == "vi" and self._voice.formality != "casual" and rest[:1].islower() and first[1:].islower()
        )
        return text[:1].lower() + text[1:] if small else text

    def _hello(self) -> str:
        greeted = "greeting" in self._reading.intents and self._language == "vi" and len(self._talk) == 1
        return self._say("greet") if greeted else ""

    def _offer(self) -> str:
        """The next thing a front desk would ask; once is enough."""
        able = deed_for("book", self._request.tools, (), self._index) is not None
        if not able or any(said("offer_booking", one.said) for one in self._talk):
            return ""
        return self._say("offer_booking")

    def _colleague(self, opening: str, reason: str) -> _Answer:
        return _Answer(f"{opening} {continued(self._words('handed_off'))}", person=reason)

    # What is wanted.

    def _followed(self) -> Thread:
        today = self._request.now.date()
        return follow(self._talk, self._request.tools, today, self._goal_of, to_move=self._to_move())

    def _to_move(self) -> str:
        """The id of the visit that a time named next is for; once it was moved in this turn, no section tells it."""
        told = next((section.text for section in self._request.sections if section.name == _TO_MOVE), "")
        if (found := re.search(r"\bid ([^\s,]+)", told)) and self._able("move"):
            return found[1]
        movers = {tool.name for tool in self._request.tools if role(tool) == "move"}
        moved = [call for call, _ in self._newest.done if call.name in movers]
        ids = (str(value) for call in moved for name, value in call.arguments.items() if VISIT & set(name.split("_")))
        return next(ids, "")

    def _questions(self, thread: Thread) -> Answered:
        # What moved an errand on ("do you have anything on Friday?") is answered by the errand.
        stuck = thread.goal == "book" and not self._able("book")
        return Answered() if thread.moved and not stuck else self._asked()

    def _asked(self) -> Answered:
        before = self._talk[-2].text if len(self._talk) > 1 else ""
        return answered(self._newest.text, before, self._index, self._threshold, self._language)

    def _goal_of(self, text: str, language: Language) -> str | None:
        reading = read(text, detect(text) or language)
        wish = reading.wish or self._visit(reading, text)
        concrete = wish == "book" and (not reading.question or bool(days(text, self._request.now.date())))
        if wish is not None and (concrete or self._able(wish)):
            return wish
        terms = self._index.terms(text, detect(text) or language)
        if self._index.search(terms, self._threshold):
            return None  # also for a wish no tool can grant: the fact on cancelling beats "I cannot do that"
        if wish is not None:
            return wish
        lookup = other_lookup(terms, self._request.tools, self._index)
        return f"tool:{lookup.name}" if lookup is not None else None

    def _visit(self, reading: Reading, text: str) -> str | None:
        """`book` for "can I come Monday at 3?": who names a time wants it looked up, if there is a diary."""
        timed = named(text, self._request.now.date())
        coming = "coming" in reading.intents and "hypothetical" not in reading.intents
        return "book" if coming and timed and self._able("book") else None

    def _able(self, wish: str) -> bool:
        """Whether a tool does what is wished for."""
        return any(role(tool) == ("own" if wish == "mine" else wish) for tool in self._request.tools)

    def _terms(self) -> tuple[str, ...]:
        return self._index.terms(self._newest.text, self._language)

    def _reason(self, why: str, tool: str = "", wrote: str = "") -> str:
        """Why a colleague is needed, in the language of the conversation."""
        return self._say(f"reason_{why}", tool=tool, wrote=wrote or " ".join(self._newest.text.split()))

    def _say(self, key: str, **values: str) -> str:
        return say(key, self._voice, **values)

    def _words(self, key: str) -> str:
        return self._tenant.say(key, self._language)


def _without_media(one: Round) -> Round:
    """The round without the core's descriptions of pictures and voice notes, which count as media."""
    texts = [as_words(_MEDIA.sub("", text).strip()) for text in one.texts]
    described = any(map(_MEDIA.search, one.texts))
    return Round(said=one.said, texts=[text for text in texts if text], media=one.media or described, done=one.done)
