from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from frontdesk.plugins.twilio_whatsapp.signature import problem

TOKEN = "test_auth_token_0123456789abcdef"
URL = "https://bot.example.com/webhooks/twilio/whatsapp"
FORM = [
    ("AccountSid", "AC" + "0" * 32),
    ("ApiVersion", "2010-04-01"),
    ("Body", "Xin chào 👋"),
    ("ButtonPayload", ""),
    ("From", "whatsapp:+84901234567"),
    ("MessageSid", "SM" + "0" * 31 + "1"),
    ("NumMedia", "0"),
    ("ProfileName", "Nguyễn"),
    ("To", "whatsapp:+14155238886"),
    ("WaId", "84901234567"),
]
SHA1 = "iYQrbt6O0n4LpP09mksroBnc7kQ="
SHA256 = "4hw6bHSIhBemGXOF1wA/L7iO8+lsYB6u2YdDkHYSF2M="
SHA256_SETTINGS = {"x-twilio-webhooks-signature-settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}
JSON_URL = (
    "https://bot.example.com/webhooks/twilio/events"
    "?bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
)
JSON_SIGNATURE = "dU9NzXGfukDlcsoLFHHzUvCSXl0="


def check(
    url: str = URL,
    pairs: list[tuple[str, str]] | None = FORM,
    signature: str | None = SHA1,
    *,
    body: bytes = b"",
    keys: tuple[str, ...] = (TOKEN,),
    **headers: str,
) -> str:
    given_headers = {**headers, **({} if signature is None else {"x-twilio-signature": signature})}
    return problem(url, pairs, body, given_headers, [key.encode() for key in keys])


def test_the_signature_of_twilios_documentation_is_accepted() -> None:
    pairs = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ]
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert check(url, pairs, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", keys=("12345",)) == ""


def test_a_whatsapp_form_with_a_blank_field_is_accepted_under_sha1_and_sha256() -> None:
    assert check() == ""
    assert check(signature=SHA256, **SHA256_SETTINGS) == ""


def test_dropping_the_blank_field_breaks_the_signature() -> None:
    without = [pair for pair in FORM if pair[1]]
    assert "does not fit" in check(pairs=without)
    assert "does not fit" in check(pairs=without, signature=SHA256, **SHA256_SETTINGS)


def test_a_signature_over_the_url_with_its_default_port_is_accepted() -> None:
    assert check(signature="HD6gFp5RPycZ0QYiLLFhHCKYhtY=") == ""


def test_a_json_body_is_checked_by_its_hash_in_the_signed_url() -> None:
    assert check(JSON_URL, None, JSON_SIGNATURE, body=b'{"a":1}') == ""
    assert "bodySHA256" in check(JSON_URL, None, JSON_SIGNATURE, body=b'{"a":2}')
    assert "bodySHA256" in check(JSON_URL.partition("?")[0], None, JSON_SIGNATURE, body=b'{"a":1}')


@pytest.mark.parametrize("signature", [None, "", "x", "Ä" * 28, SHA256, SHA1[:-1], SHA1 + "\n"])
def test_a_missing_or_foreign_signature_is_refused(signature: str | None) -> None:
    assert check(signature=signature) != ""


def test_an_unknown_algorithm_is_refused_and_named() -> None:
    settings = {"x-twilio-webhooks-signature-settings": "key=k,algorithm=HMAC_MD5"}
    assert "HMAC_MD5" in check(**settings)
    assert "HMAC_SHA256" in check(**settings)


def test_any_of_the_keys_may_have_signed() -> None:
    assert check(keys=("new token", TOKEN)) == ""
    assert check(keys=("new token", "newer token")) != ""


def test_http_instead_of_https_is_refused() -> None:
    assert check(URL.replace("https", "http")) != ""


class Multi(dict[str, list[str]]):
    def getlist(self, name: str) -> list[str]:
        return self[name]


def multi(pairs: list[tuple[str, str]]) -> Multi:
    fields = Multi()
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
urls = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["https", "http"]),
    st.sampled_from(["bot.example.com", "localhost", "10.0.0.1"]),
    st.sampled_from(["", ":443", ":80", ":8443"]),
    st.sampled_from(["/", "/webhooks/twilio_whatsapp/lớp", "/a%20b"]),
    st.sampled_from(["", "?x=1&y=", "?bodySHA256=00"]),
)


@given(
    url=urls,
    pairs=st.lists(st.tuples(st.sampled_from(["Body", "To", "", "ẞ", "Body2"]) | words, words), max_size=12),
    token=words,
    algorithm=st.sampled_from(["HMAC_SHA1", "HMAC_SHA256", "hmac_sha256"]),
    port=st.sampled_from(["as it is", "without", "with"]),
    tamper=st.sampled_from(["nothing", "field", "signature", "token"]),
)
@example(
    url=URL, pairs=[("B", "x"), ("B", "x"), ("B", "a")], token="t", algorithm="HMAC_SHA1", port="with", tamper="nothing"
)
def test_it_answers_as_twilios_own_validator_does(
    url: str, pairs: list[tuple[str, str]], token: str, algorithm: str, port: str, tamper: str
) -> None:
    vendor = RequestValidator(token)
    signed_url = url
    host = url.split("/")[2]
    if port == "without":
        signed_url = url.replace(host, host.partition(":")[0], 1)
    elif port == "with" and ":" not in host:
        signed_url = url.replace(host, f"{host}:{443 if url.startswith('https') else 80}", 1)
    signature = vendor.compute_signature(signed_url, multi(pairs), algorithm)
    if tamper == "field":
        pairs = [*pairs, ("Body", "tampered with")]
    elif tamper == "signature":
        signature = ("A" if signature[0] != "A" else "B") + signature[1:]
    elif tamper == "token":
        token += "x"
        vendor = RequestValidator(token)
    settings = {"x-twilio-webhooks-signature-settings": f"key=k,algorithm={algorithm}"}
    ours = check(url, pairs, signature, keys=(token,), **settings) == ""
    assert ours == vendor.validate(url, multi(pairs), signature, algorithm)
