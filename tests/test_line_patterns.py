"""Patterns of many lines: which lines share one, that no order matters, that memory does not grow with the lines."""

import random
import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.log_lines import made_lines, snapshot_of_lines
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.access_lines import access_of_text
from ecs_notebook_lib.frames.line_masks import alike, pattern_of, without_numbers
from ecs_notebook_lib.frames.line_meaning import harmless_ones, meanings_of, read_lines
from ecs_notebook_lib.frames.line_patterns import PatternMiner, patterns_of
from ecs_notebook_lib.frames.log_lines import read_line
from ecs_notebook_lib.knowledge.harmless import harmless_reason, harmless_rows
from ecs_notebook_lib.knowledge.messages import find_in_log, messages_in_log, templates

USERS = ("alice", "bob", "carol", "dan")
PEOPLE = (*USERS, "erin", "frank", "grace", "heidi", "ivan", "judy")


def patterns(*lines):
    return patterns_of(pa.array(lines, pa.string())).to_pylist()


@pytest.mark.parametrize(
    ("lines", "pattern"),
    [
        (["took 12 ms", "took 3 ms"], "took <number> ms"),
        (["found block rdd_2_0 here", "found block rdd_31_7 here"], "found block rdd_<number>_<number> here"),
        (["node web7 is up", "node db9a is up"], "node <*> is up"),
        ([f"session opened for user {name}" for name in USERS], "session opened for user <*>"),
        ([f"hello {name}, welcome" for name in PEOPLE], "hello <*>, welcome"),
        ([f"opened /data/{name}.txt" for name in USERS], "opened <*>"),
        (["free 5.2 KB of memory", "free 7 B of memory", "free 1 MB of memory"], "free <*> of memory"),
        (["from 10.0.0.1 (web-1.example.com) at noon", "from 10.0.0.2 () at noon"], "from <address> (<*>) at noon"),
        (["uses s3 and HTTP/2"], "uses s3 and HTTP/<number>"),
        (['1.2.3.4 "GET /a/1 HTTP/1.1" 200 5', '1.2.3.4 "GET /a/22 HTTP/1.1" 200 7'],
         '<address> "GET /a/<number> HTTP/<number>" 200 <number>'),
    ],
)  # fmt: skip
def test_lines_that_differ_in_values_have_one_pattern(lines, pattern):
    assert set(patterns(*lines)) == {pattern}


@pytest.mark.parametrize(
    "lines",
    [
        ["link ok", "link error"],
        ["No module named 'app'", "No module named 'web'"],
        ["state NEW to READY", "state READY to DONE", "state DONE to GONE"],
        ["healthy=true", "healthy=false"],
        ["errors=0", "errors=3"],
        ["query failed: P1001 reported", "query failed: P2002 reported"],
        ['"GET / HTTP/1.1" 200 5', '"GET / HTTP/1.1" 500 5'],
        ["s3:GetObject denied", "s3:PutObject denied"],
        ["x started", "x started now"],
    ],
)
def test_lines_that_say_something_else_keep_patterns_of_their_own(lines):
    assert len(set(patterns(*lines))) == len(lines)


def test_lines_of_another_scope_are_not_put_together():
    lines, miner = [f"hello {name}, welcome" for name in PEOPLE], PatternMiner()
    numbers = [miner.add(pa.array([line]), scope=f"kind {place % 2}")[0] for place, line in enumerate(lines)]

    told = miner.patterns()

    assert {told[number] for number in numbers} == set(lines)


PIECES = st.sampled_from(
    """" 200| 404|"| |550e8400-e29b-41d4-a716-446655440000|12345678|1234abcd|deadbeef|0|0x1f|@1b2c3d|12:00:00
2025-07-12T09:00:01.123Z|=0|errors=0|-|_|a|user8271|P1001|\u00e9|\u0661|'|9|00|.|Fri Jun 17 07:07:00 2005|E|10.0.1.5:80
""".replace("\n", f"|{'x' * 61}|").split("|")
) | st.just("\n")
TEXTS = st.lists(st.lists(PIECES | st.text(max_size=4) | st.text('0123456789abcdef-" ', max_size=40)).map("".join))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_what_is_made_alike_has_the_pattern_that_it_had(texts):
    changed = alike(pa.array(texts, pa.string())).to_pylist()

    assert [pattern_of(text) for text in changed] == [pattern_of(text) for text in texts]


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.integers(0, 30))
def test_a_part_of_an_array_is_read_as_if_it_stood_alone(texts, start):
    whole = pa.array(texts, pa.string())

    assert alike(whole.slice(start)).to_pylist() == alike(pa.array(texts[start:], pa.string())).to_pylist()
    assert len(without_numbers(whole)) == len(texts)


WORDS = st.sampled_from(
    ["user", "=", "alice", "bob", "carol", "dan", "erin", "a.b", "c.d", "e.f", "7", "x1", "y2", "on"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(WORDS, min_size=2, max_size=4).map(" ".join), max_size=60), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_nor_parts_matter(lines, rng):
    moved = rng.sample(lines, len(lines)) + lines[::2]
    miner = PatternMiner()
    numbers = [int(number) for line in moved for number in miner.add(pa.array([line]))]

    told = miner.patterns()

    assert dict(zip(moved, (told[number] for number in numbers), strict=True)) == dict(
        zip(lines, patterns(*lines), strict=True)
    )


def test_what_is_held_does_not_grow_with_the_lines():
    rng, most = random.Random(0), 200
    miner = PatternMiner(most=most)
    held = 0
    for _ in range(40):
        names = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(most)]
        miner.add(pa.array([f"hello {name}, welcome" for name in names]))
        held = max(held, miner.held)

    assert held <= 2 * most
    assert set(miner.patterns()) == {"hello <*>, welcome"}


def test_many_lines_of_few_kinds_have_few_patterns_whatever_their_order():
    lines = [message for _, message in made_lines(3000)]
    moved = random.Random(1).sample(lines, len(lines))

    assert dict(zip(moved, patterns(*moved), strict=True)) == dict(zip(lines, patterns(*lines), strict=True))
    assert len(set(patterns(*lines))) < 120


def varied(messages):
    rng = random.Random(3)
    digits = [re.sub(r"\d", lambda _: rng.choice("0123456789"), message) for message in messages]
    return [*dict.fromkeys([*messages, *digits])]


def test_many_lines_together_tell_what_each_tells_alone():
    samples = [row.sample for row in templates() if row.where == "log_line"] + [row.sample for row in harmless_rows()]
    messages = varied([*samples, "\x1b[31mERROR\x1b[0m connection refused", *(text for _, text in made_lines(300))])

    lines = read_lines(messages)
    found = meanings_of(lines, messages)
    harmless = harmless_ones(lines, found)

    assert lines == [read_line(message) for message in messages]
    for line, message, one, is_harmless in zip(lines, messages, found, harmless, strict=True):
        known = find_in_log(line.text) or find_in_log(message) or access_of_text(line.text) or line.access
        assert (one is not None) == (known is not None), message
        if harmless_reason(line.text) and line.level != "FATAL":
            assert is_harmless or (one is not None and one.is_error), message


def test_the_messages_in_many_lines_are_those_that_each_holds():
    samples = [row.sample for row in templates() if row.where == "log_line"]
    lines = varied([*samples, f"{'x' * 9000} connection refused", *(text for _, text in made_lines(300))])

    alone = [message for line in lines if (message := find_in_log(line)) is not None]

    assert list(messages_in_log(lines)) == alone
    assert len(alone) > len(samples)


def test_the_frame_has_the_same_pattern_for_both_revisions_and_each_line_keeps_its_own_meaning():
    frames = Frames(snapshot_of_lines(2000))
    events = frames.log_events

    assert events["pattern"].notna().all()
    assert frames.log_patterns["line_count"].sum() <= len(events)
    assert (events.groupby("pattern")["kind"].nunique(dropna=False) == 1).all()
