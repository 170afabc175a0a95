"""Numbers that are written in two ways."""

from __future__ import annotations

import phonenumbers
import pytest

from frontdesk.phones import among, phone_variants

PAIRS = [
    ("+5511987654321", "+551187654321"),  # Brazil: the ninth digit
    ("+525512345678", "+5215512345678"),  # Mexico: the 1 of mobile numbers
    ("+541123456789", "+5491123456789"),  # Argentina: the 9 of mobile numbers
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_each_way_of_writing_leads_to_the_other(one: str, other: str) -> None:
    assert phone_variants(one) == (other,)
    assert phone_variants(other) == (one,)
    assert among(one, {other}) and among(other, {other}) and not among(one, set())


@pytest.mark.parametrize(
    "phone", ["+84901234567", "+551133334444", "+5511", "+14155238886", "", "+549", "+55119876543210"]
)
def test_other_numbers_are_written_in_one_way(phone: str) -> None:
    assert phone_variants(phone) == ()


@pytest.mark.parametrize("phone", [number for pair in PAIRS for number in pair])
def test_every_way_is_a_number_of_the_same_country(phone: str) -> None:
    both = [phonenumbers.parse(written) for written in (phone, *phone_variants(phone))]
    assert len({number.country_code for number in both}) == 1
    assert any(map(phonenumbers.is_possible_number, both)), "one of them at least is what the library takes for one"
