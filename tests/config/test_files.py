"""Tenants in several files: `tenants.d/*.yaml` beside the main file, or a folder alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk.config import Remote, files_of, home_of, read, survey

TENANT = "{name: X, time_zone: Europe/London, language: en}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A main file without tenants, and two more."""
    (tmp_path / "tenants.d").mkdir()
    (tmp_path / "tenants.yaml").write_text("server: {data_dir: kept}\n")
    (tmp_path / "tenants.d/b.yaml").write_text(f"tenants:\n  b: {TENANT}\n")
    (tmp_path / "tenants.d/a.yaml").write_text(f"tenants:\n  z: {TENANT}\n  a: {TENANT}\n")
    return tmp_path


def told(path: Path, folder: Path) -> list[str]:
    tenants_file, problems = read(path)
    assert tenants_file is None
    return [str(problem).replace(f"{folder}/", "") for problem in problems]


@pytest.mark.parametrize("path", ["tenants.yaml", "."])
def test_the_main_file_and_those_of_its_folder_are_one(folder: Path, path: str) -> None:
    (folder / "tenants.d/.b.yaml.swp").write_text("an editor's")
    (folder / "tenants.d/README").write_text("no tenant's")
    found, problems = read(folder / path)
    assert problems == [] and found is not None
    assert list(found.tenants) == ["z", "a", "b"]
    assert found.data_dir == folder / "kept"


def test_a_folder_alone_is_served_with_the_defaults_as_if_the_main_file_were_beside_it(folder: Path) -> None:
    found, problems = read(folder / "tenants.d")
    assert problems == [] and found is not None
    assert list(found.tenants) == ["z", "a", "b"]
    assert found.folder == home_of(folder / "tenants.d") == folder
    assert found.data_dir == folder / "data"


def test_a_main_file_may_have_tenants_of_its_own_which_come_first(folder: Path) -> None:
    (folder / "tenants.yaml").write_text(f"tenants: {{c: {TENANT}}}")
    found, _ = read(folder / "tenants.yaml")
    assert found is not None and list(found.tenants) == ["c", "z", "a", "b"]


def test_another_file_has_another_folder(folder: Path) -> None:
    (folder / "shops.yaml").write_text(f"tenants: {{c: {TENANT}}}")
    found, _ = read(folder / "shops.yaml")
    assert found is not None and list(found.tenants) == ["c"]
    assert files_of(folder / "shops.yaml").folder == folder / "shops.d"


def test_one_id_in_two_files_is_told_with_both_places(folder: Path) -> None:
    (folder / "tenants.d/b.yaml").write_text(f"# more\ntenants:\n  a: {TENANT}\n  b: {TENANT}\n")
    assert told(folder, folder) == [
        "tenants.d/b.yaml:3: tenant a: is there already, at tenants.d/a.yaml:3; keep one of the two, or rename one"
    ]


def test_problems_have_their_own_file_and_line_in_the_order_of_the_files(folder: Path) -> None:
    (folder / "tenants.yaml").write_text("\nserver: {bnd: x}\n")
    (folder / "tenants.d/a.yaml").write_text("tenants:\n  a: {name: X, time_zone: Hanoi, language: en}\n")
    (folder / "tenants.d/b.yaml").write_text("tenants: [")
    (folder / "tenants.d/c.yaml").write_text(f"server: {{}}\ntenants: {{c: {TENANT}}}\n")
    (folder / "tenants.d/d.yml").write_text(f"tenants: {{d: {TENANT}}}\n")
    (folder / "tenants.d/e.yaml").write_text("")
    starts = [line.partition(";")[0] for line in told(folder / "tenants.yaml", folder)]
    assert starts == [
        "tenants.d/d.yml: is not read",
        "tenants.yaml:2: server.bnd: unknown key",
        "tenants.d/a.yaml:2: tenant a: time_zone: 'Hanoi' is no IANA time zone",
        starts[3],
        "tenants.d/c.yaml:1: server: this file is one of several",
        "tenants.d/e.yaml:1: the file is empty",
    ]
    assert starts[3].startswith("tenants.d/b.yaml:2: YAML cannot be read")


def test_nobody_anywhere_is_told_once(folder: Path) -> None:
    for file in ("a", "b"):
        (folder / f"tenants.d/{file}.yaml").write_text("tenants: {}\n")
    (problem,) = told(folder, folder)
    assert problem.startswith("tenants.yaml:1: no tenant is there")


def test_what_can_be_read_is_known_though_one_file_is_wrong(folder: Path) -> None:
    (folder / "tenants.yaml").write_text("server: {bnd: x, times: {hook_deadline: 30}}\n")
    (folder / "tenants.d/b.yaml").write_text(f"tenants: {{b: {TENANT[:-1]}, plugins: [simulator]}}}}")
    found = survey(folder)
    assert found.times.hook_deadline == 30
    assert [entry.name for entry in found.plugins["b"]] == ["simulator"]


def test_a_relative_secret_begins_at_its_own_file(folder: Path) -> None:
    tenant = TENANT[:-1] + ", plugins: [twilio_whatsapp: {auth_token: {file: token}}]}"
    (folder / "tenants.d/b.yaml").write_text(f"tenants: {{b: {tenant}}}")
    found, _ = read(folder)
    assert found is not None and found.tenants["b"].plugins[0].place.folder == folder / "tenants.d"


def remote(text: str) -> Remote:
    return Remote("s3://config/tenants.yaml", text.encode(), "s3://config/tenants.yaml?region=ap-southeast-1", "v1")


def test_what_was_fetched_is_read_as_a_file_is_and_kept_without_its_content(shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, problems = read(remote(f"server: {{data_dir: /srv, store: 'sqlite:////srv/x.db'}}\n{shop}"))
    assert problems == [] and found is not None
    assert (list(found.tenants), found.data_dir, found.store_url()) == (["shop"], Path("/srv"), "sqlite:////srv/x.db")
    assert isinstance(found.path, Remote)
    assert (str(found.path), found.path.content, found.path.mark) == ("s3://config/tenants.yaml", b"", "v1")
    assert (found.folder, found.anchor) == (tmp_path, None)


def test_no_relative_path_is_read_of_what_has_no_folder_each_is_told_with_its_line(shop, monkeypatch):
    _, problems = read(remote(f"server:\n  metrics: {{token: {{file: token}}}}\n{shop}"))
    assert list(map(str, problems)) == [
        "s3://config/tenants.yaml:2: server.metrics.token: a relative path after file:, and s3://config/tenants.yaml has "
        "no folder that it could start from; write an absolute one, or another reference"
    ]
    _, problems = read(remote(f"server:\n  metrics: {{token: {{file: /etc/token}}}}\n  data_dir: data\n{shop}"))
    assert list(map(str, problems)) == [
        "s3://config/tenants.yaml:1: server.store: 'sqlite:///data/frontdesk.db' is a relative path, and "
        "s3://config/tenants.yaml has no folder that it could start from; write four slashes, e.g. "
        "sqlite:////var/lib/frontdesk/frontdesk.db, or the URL of a database server",
        "s3://config/tenants.yaml:3: server.data_dir: 'data' is a relative path, and s3://config/tenants.yaml has no "
        "folder that it could start from; write an absolute one, e.g. /var/lib/frontdesk",
    ]
    monkeypatch.setenv("FD_STORE", "sqlite:///data/x.db")
    found, _ = read(remote(f"server: {{data_dir: /srv, store: {{env: FD_STORE}}}}\n{shop}"))
    assert found is not None
    with pytest.raises(ValueError, match=r"^Secret\(env: FD_STORE\) holds a relative path; behind sqlite:/// write"):
        found.store_url()


def test_what_was_fetched_and_is_no_text_or_holds_no_tenant_is_told_by_its_name(shop):
    assert [str(each) for each in read(remote(""))[1]] == [
        "s3://config/tenants.yaml:1: the file is empty; write `tenants:`, and below it each business by its id; "
        "`frontdesk init` writes an example"
    ]
    broken = Remote("s3://config/tenants.yaml", b"tenants:\n  \xff", "")
    assert [str(each) for each in read(broken)[1]] == [
        "s3://config/tenants.yaml:2: a byte that is not UTF-8; save the file as UTF-8"
    ]
