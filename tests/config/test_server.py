"""The section `server:`: defaults that serve one machine, addresses in one canonical form, no password in a URL."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from frontdesk.config import SecretUnavailable, ServerConfig, TenantsFile


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("https://Desk.Example.com/", "https://desk.example.com"),
        ("HTTPS://desk.example.com:443", "https://desk.example.com"),
        ("https://desk.example.com:8443/a/b/", "https://desk.example.com:8443/a/b"),
        ("https://hoa-sén.vn", "https://xn--hoa-sn-fva.vn"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_public_url_is_kept_in_one_form(written: str, canonical: str) -> None:
    assert ServerConfig(public_url=written).public_url == canonical


@pytest.mark.parametrize(
    "written",
    [
        "desk.example.com",
        "http://desk.example.com",
        "ftp://localhost",
        "https://",
        "https://u:p@desk.example.com",
        "https://desk.example.com/?a=1",
        "https://desk.example.com#a",
        "https://desk.example.com:99999",
        "https://desk example.com",
        "https://[::1",
        "",
    ],
)
def test_a_public_url_that_nobody_could_sign_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        ServerConfig(public_url=written)


def test_without_a_public_url_it_is_localhost_and_the_port() -> None:
    assert ServerConfig().public_url == "http://localhost:8000"
    assert ServerConfig(bind="0.0.0.0:9001").public_url == "http://localhost:9001"
    assert ServerConfig(bind="fd://3").public_url == "http://localhost"


@pytest.mark.parametrize("bind", ["127.0.0.1:0", "[::]:8000", "localhost:8000", "fd://3", "unix:/run/frontdesk.sock"])
def test_what_hypercorn_can_bind_is_accepted(bind: str) -> None:
    assert ServerConfig(bind=bind).bind == bind


@pytest.mark.parametrize("bind", ["8000", "localhost", "localhost:99999", ":8000", "http://localhost:8000", "::1:80"])
def test_what_cannot_be_bound_is_refused(bind: str) -> None:
    with pytest.raises(ValidationError):
        ServerConfig(bind=bind)


def test_a_store_with_a_password_is_a_secret(read_text, shop, monkeypatch) -> None:
    _, [problem] = read_text(f"server: {{store: 'mongodb://desk:hunter2@db/frontdesk'}}\n{shop}")
    assert str(problem) == (
        "tenants.yaml:1: server.store: the URL holds a password; write it into the environment, and `{env: NAME}` here"
    )
    loaded, _ = read_text(f"server: {{store: {{env: STORE_URL}}}}\n{shop}")
    assert loaded is not None
    monkeypatch.delenv("STORE_URL", raising=False)
    with pytest.raises(SecretUnavailable, match="STORE_URL"):
        loaded.store_url()
    monkeypatch.setenv("STORE_URL", "mongodb://desk:hunter2@db/frontdesk")
    assert loaded.store_url() == "mongodb://desk:hunter2@db/frontdesk"
    assert "hunter2" not in repr(loaded)
    monkeypatch.setenv("STORE_URL", "hunter2")
    with pytest.raises(ValueError, match="STORE_URL") as caught:
        loaded.store_url()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("written", ["postgres://u:hunter2@h/db", "hunter2", "sqlite:hunter2.db", "{hunter2: 1}", "5"])
def test_what_is_no_store_is_refused_and_its_password_not_repeated(read_text, shop, written: str) -> None:
    _, [problem] = read_text(f"server: {{store: {written}}}\n{shop}")
    assert problem.key == "server.store"
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize("options", ["", "max_pages=0", "max_pages=many", "mode=ro", "max_pages=1&max_pages=2"])
def test_behind_the_path_of_a_sqlite_file_only_its_limit_may_stand(read_text, shop, options: str) -> None:
    _, [problem] = read_text(f"server: {{store: 'sqlite:///a.db?{options}'}}\n{shop}")
    assert problem.key == "server.store"
    assert "max_pages=262144" in str(problem)


def test_relative_paths_start_at_the_folder_of_the_file() -> None:
    def at(store: str, folder: str = "/srv/desk") -> str:
        return TenantsFile(Path(folder, "tenants.yaml"), ServerConfig(store=store), {}).store_url()

    assert at("sqlite:///data/frontdesk.db") == "sqlite:////srv/desk/data/frontdesk.db"
    assert at("sqlite:////var/frontdesk.db") == "sqlite:////var/frontdesk.db"
    assert at("sqlite:///a.db?max_pages=9", "/srv/quầy?") == "sqlite:////srv/qu%E1%BA%A7y%3F/a.db?max_pages=9"
    assert at("mongodb://db/frontdesk") == "mongodb://db/frontdesk"
    assert TenantsFile(Path("/srv/desk/t.yaml"), ServerConfig(data_dir="/var/d"), {}).data_dir == Path("/var/d")
    assert TenantsFile(Path("/srv/desk/t.yaml"), ServerConfig(), {}).data_dir == Path("/srv/desk/data")


def test_defaults_leave_room_for_the_longest_text() -> None:
    config = ServerConfig()
    assert config.max_body_bytes == 1024 * 1024
    assert config.media.max_bytes == 16 * 1024 * 1024
    assert config.signing_key is None
    assert config.queue == "local"
    with pytest.raises(ValidationError):
        ServerConfig(max_body_bytes=1000)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("127.0.0.1", "127.0.0.1/32"),
        ("10.0.0.0/16", "10.0.0.0/16"),
        ("2001:DB8::/64", "2001:db8::/64"),
        ("unix", "unix"),
    ],
)
def test_a_proxy_is_an_address_a_network_or_the_socket(written: str, kept: str) -> None:
    assert ServerConfig(trusted_proxies=[written]).trusted_proxies == (kept,)  # type: ignore[arg-type]


def test_a_proxy_that_must_be_there_and_has_no_name_is_told() -> None:
    assert "https://desk.example.com" in ServerConfig(public_url="https://desk.example.com").unnamed_proxy()
    assert ServerConfig(public_url="http://127.0.0.1:8000").unnamed_proxy() == ServerConfig().unnamed_proxy() == ""
    named = ServerConfig(public_url="https://desk.example.com", trusted_proxies=["127.0.0.2"])  # type: ignore[arg-type]
    assert named.unnamed_proxy() == ""


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("10.0.0.1/16", "did you mean 10.0.0.0/16?"),
        ("localhost", "write an address or a network"),
        ("0.0.0.0/0", "is everybody"),
        ("::/0", "is everybody"),
    ],
)
def test_who_is_trusted_must_be_somebody(read_text, shop, written: str, hint: str) -> None:
    _, [problem] = read_text(f"server: {{trusted_proxies: ['{written}']}}\n{shop}")
    assert problem.key == "server.trusted_proxies[0]"
    assert hint in str(problem)
