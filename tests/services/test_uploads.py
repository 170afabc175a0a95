"""Files that operators send: what they are is seen by looking at them, whatever they are called."""

from __future__ import annotations

import unicodedata
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.services.uploads import LONGEST_NAME, MAX_BYTES, SENDABLE, NotSendable, as_media, safe_name

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(64)
PDF = b"%PDF-1.7\n" + bytes(64)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<html><script>alert(1)</script></html>", "photo.jpg"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "logo.png"),
        (b"MZ\x90\x00" + bytes(64), "brochure.pdf"),
        (b"\x7fELF" + bytes(64), "voice.ogg"),
        (b"#!/bin/sh\nrm -rf /\n", "fees.docx"),
        (b"plain words", "fees.txt"),
        (b"", "nothing.jpg"),
    ],
)
def test_what_only_pretends_to_be_a_picture_or_a_document_is_refused(content: bytes, name: str) -> None:
    with pytest.raises(NotSendable):
        as_media(content, name)


def test_a_zip_file_is_no_office_file_whatever_it_is_called() -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("zeros", bytes(1_000_000))
    with pytest.raises(NotSendable):
        as_media(packed.getvalue(), "fees.docx")


def test_a_script_behind_a_picture_is_sent_as_the_picture_and_called_so() -> None:
    media, name = as_media(JPEG + b"<script>alert(1)</script>", "photo.html")
    assert (media.content_type, name) == ("image/jpeg", "photo.jpg")


def test_one_byte_too_many_is_refused() -> None:
    assert as_media(PDF.ljust(MAX_BYTES, b"\0"), "a.pdf")[0].size == MAX_BYTES
    with pytest.raises(NotSendable, match="16 MB"):
        as_media(PDF.ljust(MAX_BYTES + 1, b"\0"), "a.pdf")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\Lan\\Học phí.pdf", "Học phí.pdf"),
        ("fees\u202efdp.exe", "feesfdp.pdf"),
        ("a\r\nSet-Cookie: x=1.pdf", "aSet-Cookie: x=1.pdf"),
        (".pdf", "pdf.pdf"),
        ("", "file.pdf"),
        ("...", "file.pdf"),
    ],
)
def test_a_name_loses_its_path_and_what_deceives(name: str, safe: str) -> None:
    assert safe_name(name, "application/pdf") == safe


@given(st.text(max_size=400), st.sampled_from(sorted(SENDABLE)))
def test_no_name_can_leave_a_folder_or_a_header(name: str, content_type: str) -> None:
    safe = safe_name(name, content_type)
    assert "/" not in safe and "\\" not in safe and not safe.startswith(".")
    assert all(unicodedata.category(char)[0] != "C" for char in safe)
    assert safe.endswith(f".{SENDABLE[content_type]}") and len(safe) <= LONGEST_NAME + 6
