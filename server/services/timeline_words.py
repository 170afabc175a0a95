"""The steps of a timeline in words, in English and in Vietnamese."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from .timeline import Step

Language = Literal["en", "vi"]

_SENTENCES: Mapping[str, tuple[str, str]] = {
    "message": ("The contact sent {kind}: “{text}”", "Khách gửi {kind}: “{text}”"),
    "taken_up": (
        "Took up {some_count}, {seconds} after the first{attempt}; {waited_for}",
        "Nhận {some_count}, {seconds} sau tin đầu tiên{attempt}; {waited_for}",
    ),
    "prompt": (
        "The model was told: {history} earlier messages and {messages} new ones ({characters} characters); sections: "
        "{sections}; tools: {tools}",
        "Mô hình được cho biết: {history} tin trước đó và {messages} tin mới ({characters} ký tự); các phần: {sections}; "
        "công cụ: {tools}",
    ),
    "thought": (
        "{plugin} ({model}) answered in {seconds}, {input_tokens} tokens in{cached} and {output_tokens} out{cost}: "
        "{reply}{notes}",
        "{plugin} ({model}) trả lời sau {seconds}, {input_tokens} token vào{cached} và {output_tokens} token ra{cost}: "
        "{reply}{notes}",
    ),
    "no_answer": ("{plugin} gave no answer: {reason}", "{plugin} không trả lời: {reason}"),
    "untrue": (
        "The answer said what nothing bears out ({kinds}): {put_right}",
        "Câu trả lời có điều không có căn cứ ({kinds}): {put_right}",
    ),
    "tool": (
        "The tool {tool} ({plugin}) took {seconds}: {outcome}{result}",
        "Công cụ {tool} ({plugin}) mất {seconds}: {outcome}{result}",
    ),
    "chosen": (
        "{plugin} answered what was tapped: {outcome}{result}",
        "{plugin} trả lời lựa chọn của khách: {outcome}{result}",
    ),
    "hook": ("{hook} of {plugin} took {seconds}: {outcome}", "{hook} của {plugin} mất {seconds}: {outcome}"),
    "superseded_by_a_newer_message": (
        "The contact wrote more: a draft of {characters} characters was dropped",
        "Khách viết thêm: bỏ bản nháp {characters} ký tự",
    ),
    "hearing": (
        "Waits for the words of a voice note, which are being made",
        "Chờ chuyển tin thoại thành chữ",
    ),
    "spoken": (
        "Spoke {characters} characters in {language} as {kilobytes} kB of {content_type} in {seconds}: {outcome}{because}",
        "Đọc {characters} ký tự tiếng {language} thành {kilobytes} kB {content_type} trong {seconds}: {outcome}{because}",
    ),
    "proposed": (
        "Wrote {some_messages}, {characters} characters{handoff}",
        "Viết {some_messages}, {characters} ký tự{handoff}",
    ),
    "closed_without_a_model": (
        "Closed without a model: {reason}",
        "Kết thúc không cần mô hình: {reason}",
    ),
    "deed": ("The deed {tool} ({plugin}): {outcome}{result}", "Việc {tool} ({plugin}): {outcome}{result}"),
    "note": ("A note for operators: {text}", "Ghi chú cho nhân viên: {text}"),
    "ended": ("The turn ended: {state}{because}", "Lượt kết thúc: {state}{because}"),
    "delivery": ("“{text}”: {state}{attempts}{error}", "“{text}”: {state}{attempts}{error}"),
    "more": ("{lines} more lines were left out", "bỏ bớt {lines} dòng nữa"),
}

_WORDS: Mapping[str, tuple[str, str]] = {
    # what a contact sends
    "text": ("a text", "tin nhắn"),
    "voice": ("a voice note", "tin thoại"),
    "image": ("a picture", "hình ảnh"),
    "video": ("a video", "video"),
    "document": ("a document", "tài liệu"),
    "sticker": ("a sticker", "nhãn dán"),
    "location": ("a location", "vị trí"),
    "button": ("the press of a button", "nút bấm"),
    "other": ("something", "nội dung khác"),
    # what settling waited for
    "": ("waiting is switched off", "không chờ thêm"),
    "quiet": ("waited until nothing more came", "đã chờ đến khi khách ngừng viết"),
    "fragment": ("waited longer, as the last one seemed unfinished", "chờ lâu hơn vì tin cuối có vẻ chưa hết câu"),
    "media": ("waited longer, as a file had come", "chờ lâu hơn vì có tệp gửi đến"),
    "cap": ("waited as long as is allowed", "đã chờ hết thời gian cho phép"),
    # how a tool or a deed ended
    "done": ("done", "xong"),
    "ok": ("done", "xong"),
    "refused": ("refused, and the model was told why", "bị từ chối, mô hình đã được cho biết lý do"),
    "later": ("not possible at the moment", "hiện chưa thực hiện được"),
    "needs attention": ("does not work, and the operators were told", "không hoạt động, nhân viên đã được báo"),
    "failed": ("failed", "thất bại"),
    "left to the model": ("left to the model", "để mô hình trả lời"),
    "unknown tool": ("there is no such tool", "không có công cụ này"),
    "intended": ("it is not known whether it was done", "không rõ đã thực hiện hay chưa"),
    "Superseded": ("not run, as the contact wrote more", "không chạy vì khách viết thêm"),
    "OwnerChanged": ("not run, as somebody took over", "không chạy vì đã có người tiếp nhận"),
    "HookFailed": ("failed", "thất bại"),
    # how a turn ended, and what became of a message
    "open": ("still open", "đang mở"),
    "proposed": ("not adopted", "chưa được chốt"),
    "committed": ("answered", "đã trả lời"),
    "parked": ("parked for a person", "chờ người xử lý"),
    "withdrawn": ("withdrawn", "đã rút lại"),
    "queued": ("waits to be sent", "đang chờ gửi"),
    "sending": ("is being sent", "đang gửi"),
    "accepted": ("taken by the provider", "nhà cung cấp đã nhận"),
    "sent": ("sent", "đã gửi"),
    "delivered": ("delivered", "đã nhận được"),
    "read": ("read", "đã đọc"),
    "expired": ("too late, never sent", "quá hạn, không gửi"),
    # parts of sentences
    "none": ("none", "không có"),
    "message": ("message", "tin nhắn"),
    "messages": ("messages", "tin nhắn"),
    "said": ("words for the contact", "lời nhắn cho khách"),
    "asked for": ("asked for", "gọi"),
    "attempt": ("attempt", "lần thử"),
    "handoff": ("a person is called", "gọi người hỗ trợ"),
    "cached": ("from the cache", "từ bộ nhớ đệm"),
    # what an answer said that is not so, and what was done about it
    "book": ("a booking", "đặt lịch"),
    "move": ("a change of time", "đổi lịch"),
    "cancel": ("a cancellation", "hủy lịch"),
    "send": ("something sent", "đã gửi"),
    "order": ("an order", "đơn hàng"),
    "note": ("something noted", "ghi chú"),
    "remind": ("a reminder", "nhắc hẹn"),
    "refund": ("a refund", "hoàn tiền"),
    "tell": ("a person told", "đã báo người phụ trách"),
    "any": ("something done", "đã làm xong"),
    "price": ("a price", "giá"),
    "share": ("a percentage", "phần trăm"),
    "phone": ("a telephone number", "số điện thoại"),
    "time": ("a time", "giờ"),
    "date": ("a date", "ngày"),
    "asked_again": ("the model was asked once to put it right", "mô hình được yêu cầu sửa lại một lần"),
    "person_called": ("it was made true, and a person is called", "đã gọi người hỗ trợ cho đúng lời đã nói"),
    "replaced": (
        "an honest sentence took its place, and a person is called",
        "đã thay bằng lời trung thực và gọi người hỗ trợ",
    ),
}


def words(step: Step, language: Language) -> str:
    """*step* in one sentence; a kind that this release does not know as its data stands."""
    place = 1 if language == "vi" else 0
    sentences = _SENTENCES.get(step.kind)
    if sentences is None:
        return f"{step.kind.replace('_', ' ')} {step.data}"
    return sentences[place].format_map(_Parts(step.data, language))


class _Parts(dict[str, str]):
    """What a sentence is made of. An earlier release's line may lack some of it: that is a dash."""

    def __init__(self, data: Mapping[str, Any], language: Language) -> None:
        super().__init__()
        self._data = data
        self._language = language

    def __missing__(self, key: str) -> str:
        made = _MADE.get(key)
        if made is not None:
            return made(self._data, self._word)
        value = self._data.get(key)
        return "–" if value is None or value == "" else self._number(value)

    def _number(self, value: Any) -> str:
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return text.replace(".", ",") if self._language == "vi" and isinstance(value, float) else text

    def _word(self, value: Any) -> str:
        if isinstance(value, float):
            return self._number(value)
        known = _WORDS.get(str(value))
        return str(value) if known is None else known[1 if self._language == "vi" else 0]


Word = Callable[[Any], str]


def _listed(names: list[str], word: Word) -> str:
    return ", ".join(names) or word("none")


def _sections(data: Mapping[str, Any], word: Word) -> str:
    sections = data.get("sections", [])
    return _listed([f"{section['name']} ({section['characters']})" for section in sections], word)


def _reply(data: Mapping[str, Any], word: Word) -> str:
    tools = data.get("tools", [])
    return f"{word('asked for')} {', '.join(tools)}" if tools else word("said")


def _outcome(data: Mapping[str, Any], word: Word) -> str:
    """A deed of which nobody knows is told so, whatever its call came to."""
    unknown = data.get("state") == "intended"
    return word("intended" if unknown else data.get("outcome") or data.get("state", "–"))


def _some(key: str) -> Callable[[Mapping[str, Any], Word], str]:
    return lambda data, word: f"{data.get(key, '–')} {word('message' if data.get(key) == 1 else 'messages')}"


def _cost(data: Mapping[str, Any], word: Word) -> str:
    return f", {word(data['cost'])} {data['currency']}" if "cost" in data else ""


def _behind(key: str, separator: str = ": ") -> Callable[[Mapping[str, Any], Word], str]:
    return lambda data, word: f"{separator}{data[key]}" if data.get(key) else ""


def _repeated(key: str) -> Callable[[Mapping[str, Any], Word], str]:
    return lambda data, word: f" ({word('attempt')} {data[key]})" if data.get(key, 1) > 1 else ""


_MADE: Mapping[str, Callable[[Mapping[str, Any], Word], str]] = {
    "kind": lambda data, word: word(data.get("kind", "other")),
    "waited_for": lambda data, word: word(data.get("waited_for", "")),
    "state": lambda data, word: word(data.get("state", "–")),
    "outcome": _outcome,
    "some_count": _some("count"),
    "some_messages": _some("messages"),
    "because": _behind("reason"),
    "seconds": lambda data, word: f"{word(float(data['seconds']))} s" if "seconds" in data else "–",
    "sections": _sections,
    "tools": lambda data, word: _listed(data.get("tools", []), word),
    "kinds": lambda data, word: _listed([word(kind) for kind in data.get("kinds", [])], word),
    "put_right": lambda data, word: word(data.get("outcome", "")),
    "reply": _reply,
    "cost": _cost,
    "cached": lambda data, word: f" ({data['cached_tokens']} {word('cached')})" if data.get("cached_tokens") else "",
    "notes": lambda data, word: "".join(f"; {note}" for note in data.get("notes", ())),
    "attempt": _repeated("attempt"),
    "attempts": _repeated("attempts"),
    "result": _behind("result"),
    "error": _behind("error"),
    "handoff": lambda data, word: f"; {word('handoff')}" if data.get("handoff") else "",
}
