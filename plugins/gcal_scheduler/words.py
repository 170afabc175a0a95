"""What contacts and operators are told, in Vietnamese and English; whoever has another language is told in English."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency

from frontdesk import Contact

from .settings import Service

DAYS = {
    "vi": ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

SENTENCES = {
    "vi": {
        "free": "Giờ còn trống cho {service}:",
        "nearest": "Lúc đó không còn trống. Giờ gần nhất cho {service}:",
        "nothing": "Không còn giờ trống cho {service} trong khoảng đó.",
        "closed": "{day} không làm việc{reason}.",
        "later": "Giờ trống gần nhất cho {service}:",
        "impossible": "không có ngày giờ này ({detail}); mình muốn hẹn ngày nào ạ?",
        "past": "thời gian này đã qua ({detail}); mình muốn hẹn lúc nào ạ?",
        "unclear": "chưa rõ mình muốn hẹn lúc nào; mình cho biết ngày và giờ được không ạ?",
        "lunar": "chưa tính được ngày âm lịch; mình cho biết ngày dương lịch được không ạ?",
        "weekday": "ngày và thứ không khớp nhau, ngày đó là {day}; mình muốn hẹn ngày nào ạ?",
        "too_far": "chỉ nhận lịch hẹn đến hết ngày {until}",
        "too_soon": "phải đặt trước ít nhất {lead}",
        "too_late": "chỉ đổi hoặc hủy được trước giờ hẹn ít nhất {lead}; nhân viên sẽ hỗ trợ",
        "taken": "giờ này vừa có người đặt, mình chọn giờ khác giúp ạ",
        "gone": "giờ này không còn nhận khách, mình chọn giờ khác giúp ạ",
        "unknown_slot": "không có mã giờ hẹn này; hãy tìm lại giờ trống bằng find_slots",
        "unknown_service": "không có dịch vụ này; có: {there}",
        "unknown_staff": "không có người này; có: {there}",
        "unknown_visit": "không có lịch hẹn này của khách; xem lại bằng my_appointments",
        "not_booked": "lịch hẹn này không còn hiệu lực",
        "same": "lịch hẹn đã ở đúng giờ này",
        "moved_meanwhile": "lịch hẹn này vừa được đổi sang {when}; mình có muốn đổi nữa không ạ?",
        "cancelled_meanwhile": "lịch hẹn này vừa bị hủy",
        "away": "hiện chưa xem được lịch",
        "held": "Đã giữ {when} cho khách đến {until}.",
        "booked": "Em đã đặt lịch {service} lúc {when} ạ.",
        "moved": "Em đã đổi lịch {service} sang {when} ạ.",
        "cancelled": "Em đã hủy lịch {service} lúc {when} ạ.",
        "none": "Khách chưa có lịch hẹn nào.",
        "with": " với {staff}",
        "calendar": "Lịch hẹn {service}, {when}. Thêm vào lịch của mình: {link}\nTệp lịch (.ics): {file}",
        "moved_outside": "Lịch hẹn {service} lúc {before} đã được dời sang {when}. "
        "Nếu không tiện, mình nhắn lại để đổi giờ nhé.",
        "cancelled_outside": "Lịch hẹn {service} lúc {when} đã bị hủy. Mình nhắn lại nếu muốn đặt giờ khác nhé.",
        "their_time": "{when} ({there} giờ {place})",
        "minutes": "{n} phút",
        "hours": "{n} giờ",
        "days": "{n} ngày",
        "for_nothing": "miễn phí",
        "list": "Các dịch vụ đặt lịch được (mã: tên):",
    },
    "en": {
        "free": "Free times for {service}:",
        "nearest": "That time is not free. The nearest for {service}:",
        "nothing": "Nothing is free for {service} then.",
        "closed": "{day} is closed{reason}.",
        "later": "The next free times for {service}:",
        "impossible": "there is no such day or time ({detail}); which day would suit?",
        "past": "that time has passed ({detail}); when would suit?",
        "unclear": "it is not clear when that is; which day and time would suit?",
        "lunar": "days of the lunar calendar are not known here; which day is that?",
        "weekday": "day and date do not go together, the date is {day}; which one is meant?",
        "too_far": "visits can be booked until {until}",
        "too_soon": "a visit must be booked at least {lead} before",
        "too_late": "a visit can be moved or cancelled until {lead} before; a colleague can help",
        "taken": "that time has just been taken, please choose another",
        "gone": "that time is not offered any more, please choose another",
        "unknown_slot": "there is no slot with this id; look for free times again with find_slots",
        "unknown_service": "there is no such service; there are: {there}",
        "unknown_staff": "there is nobody of that name; there are: {there}",
        "unknown_visit": "this contact has no such visit; look again with my_appointments",
        "not_booked": "this visit is not booked any more",
        "same": "the visit is at this time already",
        "moved_meanwhile": "this visit has just been moved to {when}; shall it be moved all the same?",
        "cancelled_meanwhile": "this visit has just been cancelled",
        "away": "the calendar cannot be read at the moment",
        "held": "{when} is kept for the contact until {until}.",
        "booked": "You are booked for {when}: {service}.",
        "moved": "Your visit is moved to {when}: {service}.",
        "cancelled": "Your visit on {when} is cancelled: {service}.",
        "none": "This contact has no visits booked.",
        "with": " with {staff}",
        "calendar": "{service}, {when}. Add it to your calendar: {link}\nAs a file (.ics): {file}",
        "moved_outside": "Your visit on {before} ({service}) was moved to {when}. "
        "If that does not suit, write back and we find another time.",
        "cancelled_outside": "Your visit on {when} ({service}) was cancelled. Write back if you would like another time.",
        "their_time": "{when} ({there} {place} time)",
        "minutes": "{n} min",
        "hours": "{n} h",
        "days": "{n} days",
        "for_nothing": "free of charge",
        "list": "Services that can be booked (id: name):",
    },
}
"""What goes to contacts, or to a model that tells it them."""

ALERTS = {
    "vi": {
        "clash": "Trùng lịch",
        "clash_text": "{service}, {when}, {staff}: trong lịch đã có việc khác. "
        "Lịch hẹn của khách đã được gỡ, khách đã được báo.",
        "overlap_text": "{service}, {when}, {staff}: trùng giờ với một lịch khác; cả hai đều còn, cần người xem lại.",
        "unfinished": "Đặt lịch dở dang",
        "unfinished_text": "{service}, {when}, {staff}: việc đặt hay đổi lịch không hoàn tất và đã được gỡ. "
        "Khách có thể đang chờ.",
        "not_written": "Lịch không ghi được",
        "not_written_text": "{service}, {when}, {staff}: thay đổi chưa vào được lịch bên ngoài: {why}",
    },
    "en": {
        "clash": "Two at one time",
        "clash_text": "{service}, {when}, {staff}: something else is in the calendar. "
        "The contact's visit was taken out again, and the contact was told.",
        "overlap_text": "{service}, {when}, {staff}: it overlaps with another visit. "
        "Both stand: somebody has to look at it.",
        "unfinished": "A booking was not finished",
        "unfinished_text": "{service}, {when}, {staff}: booking or moving it did not end, and was undone. "
        "The contact may be waiting.",
        "not_written": "The calendar was not written",
        "not_written_text": "{service}, {when}, {staff}: the change is not in the calendar: {why}",
    },
}
"""What goes to operators, in the tenant's language."""


CARD = {
    "vi": ("Lịch hẹn", "Đang giữ", "{service}, {when}, đến {until}"),
    "en": ("Diary", "Held", "{service}, {when}, until {until}"),
}
"""What operators read beside a conversation."""


def card(language: str, **values: object) -> tuple[str, str, str]:
    """Title, and a row: its name and what stands there."""
    title, name, told = CARD[spoken(language)]
    return title, name, told.format(**values)


def spoken(language: str) -> str:
    """`vi` or `en` for a BCP 47 tag."""
    return "vi" if language.partition("-")[0] == "vi" else "en"


def say(key: str, language: str, **values: object) -> str:
    return SENTENCES[spoken(language)][key].format(**values)


def alert(key: str, language: str, **values: object) -> str:
    return ALERTS[spoken(language)][key].format(**values)


def clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def moment(at: datetime, zone: ZoneInfo, language: str, now: datetime) -> str:
    """`15:00 thứ Hai 30/11`, `Monday 30 Nov, 15:00`; with the year if it is not this one."""
    local = at.astimezone(zone)
    if spoken(language) == "vi":
        return f"{local:%H:%M} {day_of(local.date(), language, now.astimezone(zone).date())}"
    return f"{day_of(local.date(), language, now.astimezone(zone).date())}, {local:%H:%M}"


def day_of(day: date, language: str, today: date) -> str:
    """`thứ Hai 30/11`, `Monday 30 Nov`."""
    year = day.year != today.year
    name = DAYS[spoken(language)][day.weekday()]
    if spoken(language) == "vi":
        return f"{name} {day.day}/{day.month}" + (f"/{day.year}" if year else "")
    return f"{name} {day.day} {_MONTHS[day.month - 1]}" + (f" {day.year}" if year else "")


def length(span: timedelta, language: str) -> str:
    """`45 phút`, `2 h`, `1 d`."""
    minutes = int(span.total_seconds() // 60)
    for unit, size in (("days", 1440), ("hours", 60)):
        if minutes >= size and minutes % size == 0:
            return say(unit, language, n=minutes // size)
    return say("minutes", language, n=minutes)


def service_name(service: Service, language: str) -> str:
    return service.names.get(language) or service.names.get(language.partition("-")[0]) or service.name


def price(service: Service, language: str) -> str:
    """`£58.00`, `miễn phí`; empty: nothing is said of it."""
    if service.price is None:
        return ""
    if service.price == 0:
        return say("for_nothing", language)
    return str(format_currency(service.price, service.currency, locale=_locale(language)))


def about(service: Service, language: str) -> str:
    """`Check-up (30 min, £58.00)`."""
    told = ", ".join(filter(None, (length(service.duration, language), price(service, language))))
    return f"{service_name(service, language)} ({told})"


def their_zone(contact: Contact, at: datetime, zone: ZoneInfo) -> ZoneInfo | None:
    """The time zone of the contact's phone number, if the clock shows another time there; None: the same, or not known."""
    if not contact.phone:
        return None
    there = {name: ZoneInfo(name) for name in _zones(contact.phone)}
    if not there or len({at.astimezone(each).utcoffset() for each in there.values()}) > 1:
        return None
    other = next(iter(there.values()))
    return other if at.astimezone(other).utcoffset() != at.astimezone(zone).utcoffset() else None


def country_of(phone: str, language: str) -> str:
    """What people call the country of a number (E.164): `Vương quốc Anh`, `Japan`."""
    region = phonenumbers.region_code_for_number(phonenumbers.parse(phone, None)) or ""
    return str(_locale(language).territories.get(region, region))


@lru_cache(maxsize=1024)
def _zones(phone: str) -> tuple[str, ...]:
    from phonenumbers import timezone  # its tables are large, and only a booking needs them

    try:
        names = timezone.time_zones_for_number(phonenumbers.parse(phone, None))
    except phonenumbers.NumberParseException:
        return ()
    return tuple(name for name in names if name != timezone.UNKNOWN_TIMEZONE)


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
