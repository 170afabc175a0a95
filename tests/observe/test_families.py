"""What is counted is what is read, in the library's own shapes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.observe.families import FAST, Count, Durations, Level


def values(family) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {(sample.name, tuple(sample.labels.items())): sample.value for sample in family.read().samples}


def test_a_count_leaves_the_tenant_out_unless_told_otherwise():
    plain = Count("a_total", "A", ("kind",))
    plain.add("clinic", "x")
    plain.add("school", "x", amount=2)
    assert values(plain) == {("a_total", (("kind", "x"),)): 3}
    fine = Count("a_total", "A", ("kind",), by_tenant=True)
    fine.add("clinic", "x")
    fine.add("school", "x", amount=2)
    assert set(values(fine).values()) == {1, 2}
    assert fine.labels == ("tenant", "kind")


def test_a_series_that_is_declared_is_there_before_it_is_counted():
    assert values(Count("a_total", "A", ("kind",), starts=[("x",)])) == {("a_total", (("kind", "x"),)): 0}


@given(st.lists(st.floats(min_value=0, max_value=100)))
def test_a_histogram_counts_each_duration_in_every_bucket_that_holds_it(seconds: list[float]) -> None:
    durations = Durations("d_seconds", "D", ("call",))
    observe = durations.of("get")
    for each in seconds:
        observe(each)
    found = {dict(labels).get("le", name): value for (name, labels), value in values(durations).items()}
    for bound in FAST:
        assert found[str(bound)] == sum(each <= bound for each in seconds)
    assert found["+Inf"] == found["d_seconds_count"] == len(seconds)
    assert found["d_seconds_sum"] == sum(seconds)


def test_what_was_looked_up_once_observes_the_same_series():
    durations = Durations("d_seconds", "D", ("call",))
    durations.of("get")(1)
    durations.of("get")(2)
    assert values(durations)["d_seconds_count", (("call", "get"),)] == 2


def test_a_level_is_asked_whenever_it_is_read():
    now = [1.0]
    level = Level("l", "L", ("kind",), lambda: [(("x",), now[0])])
    assert values(level) == {("l", (("kind", "x"),)): 1}
    now[0] = 2
    assert values(level) == {("l", (("kind", "x"),)): 2}
