"""Error codes of Twilio and WhatsApp: class, cause and cure in one sentence, in English and in Vietnamese, and of a
retryable one the seconds to wait at least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ErrorClass = Literal["retryable", "permanent", "opted_out", "operator", "ambiguous"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a code means. `slower`: the sender is to send less for a while."""

    kind: ErrorClass
    english: str
    vietnamese: str
    after: float = 1.0
    slower: bool = False


_ENTRIES: tuple[tuple[tuple[int, ...], Entry], ...] = (
    # The account
    (
        (20003,),
        Entry(
            "operator",
            "Twilio rejects the credentials; check account_sid with auth_token, or api_key_sid with api_key_secret.",
            "Twilio từ chối đăng nhập; hãy kiểm tra account_sid với auth_token, hoặc api_key_sid với api_key_secret.",
        ),
    ),
    (
        (20404,),
        Entry(
            "operator",
            "Twilio knows no such account or resource; check account_sid.",
            "Twilio không có tài khoản hoặc tài nguyên này; hãy kiểm tra account_sid.",
        ),
    ),
    (
        (20429,),
        Entry("retryable", "Too many requests at once to Twilio.", "Quá nhiều yêu cầu cùng lúc tới Twilio.", 1.0, True),
    ),
    (
        (20503,),
        Entry(
            "ambiguous",
            "Twilio is unavailable; whether it took the message is looked up.",
            "Twilio đang không phục vụ; hệ thống sẽ hỏi lại xem tin đã được nhận chưa.",
        ),
    ),
    (
        (21701,),
        Entry(
            "operator",
            "Twilio knows no such Messaging Service; check messaging_service_sid.",
            "Twilio không có Messaging Service này; hãy kiểm tra messaging_service_sid.",
        ),
    ),
    (
        (21704,),
        Entry(
            "operator",
            "The Messaging Service has no senders; add the WhatsApp sender to its pool.",
            "Messaging Service chưa có số gửi; hãy thêm số WhatsApp vào đó.",
        ),
    ),
    (
        (21608,),
        Entry(
            "operator",
            "A trial account may write to verified numbers only; verify the number or upgrade the account.",
            "Tài khoản dùng thử chỉ nhắn được tới số đã xác minh; hãy xác minh số đó hoặc nâng cấp tài khoản.",
        ),
    ),
    (
        (21609,),
        Entry(
            "operator",
            "Twilio refuses the status callback URL; public_url needs a public host without underscores.",
            "Twilio không nhận địa chỉ báo trạng thái; public_url cần tên miền công khai, không có dấu gạch dưới.",
        ),
    ),
    # The sender
    (
        (21212, 21603, 21606, 63002, 63007),
        Entry(
            "operator",
            "The sender is not a WhatsApp sender of this account; compare `numbers` with Messaging > Senders at Twilio.",
            "Số gửi không phải là số WhatsApp của tài khoản; hãy so `numbers` với mục Messaging > Senders ở Twilio.",
        ),
    ),
    (
        (63001, 63008, 63020, 63022, 63051),
        Entry(
            "operator",
            "WhatsApp rejects the business account; open the sender in Twilio's console and follow what it asks.",
            "WhatsApp từ chối tài khoản doanh nghiệp; hãy mở số gửi trong trang Twilio và làm theo yêu cầu ở đó.",
        ),
    ),
    (
        (63015,),
        Entry(
            "operator",
            "The recipient has not joined the sandbox; let them send `join CODE` to the sandbox number.",
            "Người nhận chưa vào sandbox; hãy nhờ họ gửi `join CODE` tới số sandbox.",
        ),
    ),
    # The recipient
    (
        (21211, 21604, 21614, 63003, 63024),
        Entry(
            "permanent",
            "There is no such recipient on WhatsApp; check the number with the contact.",
            "Không có người nhận này trên WhatsApp; hãy hỏi lại khách số điện thoại.",
        ),
    ),
    (
        (21408,),
        Entry(
            "permanent",
            "The account may not send to this region; allow it under Messaging > Geo permissions at Twilio.",
            "Tài khoản không được gửi tới khu vực này; hãy cho phép ở mục Messaging > Geo permissions của Twilio.",
        ),
    ),
    (
        (21610,),
        Entry(
            "opted_out",
            "The recipient has opted out; nothing may be sent until they write START.",
            "Người nhận đã từ chối nhận tin; không được gửi gì cho tới khi họ nhắn START.",
        ),
    ),
    (
        (63014, 63033),
        Entry(
            "opted_out",
            "The recipient has blocked this number; do not write first.",
            "Người nhận đã chặn số này; đừng nhắn trước cho họ.",
        ),
    ),
    (
        (63031,),
        Entry(
            "permanent",
            "Sender and recipient are the same number; write to another one.",
            "Số gửi và số nhận là một; hãy gửi tới số khác.",
        ),
    ),
    (
        (63032,),
        Entry(
            "permanent",
            "WhatsApp keeps this recipient out for an experiment of its own; reach them another way.",
            "WhatsApp đang tạm loại người nhận này vì một thử nghiệm riêng; hãy liên lạc bằng cách khác.",
        ),
    ),
    (
        (63049,),
        Entry(
            "permanent",
            "WhatsApp chose not to deliver this marketing message; do not send it again soon.",
            "WhatsApp không chuyển tin quảng cáo này; đừng sớm gửi lại.",
        ),
    ),
    # The message
    (
        (21602, 21619),
        Entry(
            "permanent", "The message is empty; write a text or add a file.", "Tin trống; hãy viết chữ hoặc kèm tệp."
        ),
    ),
    (
        (21617,),
        Entry(
            "permanent",
            "The text is longer than the 1,600 characters Twilio takes; split it.",
            "Tin dài hơn 1.600 ký tự mà Twilio nhận; hãy chia nhỏ.",
        ),
    ),
    (
        (63005, 63006, 63021),
        Entry(
            "permanent",
            "WhatsApp cannot show this content; send it as plain text.",
            "WhatsApp không hiển thị được nội dung này; hãy gửi bằng chữ thường.",
        ),
    ),
    (
        (63013, 63026),
        Entry(
            "permanent",
            "WhatsApp holds this message against its policy; change the wording before it is sent again.",
            "WhatsApp cho rằng tin này trái quy định; hãy đổi câu chữ trước khi gửi lại.",
        ),
    ),
    (
        (63016,),
        Entry(
            "permanent",
            "More than 24 hours since the contact wrote: only an approved template may be sent now.",
            "Đã quá 24 giờ từ khi khách nhắn: bây giờ chỉ được gửi tin mẫu đã duyệt.",
        ),
    ),
    # Templates
    (
        (21654, 63027, 63030, 63040, 63041, 63042),
        Entry(
            "permanent",
            "WhatsApp does not take this template as it is; open it in Twilio's Content Template Builder and mend it.",
            "WhatsApp không nhận tin mẫu này; hãy mở nó trong Content Template Builder của Twilio và sửa lại.",
        ),
    ),
    (
        (21655,),
        Entry(
            "permanent",
            "There is no template with this ContentSid; copy its HX… from the Content Template Builder.",
            "Không có tin mẫu với ContentSid này; hãy chép mã HX… từ Content Template Builder.",
        ),
    ),
    (
        (21656, 63028),
        Entry(
            "permanent",
            "The template's variables are missing or wrong; give every placeholder of the template a non-empty value.",
            "Biến của tin mẫu thiếu hoặc sai; hãy cho mỗi chỗ trống của mẫu một giá trị.",
        ),
    ),
    # Media
    (
        (21620, 21623, 63034, 63037),
        Entry(
            "permanent",
            "Twilio could not take the file; check that its URL is public and that its type and size fit WhatsApp.",
            "Twilio không lấy được tệp; hãy xem địa chỉ có công khai không, loại và cỡ tệp có hợp với WhatsApp không.",
        ),
    ),
    (
        (63019,),  # tells of a download that failed: mostly for a moment
        Entry(
            "retryable",
            "Twilio could not take the file; check that its URL is public and that its type and size fit WhatsApp.",
            "Twilio không lấy được tệp; hãy xem địa chỉ có công khai không, loại và cỡ tệp có hợp với WhatsApp không.",
            10.0,
        ),
    ),
    # Load and limits
    (
        (21611,),
        Entry(
            "retryable",
            "Twilio's queue of this sender is full.",
            "Hàng đợi của số gửi này ở Twilio đã đầy.",
            60.0,
            True,
        ),
    ),
    (
        (30001, 30036),
        Entry(
            "retryable",
            "The message waited too long in Twilio's queue.",
            "Tin chờ quá lâu trong hàng đợi của Twilio.",
            60.0,
            True,
        ),
    ),
    (
        (63009, 63010, 63012, 63023),
        Entry("retryable", "Twilio or WhatsApp failed inside.", "Twilio hoặc WhatsApp gặp lỗi bên trong.", 5.0),
    ),
    (
        (63017,),
        Entry(
            "retryable",
            "More messages at once than the account or the sender may send.",
            "Gửi cùng lúc nhiều hơn mức cho phép của tài khoản hoặc số gửi.",
            5.0,
            True,
        ),
    ),
    (
        (63018,),
        Entry(
            "retryable",
            "The sender's rate or its 24-hour limit is reached.",
            "Số gửi đã chạm mức tốc độ hoặc mức trong 24 giờ.",
            3600.0,
            True,
        ),
    ),
    # Meta's own code, should Twilio pass it on (not confirmed). The sender is not slowed: other contacts may be written to.
    (
        (131056,),
        Entry(
            "retryable",
            "Too many messages to this one contact in a short time; check seconds_per_contact and burst_per_contact.",
            "Gửi quá nhiều tin cho một khách trong thời gian ngắn; hãy kiểm tra seconds_per_contact và burst_per_contact.",
            60.0,
        ),
    ),
    (
        (63038,),
        Entry(
            "retryable",
            "The account's daily limit is reached.",
            "Tài khoản đã chạm mức trong ngày.",
            6 * 3600.0,
        ),
    ),
)

CATALOGUE: dict[int, Entry] = {code: entry for codes, entry in _ENTRIES for code in codes}


def explanation(code: str, language: str) -> str:
    """Cause and cure of a code in one sentence, in *language* (BCP 47) if it is Vietnamese, else in English; empty: not
    known."""
    entry = CATALOGUE.get(int(code)) if code.isascii() and code.isdecimal() else None
    if entry is None:
        return ""
    return entry.vietnamese if language.partition("-")[0] == "vi" else entry.english
