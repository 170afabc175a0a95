"""The tenants file: what is good loads; what is bad is told, all of it, with its line and what would be right."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from frontdesk.config import ConfigError, ServerConfig, Settings, TenantConfig, Times, load, read, validate_settings
from frontdesk.registry import Registry

ROOT = Path(__file__).parents[2]

# What is added to the smallest file (at its line 6), and the one problem it makes.
BROKEN_TENANTS = [
    ("time_zon: x", "6: tenant shop: time_zon: unknown key; did you mean time_zone?"),
    ("id: x", "6: tenant shop: id: unknown key; remove it; the id is the key above, under `tenants:`"),
    ("name: Two", "6: tenant shop: name: is there twice (first on line 3); keep one of the two"),
    ("persona: {name: 5}", "6: tenant shop: persona.name: found the number 5; write text: put it in quotes"),
    (
        "persona: {tone: {formality: rude}}",
        "6: tenant shop: persona.tone.formality: found 'rude'; write 'formal', 'friendly' or 'casual'",
    ),
    ("persona:", "6: tenant shop: persona: nothing is written; write a mapping, or leave the key out"),
    ("facts:", "6: tenant shop: facts: nothing is written; write a list, or leave the key out"),
    ("facts: [{topic: a, answer: ''}]", "6: tenant shop: facts[0].answer: is empty; write 1 character(s) or more"),
    (
        "facts:\n      - topic: a",
        "7: tenant shop: facts[0].answer: missing; required: What is true, in whole sentences that could be sent as "
        "they are",
    ),
    (
        "facts:\n      - {id: a, topic: b, answer: c}\n      - {id: a, topic: b, answer: c}",
        "8: tenant shop: facts[1].id: a is the id of facts[0] too; give each fact an id of its own",
    ),
    ("opening_hours: {mondey: 08:00-12:00}", "6: tenant shop: opening_hours.mondey: unknown key; did you mean monday?"),
    (
        "opening_hours: {monday: 8-12}",
        "6: tenant shop: opening_hours.monday: found '8-12'; write opening and closing time, e.g. \"08:00-17:30\"",
    ),
    (
        'opening_hours: {monday: ["18:00-02:00"]}',
        "6: tenant shop: opening_hours.monday[0]: 18:00-02:00 closes before it opens; for a night write 18:00-24:00 "
        "here and 00:00-02:00 the next day",
    ),
    (
        'opening_hours: {monday: ["08:00-12:00", "11:00-13:00"]}',
        "6: tenant shop: opening_hours.monday: 11:00-13:00 begins before 08:00-12:00 has ended; write the spans of a "
        "day in order, without overlap",
    ),
    ("staff: [+84912345678]", "6: tenant shop: staff[0]: found the number 84912345678; write text: put it in quotes"),
    (
        'staff: ["0912345678"]',
        "6: tenant shop: staff[0]: '0912345678' is no international phone number; write \"+\", country code, number: "
        '"+84912345678"',
    ),
    ("settle: {quiet_seconds: fast}", "6: tenant shop: settle.quiet_seconds: found 'fast'; write a number"),
    ("settle: {cap_seconds: -1}", "6: tenant shop: settle.cap_seconds: found the number -1; write 0 or more"),
    (
        "settle: {media_seconds: 20}",
        "6: tenant shop: settle.media_seconds: 20 s; must be at most cap_seconds (15 s), the longest wait",
    ),
    (
        "return_to_bot_after: 30",
        "6: tenant shop: return_to_bot_after: found the number 30; write a number and its unit (s, min, h, d), e.g. "
        "30 min",
    ),
    (
        "words: {greeting: 'Hi {name}'}",
        "6: tenant shop: words.greeting: an unknown placeholder; placeholders are {assistant} and {business}; a brace "
        "that is text is doubled",
    ),
    (
        "plugins: simulator",
        "6: tenant shop: plugins: found 'simulator'; write a list, one `- name` a line; or leave the key out",
    ),
    (
        "plugins:\n      - twilio_whatsapp:\n        account_sid: x",
        "7: tenant shop: plugins[0]: one item with 2 keys (twilio_whatsapp, account_sid); write `- name`, or `- name:` "
        "with its settings indented below, further than the name",
    ),
    (
        "plugins: [simulator, simulator]",
        "6: tenant shop: plugins[1]: simulator is in the list already; keep one of the two",
    ),
    (
        "plugins: [simulator: on]",
        "6: tenant shop: plugins[0]: the settings of simulator are a single value; write `key: value` lines, indented "
        "below the name",
    ),
    (
        "plugins: [Simulator]",
        "6: tenant shop: plugins[0]: 'Simulator' is no plugin's name; it is small letters, digits and _, e.g. "
        "twilio_whatsapp",
    ),
    (
        "words: *own",
        "6: tenant shop: words: an alias (`*name`) without its anchor (`&name`) before it; quote it if it is text",
    ),
    (
        "persona: &me {name: *me}",
        "6: tenant shop: persona.name: an alias (`*name`) without its anchor (`&name`) before it; quote it if it is "
        "text",
    ),
    (
        "persona: !!python/object/apply:os.system [id]",
        "6: tenant shop: persona: an unknown YAML tag (`!word`); quote it if it is text; a secret is `{env: NAME}`",
    ),
    ("? [a]\n    : b", "6: tenant shop: a key that is a list, a mapping or an alias; a key is one word before a colon"),
    ("<<: 5", "6: tenant shop: <<: `<<` merges text; merge a mapping"),
    (
        "\tbad: 1",
        "6: a tab (column 1); indent with spaces; YAML takes no tabs for it",
    ),
    (
        "bad: [1",
        "7: YAML cannot be read while parsing a flow sequence: did not find expected ',' or ']' (column 1); check "
        "indentation, quotes and brackets here and in the line above",
    ),
    ("bad: \x01", "6: a control character; remove it; YAML allows printable text only"),
    ("bad: " + "[" * 100_000, "6: nested more than 40 levels deep; write it flatter"),
]

SHOP = "<shop>"  # stands for the smallest tenants file
BROKEN_FILES = [
    ("", "1: the file is empty; write `tenants:`, and below it each business by its id"),
    ("# only a comment\n", "1: the file is empty; write `tenants:`"),
    ("- a\n", "1: found a list; write `tenants:`"),
    ("server: {}\n", "1: tenants: missing; write `tenants:`"),
    ("\ntenants:\n", "2: tenants: no tenant is there; write each business by its id, indented below"),
    ("tenants: [shop]\n", "1: tenants: found a list; write each business by its id, indented below"),
    ("tenants:\n  shop: x\n", "2: tenant shop: found 'x'; write its settings as `key: value` lines, indented below"),
    (f"serve: {{}}\n{SHOP}", "1: serve: unknown key; did you mean server?"),
    (f"{SHOP}---\na: 1\n", "6: a second document begins (`---`); write everything in one document"),
    (f"{SHOP}  shop:\n    name: x\n", "6: tenant shop: is there twice (first on line 2); keep one of the two"),
    (f"server: 5\n{SHOP}", "1: server: found the number 5; write a mapping"),
    (f"server: {{bind: localhost}}\n{SHOP}", "1: server.bind: found 'localhost'; write host:port"),
    (f"server: {{log: {{format: jsn}}}}\n{SHOP}", "1: server.log.format: found 'jsn'; write 'text' or 'json'"),
    (f"server: {{queue: SQS}}\n{SHOP}", "1: server.queue: found 'SQS'; write the name of a"),
]


@pytest.mark.parametrize(("added", "problem"), BROKEN_TENANTS)
def test_a_broken_tenant_is_told_in_one_sentence(read_text, shop, added, problem) -> None:
    indent = "" if added.startswith("\t") else "    "
    tenants_file, problems = read_text(f"{shop}{indent}{added}\n")
    assert tenants_file is None
    assert [str(found) for found in problems] == [f"tenants.yaml:{problem}"]


@pytest.mark.parametrize(("text", "problem"), BROKEN_FILES)
def test_a_broken_file_is_told_in_one_sentence(read_text, shop, text, problem) -> None:
    tenants_file, problems = read_text(text.replace(SHOP, shop))
    assert tenants_file is None
    assert len(problems) == 1
    assert str(problems[0]).startswith(f"tenants.yaml:{problem}")


def test_every_problem_is_told_at_once_in_the_order_of_the_lines(read_text) -> None:
    _, problems = read_text("""\
server:
  log: {level: loud}
tenants:
  Lotus School:
    name: Hoa Sen
    name: Hoa Sen
    time_zone: Asia/Hanoi
    language: vietnamese
  clinic:
    time_zone: London
    facts:
      - topik: prices
        answer: 5
""")
    assert [(problem.line, problem.tenant, problem.key) for problem in problems] == [
        (2, "", "server.log.level"),
        (4, "Lotus School", "id"),
        (6, "Lotus School", "name"),
        (7, "Lotus School", "time_zone"),
        (8, "Lotus School", "language"),
        (9, "clinic", "name"),
        (9, "clinic", "language"),
        (10, "clinic", "time_zone"),
        (12, "clinic", "facts[0].topic"),
        (12, "clinic", "facts[0].topik"),
        (13, "clinic", "facts[0].answer"),
    ]
    assert problems[3].right == "did you mean Asia/Ho_Chi_Minh?"
    assert problems[7].right == "did you mean Europe/London?"


def test_an_unknown_key_without_a_near_one_lists_them_all(read_text, shop) -> None:
    _, problems = read_text(f"{shop}    settle: {{zzzz: 1}}\n")
    assert problems[0].right == "known keys: quiet_seconds, fragment_seconds, media_seconds, cap_seconds"


def test_load_raises_with_a_problem_on_each_line(tmp_path: Path) -> None:
    path = tmp_path / "tenants.yaml"
    path.write_text("serve: 1\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    assert len(caught.value.problems) == 2


def test_files_that_cannot_be_read_say_what_to_do(tmp_path: Path) -> None:
    def problem(path: Path) -> str:
        tenants_file, [problem] = read(path)
        assert tenants_file is None
        return str(problem).removeprefix(str(path))

    assert problem(tmp_path / "none.yaml") == ": no such file; `frontdesk init` writes one to start from"
    assert problem(tmp_path) == (
        f": no file NAME.yaml is in this folder; write tenants into a file in it, e.g. {tmp_path / 'shop.yaml'}, "
        "or name a file such as tenants.yaml"
    )
    latin, utf16 = tmp_path / "latin.yaml", tmp_path / "utf16.yaml"
    latin.write_bytes("server: {}\ntenants:\n  # café\n".encode("latin-1"))
    assert problem(latin) == ":3: a byte that is not UTF-8; save the file as UTF-8"
    utf16.write_text("tenants:\n", encoding="utf-16")
    assert problem(utf16) == ":1: a byte that is not UTF-8; save the file as UTF-8"


def test_the_example_loads_without_any_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOTUS_TWILIO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    example = load(ROOT / "tenants.example.yaml")
    assert list(example.tenants) == ["lotus-school", "riverside-dental"]
    assert [tenant.language for tenant in example.tenants.values()] == ["vi", "en-GB"]
    for tenant in example.tenants.values():
        assert [entry.name for entry in tenant.plugins] == ["simulator", "rehearsal_llm", "gcal_scheduler"]
        assert len(tenant.facts) >= 10
        assert all(len(fact.questions) >= 3 for fact in tenant.facts)
    assert example.store_url() == f"sqlite:///{ROOT}/data/frontdesk.db"
    assert example.data_dir == ROOT / "data"


def with_what_is_commented_out() -> str:
    """The example with every setting that stands there as a comment. Sentences begin with a capital, or have no colon."""
    commented = re.compile(r"^( *)# ( *(?:- )?[a-z_]+:(?: .*)?)$", re.MULTILINE)
    return commented.sub(r"\1\2", (ROOT / "tenants.example.yaml").read_text(encoding="utf-8"))


def test_what_is_commented_out_in_the_example_loads_too(tmp_path: Path) -> None:
    path = tmp_path / "tenants.yaml"
    path.write_text(with_what_is_commented_out(), encoding="utf-8")
    registry = Registry(Times())
    example = load(path)
    assert example.server.times == Times(), "the defaults are shown"
    for tenant in example.tenants.values():
        assert tenant.plugins[-1].name == "twilio_whatsapp"
        for entry in tenant.plugins:
            assert (
                validate_settings(registry.load(entry.name).cls.settings_class(), entry.settings, entry.place)[1] == []
            )


def test_every_key_there_is_stands_in_the_example() -> None:
    written = yaml.safe_load(with_what_is_commented_out())
    registry = Registry(Times())
    missing = _missing(ServerConfig, [written["server"]], "server")
    missing += _missing(TenantConfig, [{"id": id, **tenant} for id, tenant in written["tenants"].items()], "tenants")
    items = [item for tenant in written["tenants"].values() for item in tenant["plugins"] if isinstance(item, dict)]
    for name in registry.names():
        given = [item[name] for item in items if name in item]
        missing += _missing(registry.load(name).cls.settings_class(), given, name)
    assert not missing, "write each into tenants.example.yaml, as a comment with its default if it is rarely needed"


def _missing(model: type[Settings], written: list[dict[str, Any]], where: str) -> list[str]:
    """The keys of *model* and of the models within that no mapping of *written* has."""
    missing = []
    for key, field in model.model_fields.items():
        values = [mapping[key] for mapping in written if key in mapping]
        inner = next((part for part in (field.annotation, *get_args(field.annotation)) if _is_model(part)), None)
        if not values:
            missing.append(f"{where}.{key}")
        elif inner is not None:
            below = [item for value in values for item in (value if isinstance(value, list) else [value])]
            missing += _missing(inner, below, f"{where}.{key}")
    return missing


def _is_model(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, Settings)


def test_anchors_and_merge_keys_are_resolved_and_own_keys_win(read_text) -> None:
    tenants_file, problems = read_text("""\
tenants:
  one: &one
    name: One
    time_zone: Europe/London
    language: en
    settle: &slow {quiet_seconds: 5, cap_seconds: 20}
  two:
    <<: *one
    name: Two
    settle: {<<: [*slow, {cap_seconds: 9, media_seconds: 3}]}
""")
    assert problems == []
    assert tenants_file is not None
    two = tenants_file.tenants["two"]
    assert (two.name, two.language) == ("Two", "en")
    assert (two.settle.quiet_seconds, two.settle.media_seconds, two.settle.cap_seconds) == (5, 3, 20)


def test_aliases_of_aliases_do_not_multiply(read_text, shop) -> None:
    laughs = "\n".join(f"        - &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30))
    started = time.perf_counter()
    tenants_file, _ = read_text(f"{shop}    plugins:\n    - laugh:\n       at:\n        - &a0 [ha]\n{laughs}\n")
    assert tenants_file is not None
    assert time.perf_counter() - started < 5, "2 KB of aliases must not become 9 ** 29 values"


def test_keys_and_text_are_what_is_written(read_text, shop) -> None:
    tenants_file, _ = read_text(f"{shop}    plugins: [x: {{on: 1, no: 2, 1: 3, time: 10:30, e: 'Cafe\u0301'}}]\n")
    assert tenants_file is not None
    written = tenants_file.tenants["shop"].plugins[0].settings
    assert set(written) == {"on", "no", "1", "time", "e"}
    assert written["e"] == "Caf\u00e9"


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path, shop: str) -> None:
    path = tmp_path / "tenants.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + shop.replace("\n", "\r\n").encode())
    assert load(path).tenants["shop"].return_to_bot_after == timedelta(minutes=30)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.dates()
known = st.sampled_from(
    "server tenants id name time_zone language persona tone facts questions answer topic opening_hours monday words "
    "greeting settle quiet_seconds cap_seconds staff plugins times turn_deadline store signing_key env log".split()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(known | st.text(max_size=8), inner, max_size=5),
    max_leaves=25,
)
scraps = st.lists(
    st.sampled_from(["a", ":", " ", "\n", "- ", "[", "]", "{", "}", "&a ", "*a", "!t ", "<<", "'", '"', "|", "\t", "?"])
    | known.map(lambda key: key + ": "),
    max_size=40,
).map("".join)


def dumped(value: object) -> str:
    return yaml.safe_dump(value, allow_unicode=True)


structured = st.fixed_dictionaries(
    {"tenants": st.dictionaries(st.sampled_from(["shop", "A b"]), values, max_size=2) | values},
    optional={"server": values},
).map(dumped)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=structured | values.map(dumped) | scraps | st.text())
@example(text="tenants: {? {a: b} : c}")
@example(text="a: !!int x\nb: !!bool y\nc: !!timestamp z\nd: !!float q\ne: !!null n\nf: !!binary g")
@example(text="a: " + "9" * 5000)
@example(text="server: {times: {keep_alive: 1" + "0" * 400 + "}}")
@example(text="tenants: {shop: {name: !<tag:yaml.org,2002:value> =, <<: [1]}}")
def test_whatever_is_written_every_problem_has_a_line_and_is_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tenants.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    tenants_file, problems = read(path)
    assert (tenants_file is None) == bool(problems)
    lines = len(text.splitlines()) + 1
    for problem in problems:
        assert 1 <= problem.line <= max(lines, 1)
        assert problem.found
        assert len(str(problem).splitlines()) == 1
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)


def test_a_thousand_tenants_load_in_about_a_second(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = (ROOT / "config/tenants.init.yaml").read_text(encoding="utf-8")
    tenant = "\n".join(line for line in example.partition("tenants:\n")[2].splitlines() if line.lstrip()[:1] != "#")
    path = tmp_path / "tenants.yaml"
    path.write_text("tenants:\n" + "\n".join(tenant.replace("my-business", f"shop-{no}") for no in range(1000)))
    started = time.perf_counter()
    loaded = load(path)
    took = time.perf_counter() - started
    assert len(loaded.tenants) == 1000
    with capsys.disabled():
        print(f"\n1,000 tenants, {path.stat().st_size // 1000} kB: {took:.2f} s")


@pytest.mark.parametrize(
    ("below", "keys"),
    [
        (
            "settle: {quiet_seconds: 20, media_seconds: fast, cap_seconds: 10}",
            {"settle.quiet_seconds", "settle.media_seconds"},
        ),
        ("settle: {quiet_seconds: 20, cap_seconds: fast}", {"settle.cap_seconds"}),
        (
            "facts: [{id: a, topic: x}, {id: a, topic: y, answer: z}]",
            {"facts[0].answer", "facts[1].id"},
        ),
        ("facts: [{id: [a]}, 3, {id: fact-1, topic: y, answer: z}]", None),
    ],
)
def test_a_value_that_cannot_be_read_hides_no_rule_across_the_others(read_text, shop, below, keys) -> None:
    _, problems = read_text(f"{shop}    {below}\n")
    assert problems
    assert keys is None or {problem.key for problem in problems} == keys
