"""Which language a text is in, and its words in one plain spelling: lower case, no diacritics, no chat shorthand."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from .data import load

Language = Literal["vi", "en"]

READ_AT_MOST = 2_000
"""Characters of one message that are read: past this it is not a question to a front desk, and time is short."""

_VIETNAMESE_ONLY = re.compile(r"[ăđơưẠ-ỹ]", re.IGNORECASE)
_ACCENTED = re.compile(r"[àáâãèéêìíòóôõùúýỳ]", re.IGNORECASE)
_WORD = re.compile(r"[a-z0-9]+")
_WRITTEN = re.compile(r"[^\W_]+")
_REPEATED = re.compile(r"([a-z])\1{2,}")

_VIETNAMESE_WORDS = frozenset(
    "em anh chi ban minh toi ad shop khong ko hok hong bao nhieu bn bnhiu gi j nao duoc dc muon mun hoi oi vay z nhe nha "
    "hoc phi lop dau dat lich hen co va thi sao nhu con ngay mai gio khi voi vs nay kia roi chua nua day bac si rang "
    "cam xin chao da vang cua nguoi hom thu tuan sang trua chieu toi tien gia be giao vien khoa mo cua dia duong xe tieng "
    "kham dien thoai biet phai lam lai doi huy ntn bt bit ck hp sdt ben trung tam nhung mot hai ba bon sau bay chin muoi "
    "cho cai nhieu tu van dang ky het cung luon la ma the a".split()
)
_ENGLISH_WORDS = frozenset(
    "the is are am was were do does did have has can could would will should i my me we our you your he she it they this "
    "that these there what which who how why when where and or but if of for to in on at by with from about please "
    "thanks thank hello hi hey yes not want need like book cancel appointment much many long any some price cost open "
    "close tomorrow today next morning afternoon evening monday tuesday wednesday thursday friday saturday sunday "
    "speak talk person human help free good great sorry teeth tooth doctor dentist class lesson course know get "
    "sure one first second third last available take cash card kids child pay near move change time day week im".split()
)
_EITHER = frozenset("the a do to me in on can so an la no may hay co hi ma ban am sang con chi and ok good".split())
"""Words of both languages once diacritics are gone: weak evidence (`the` is also *thế*, `to` also *to*)."""


@lru_cache(maxsize=1)
def lexicon() -> dict[str, Any]:
    """The words of lexicon.yaml, as written there."""
    data: dict[str, Any] = load("lexicon.yaml")
    return data


def visible(text: str) -> str:
    """*text* as NFC without what cannot be seen (zero-width marks, direction marks), at most READ_AT_MOST characters."""
    plain = unicodedata.normalize("NFC", text[:READ_AT_MOST])
    return "".join(c for c in plain if c in "\n\t" or unicodedata.category(c) not in ("Cf", "Cc", "Cs", "Co", "Cn"))


def fold(text: str) -> str:
    """Lower case without diacritics: `Học phí` → `hoc phi`."""
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).replace("’", "'")


def detect(text: str) -> Language | None:
    """The language of *text*; None where nothing speaks for either (a name, a number, emoji)."""
    vietnamese = 3.0 * len(_VIETNAMESE_ONLY.findall(text)) + 1.0 * len(_ACCENTED.findall(text))
    english = 0.0
    for word in _WORD.findall(fold(text).replace("'", "")):
        weight = 0.3 if word in _EITHER else 1.0
        vietnamese += weight * (word in _VIETNAMESE_WORDS)
        english += weight * (word in _ENGLISH_WORDS)
    if vietnamese == english:
        return None
    return "vi" if vietnamese > english else "en"


class Word(NamedTuple):
    """A word as it was written: its plain letters, and its diacritics in one order, wherever the tone was put."""

    plain: str
    marks: str = ""

    def may_be(self, other: Word) -> bool:
        """Whether *other* is meant: the same letters, and the same diacritics or none. `ban` may be `bạn`; `bán` not."""
        return self.plain == other.plain and (not self.marks or self.marks == other.marks)


def tokens(text: str, language: Language) -> list[Word]:
    """The words of *text*; in Vietnamese with chat shorthand written out (`hp bn` → học phí bao nhiêu)."""
    plain = unicodedata.normalize("NFC", text).casefold().replace("’", "").replace("'", "")
    found = [word for written in _WRITTEN.findall(plain) if (word := _word(written)).plain]
    if language == "en":
        return found
    return [full for word in found for full in _shorthand().get(word, (word,))]


def words(text: str, language: Language) -> list[str]:
    """The words of *text* in plain letters."""
    return [word.plain for word in tokens(text, language)]


@lru_cache(maxsize=4096)  # the same few words come in every message
def _word(written: str) -> Word:
    if written.isascii() and not _REPEATED.search(written):
        return Word(written)
    plain = "".join(_WORD.findall(_REPEATED.sub(r"\1", fold(written))))
    if plain == written:
        return Word(plain)
    marks = sorted(c for c in unicodedata.normalize("NFD", written) if unicodedata.combining(c) or c == "đ")
    return Word(plain, "".join(marks))


@lru_cache(maxsize=1)
def _shorthand() -> dict[Word, tuple[Word, ...]]:
    return {_word(short): tuple(map(_word, full.split())) for short, full in lexicon()["shorthand"].items()}


def letters(text: str) -> str:
    """What script *text* is written in: `latin`, `other`, or `` if it has no letters at all."""
    scripts = {"latin" if unicodedata.name(c, "").startswith("LATIN") else "other" for c in text if c.isalpha()}
    if not scripts:
        return ""
    return "latin" if "latin" in scripts else "other"


def sentences(text: str) -> list[str]:
    """The sentences of *text*, each with the mark that ends it; a stop inside a number or a time ends nothing."""
    return [part.strip() for part in re.findall(r"(?:[^.?!…;\n]|[.?!;](?=\w))+[?!.…;]*", text) if part.strip()]
