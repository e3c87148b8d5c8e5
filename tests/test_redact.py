"""Redacting a snapshot: the same incident, diagnosed the same, without who and where."""

import ipaddress
import json
import re
from collections import Counter
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecs_notebook_lib.redact import Redactor
from ecs_notebook_lib.redact.addresses import KEPT, OTHER, PRIVATE, AddressMap, address_text
from ecs_notebook_lib.snapshot import IncidentName, Snapshot, load_snapshot, save_snapshot

from .conftest import incident_of

KEY, OTHER_KEY = b"a key for tests, of 32 bytes ...", b"another key for tests, 32 bytes."
NOON = datetime(2025, 7, 12, 12, tzinfo=UTC)
EMPTY = Snapshot(IncidentName("web", "web", "us-east-1", "111122223333", (NOON, NOON)), NOON, None, False, "0", {})


def redacted_text(text, key=KEY):
    return Redactor(EMPTY, key=key).text(text)


def snapshot_with(**members):
    lines = {
        name.replace("__", ":"): orjson.dumps(page, option=orjson.OPT_APPEND_NEWLINE) for name, page in members.items()
    }
    return Snapshot(EMPTY.incident, NOON, None, False, "0", lines)


def page(response):
    return {"at": "2025-07-12T12:00:00Z", "account": "111122223333", "params": {}, "page": 0, "response": response}


def test_a_redacted_snapshot_holds_the_same_questions_in_the_same_order():
    snapshot = incident_of("clarity-backend").snapshot
    redacted = Redactor(snapshot, key=KEY).snapshot()

    assert redacted.operations == snapshot.operations
    assert [shape(redacted, name) for name in redacted.operations] == [
        shape(snapshot, name) for name in snapshot.operations
    ]
    assert (redacted.redacted, redacted.as_of, redacted.simulated) == (True, snapshot.as_of, snapshot.simulated)


def shape(snapshot, operation):
    """Return what of the pages stays: times, page numbers, errors' codes, and the names of all members."""
    return [
        (record["at"], record["page"], (record["error"] or {}).get("code"), members(record["response"]))
        for record in snapshot.records(operation)
    ]


def members(value):
    if isinstance(value, dict):
        return {key: members(item) for key, item in value.items()}
    return [members(item) for item in value] if isinstance(value, list) else type(value).__name__


def test_a_redacted_snapshot_names_no_account_of_the_original():
    snapshot = incident_of("clarity-backend").snapshot
    redacted = Redactor(snapshot, key=KEY).snapshot()

    assert b"111122223333" in snapshot.lines("ecs:DescribeTasks")
    assert not any(b"111122223333" in lines for lines in redacted.members.values())
    assert re.fullmatch(r"\d{12}", redacted.incident.account)
    assert redacted.incident.account.encode() in redacted.lines("ecs:DescribeTasks")


def test_whoever_called_gets_one_name_everywhere_and_services_keep_theirs():
    snapshot = incident_of("clarity-backend").snapshot
    redactor = Redactor(snapshot, key=KEY)
    callers = {event["Username"] for event in events_of(snapshot)}
    seen = {event["Username"] for event in events_of(redactor.snapshot())}

    assert callers - seen == {"anna.k", "ben.r"}
    assert len(seen) == len(callers)
    assert callers & seen == {"pipeline", "terraform"}, "words of our own tables name nobody"
    assert redactor.text("anna.k deployed clarity-backend.") == f"{redactor.text('anna.k')} deployed clarity-backend."


def events_of(snapshot):
    records = snapshot.records("cloudtrail:LookupEvents")
    return [event for record in records for event in (record["response"] or {}).get("Events", ())]


def test_a_name_that_is_a_word_of_aws_or_of_a_service_is_not_taken_for_a_person():
    arns = [f"arn:aws:iam::111122223333:user/{name}" for name in ("task", "web", "anna")]
    snapshot = snapshot_with(
        ecs__DescribeServices=page({"services": [{"serviceName": "web", "createdBy": arn} for arn in arns]})
    )

    told = Redactor(snapshot, key=KEY).text("web: anna stopped a task")

    assert re.fullmatch(r"web: [a-z]{4} stopped a task", told)
    assert "anna" not in told


def test_a_redacted_snapshot_is_saved_and_loaded_and_its_manifest_says_so(tmp_path):
    redacted = Redactor(incident_of("clarity-backend").snapshot, key=KEY).snapshot()

    loaded = load_snapshot(save_snapshot(redacted, tmp_path / "shared.zip"))

    assert loaded == redacted
    assert loaded.redacted is True


def test_two_keys_give_two_pseudonyms_and_the_same_structure():
    text = "arn:aws:iam::111122223333:user/anna at 10.0.1.5 (db.acme-corp.net) or 54.9.1.7, anna said"
    one, two = redacted_text(text), redacted_text(text, OTHER_KEY)

    assert one != two
    assert [re.sub(r"[a-z]", "x", re.sub(r"\d+", "9", text)) for text in (one, two)] == [
        re.sub(r"[a-z]", "x", re.sub(r"\d+", "9", one))
    ] * 2


def test_a_key_that_nobody_gave_is_made_anew_for_each_run():
    assert Redactor(EMPTY).text("111122223333") != Redactor(EMPTY).text("111122223333")


TOKENS = st.one_of(
    st.sampled_from(
        [
            *("10.0.1.5", "10.4.0.0/16", "54.9.1.7:443", "2600:1f18::7", "::ffff:10.0.0.1", "02:42:ac:11:00:02"),
            *("111122223333", "arn:aws:iam::444455556666:user/anna", "anna", "anna@acme.com", "db.acme.com", "\\n"),
            *(
                "password=",
                "token: ",
                '"secret":"',
                "https://",
                "u:p@",
                "?a=b",
                "Bearer ",
                "AKIAIOSFODNN7EXAMPLE",
                "%2F",
            ),
            *("-----BEGIN PRIVATE KEY-----", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.x", "ip-10-0-1-5.ec2.internal", "\x1b[31m"),
            *(
                "a.rds.amazonaws.com",
                "REDACTED-token",
                "host-bcdfg.example",
                '"',
                "{",
                "}",
                " ",
                ",",
                "/",
                "@",
                ".",
                "=",
            ),
        ]
    ),
    st.text(max_size=6),
)
TEXTS = st.lists(TOKENS, max_size=12).map("".join)


@given(TEXTS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_was_redacted_is_not_redacted_again(text):
    redactor = Redactor(EMPTY, key=KEY)
    once = redactor.text(text)

    assert redactor.text(once) == once


JSON = st.recursive(
    TEXTS | st.integers() | st.none() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)
)


@given(JSON)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_is_redacted_and_any_document_in_a_text_stays_one(value):
    redacted = Redactor(EMPTY, key=KEY).text(json.dumps({"value": value}))

    assert json.loads(redacted).keys() == {"value"}


V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
V6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)
PAIRS = st.one_of(st.tuples(V4, V4), st.tuples(V6, V6))
BLOCKS = (*KEPT, *PRIVATE, *OTHER)


@given(PAIRS, st.integers(0, 128), st.binary(min_size=1, max_size=4))
def test_addresses_share_as_long_a_prefix_as_before(pair, length, key):
    one = pair[0]
    width = one.max_prefixlen
    length = min(length, width)
    mask = (1 << width) - (1 << (width - length))
    two = type(one)((int(one) & mask) | (int(pair[1]) & ~mask & ((1 << width) - 1)))
    moved = AddressMap(key)

    assert common(moved.address(one), moved.address(two)) == common(one, two)


def common(one, two):
    return one.max_prefixlen - (int(one) ^ int(two)).bit_length()


@given(st.one_of(V4, V6))
def test_an_address_stays_in_its_block_and_as_long_as_it_was(address):
    moved = AddressMap(KEY).address(address)

    assert [moved in block for block in BLOCKS] == [address in block for block in BLOCKS]
    assert len(address_text(str(address), moved)) == len(str(address))
    assert ipaddress.ip_address(address_text(str(address), moved)) == moved


@given(V4.filter(lambda one: not any(one in block for block in KEPT)))
def test_no_address_that_is_somebodys_stays(address):
    assert AddressMap(KEY).address(address) != address


@given(V4, st.integers(16, 28), st.integers(0, 15))
def test_the_second_address_of_a_vpc_still_is(address, length, offset):
    vpc = ipaddress.ip_network((int(ipaddress.ip_address("10.0.0.0")) | int(address) & 0xFFFFFF, length), strict=False)
    moved = AddressMap(KEY)

    assert moved.address(vpc[offset]) == moved.network(vpc)[offset]


def test_no_address_of_the_snapshot_is_the_pseudonym_of_another():
    addresses = [f"10.{second}.0.{last}" for second in (0, 16) for last in range(8)]
    snapshot = snapshot_with(ecs__DescribeTasks=page({"tasks": [{"address": one} for one in addresses]}))
    redactor = Redactor(snapshot, key=KEY)

    moved = [redactor.text(one) for one in addresses]

    assert Counter(moved).most_common(1)[0][1] == 1
    assert not set(moved) & set(addresses)
    assert [redactor.text(one) for one in moved] == moved


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("arn:aws:ecs:us-east-1:444455556666:task/c/99ea", r"arn:aws:ecs:us-east-1:\d{12}:task/c/99ea"),
        ("444455556666.dkr.ecr.eu-west-1.amazonaws.com/web:1", r"\d{12}\.dkr\.ecr\.eu-west-1\.amazonaws\.com/web:1"),
        ("orders.c9akciq32.eu-west-1.rds.amazonaws.com:5432", r"host-[a-z]{11}\.eu-west-1\.rds\.amazonaws\.com:5432"),
        ("web-1234567890.us-east-1.elb.amazonaws.com", r"host-[a-z]+\.us-east-1\.elb\.amazonaws\.com"),
        ("ip-10-0-1-5 dockerd[1]: up", r"ip-10-\d-1-5 dockerd\[1\]: up"),
        ("IP 10.0.1.5.443 > 10.0.2.6.5432", r"IP 10\.\d\.1\.5\.443 > 10\.\d\.2\.6\.5432"),
        ("web111122223333x", r"web\d{12}x"),
        ("ip-10-0-1-5.ec2.internal", r"ip-10-\d-1-5\.ec2\.internal"),
        ("https://api.acme-corp.net:8443/x", r"https://host-[a-z]{4}\.example:8443/x"),
        ("anna.lee@acme-corp.net", r"[a-z]{8}@[a-z]{5}\.example"),
        ("db.internal/10.0.1.5:5432", r"[a-z]{3}\.example/10\.\d\.1\.5:5432"),
        ("0a:1b:2c:3d:4e:5f", r"02(:[0-9a-f]{2}){5}"),
        ("AROA123AAD466844B19D4:anna", r"AROA[A-Z0-9]{17}:anna"),
        ("\x1b[31m54.9.1.7\x1b[0m", "\x1b\\[31m\\d\\d\\.\\d\\.\\d\\.\\d\x1b\\[0m"),
        ("bucket-444455556666-logs", r"bucket-\d{12}-logs"),
    ],
)  # fmt: skip
def test_a_pseudonym_keeps_the_form_that_parsers_read(text, pattern):
    told = redacted_text(text)

    assert re.fullmatch(pattern, told)
    assert told != text


def test_importing_the_library_does_not_load_the_detector():
    import subprocess
    import sys

    code = "import sys, ecs_notebook_lib.redact; print('detect_secrets' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
