"""Which of the two languages with built-in words a contact writes in, also without diacritics."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

_VIETNAMESE_ONLY = re.compile(r"[ăđơưẠ-ỹ]", re.IGNORECASE)
_ACCENTED = re.compile(r"[àáâãèéêìíòóôõùúýỳ]", re.IGNORECASE)
_WORD = re.compile(r"[a-z0-9]+")

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


def fold(text: str) -> str:
    """Lower case without diacritics: `Học phí` → `hoc phi`."""
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).replace("’", "'")


def detect_language(text: str) -> Literal["vi", "en"] | None:
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


def spoken(texts: Iterable[str], own: str) -> str:
    """The language of the newest of *texts* (newest first) that shows one, as BCP 47; else *own*.

    A tenant of a third language is not second-guessed: in French there are words that look English.
    """
    if own.partition("-")[0] not in ("vi", "en"):
        return own
    found = next((language for text in texts if (language := detect_language(text))), "")
    return own if own.partition("-")[0] == found else found or own
