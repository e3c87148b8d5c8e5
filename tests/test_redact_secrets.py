"""Secrets: none is left in what is shared, and ordinary text is left as it is."""

import json
import tomllib
from pathlib import Path

import orjson
import pytest
from matplotlib import pyplot
from matplotlib.text import Text

from ecs_notebook_lib import notebooks_directory
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.redact import Redactor
from ecs_notebook_lib.report.markdown import markdown_of

from .conftest import incident_of
from .planted import KINDS, planted

ROOT = Path(__file__).parent.parent
KEY = b"a key for tests, of 32 bytes ..."


def redactor_of(**changed):
    """Return a redactor of the demo incident with a fixed key."""
    return Redactor(incident_of("clarity-backend").snapshot, key=KEY, **changed)


def all_bytes(snapshot):
    return repr(snapshot.incident) + b"".join(snapshot.members.values()).decode()


def found_in(secrets, text):
    return [secret for secret in secrets if secret.text in text]


@pytest.fixture(scope="module")
def shared():
    """Return a snapshot with secrets, what was planted, and the incident of the redacted snapshot."""
    snapshot, secrets = planted(incident_of("clarity-backend").snapshot, seed=7)
    return snapshot, secrets, Incident(Redactor(snapshot, key=KEY).snapshot())


def test_two_hundred_secrets_of_twenty_kinds_stand_in_the_snapshot_before(shared, record_property):
    snapshot, secrets, _ = shared
    places = {secret.place for secret in secrets}
    record_property("planted secrets, kinds, places", f"{len(secrets)}, {len(KINDS)}, {len(places)}")

    assert (len(secrets), len(KINDS) >= 20, len(places) > 100) == (200, True, True)
    assert found_in(secrets, all_bytes(snapshot)) == secrets


def test_no_planted_secret_is_left_in_the_redacted_snapshot(shared):
    _, secrets, incident = shared

    assert found_in(secrets, all_bytes(incident.snapshot)) == []


def test_no_planted_secret_is_told_by_the_diagnosis_of_the_redacted_snapshot(shared):
    _, secrets, incident = shared

    assert found_in(secrets, orjson.dumps(incident.diagnosis.to_json()).decode()) == []
    assert found_in(secrets, markdown_of(incident)) == []


def test_no_planted_secret_is_drawn_in_a_figure_of_the_notebooks(shared):
    _, secrets, incident = shared
    drawn = "\n".join(
        text for path in sorted(notebooks_directory().glob("0*.ipynb")) for text in drawn_by(path, incident)
    )

    assert "clarity-backend" in drawn
    assert found_in(secrets, drawn) == []


def drawn_by(path, incident):
    """Return the texts in the figures that the cells of a notebook draw of an incident."""
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    names = {"incident": incident}
    for cell in cells:
        source, tags = "".join(cell["source"]), cell["metadata"].get("tags", [])
        if "imports" in tags or ("plot_" in source and "interactive" not in tags):
            exec(source, names)  # noqa: S102  our own notebooks
    texts = [text.get_text() for number in pyplot.get_fignums() for text in pyplot.figure(number).findobj(Text)]
    pyplot.close("all")
    return texts


@pytest.mark.parametrize("scenario", ["clarity-network", "secret-refused", "dependency-down-503"])
def test_no_planted_secret_is_left_whatever_has_failed(scenario, seed):
    snapshot, secrets = planted(incident_of(scenario, seed).snapshot, seed)
    redacted = Redactor(snapshot).snapshot()

    assert found_in(secrets, all_bytes(redacted)) == []
    assert found_in(secrets, markdown_of(Incident(redacted))) == []


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "log_lines"])
def test_at_most_two_words_in_a_hundred_of_ordinary_text_are_masked(name, record_property):
    lines = ordinary(name).split("\n")
    redactor = redactor_of()
    words = [(word, redacted) for line in lines for word, redacted in paired(line, redactor.text(line))]
    share = sum(word != redacted for word, redacted in words) / len(words)
    record_property(f"words masked of {name}", f"{share:.2%} of {len(words)}")

    assert share <= 0.02


def ordinary(name):
    """Return a file, or all samples of a table of log lines."""
    if name != "log_lines":
        return (ROOT / name).read_text(encoding="utf-8")
    table = tomllib.loads((ROOT / "ecs_notebook_lib/knowledge/log_lines.toml").read_text(encoding="utf-8"))
    return "\n".join(row["sample"] for row in table["message"])


def paired(line, redacted):
    before, after = line.split(), redacted.split()
    return zip(before, after, strict=True) if len(before) == len(after) else [(word, "") for word in before]


MASKED = [
    pytest.param("password=hunter2", "password=REDACTED-password", id="assigned"),
    pytest.param('{"db_password": "a b\\"c"}', '{"db_password": "REDACTED-password"}', id="json"),
    pytest.param('{\\"token\\":\\"abc\\"}', '{\\"token\\":\\"REDACTED-token\\"}', id="json-in-json"),
    pytest.param(
        '{\\\\\\"pwd\\\\\\":\\\\\\"abc\\\\\\"}', '{\\\\\\"pwd\\\\\\":\\\\\\"REDACTED-password\\\\\\"}', id="deeper"
    ),
    pytest.param("password=$ecret%1", "password=REDACTED-password", id="begins-with-a-sign"),
    pytest.param("\\nCookie: sid=1", "\\nCookie: REDACTED-cookie", id="after-an-escape"),
    pytest.param("\x1b[1msk_live_abcdefghijklmno", "\x1b[1mREDACTED-token", id="in-colour"),
    pytest.param("pwd: 12ab", "pwd: REDACTED-password", id="colon"),
    pytest.param("psql postgres://me:p@ss/w@localhost/db", "psql postgres://REDACTED-userinfo@localhost/db", id="url"),
    pytest.param("root:pw@tcp(localhost:3306)/db", "REDACTED-userinfo@tcp(localhost:3306)/db", id="go-mysql"),
    pytest.param("jdbc:oracle:thin:scott/tiger@//x", "jdbc:oracle:thin:REDACTED-userinfo@//x", id="oracle"),
    pytest.param("jwt eyJhbGciOiJub25lIn0.eyJhIjoxfQ. x", "jwt REDACTED-jwt x", id="jwt"),
    pytest.param("t=ghp_" + "a" * 36, "t=REDACTED-token", id="token-without-entropy"),
    pytest.param(
        "SignedHeaders=host, Signature=" + "0f" * 32, "SignedHeaders=host, Signature=REDACTED-signature", id="signature"
    ),
    pytest.param('"CanonicalUser": "' + "0f" * 32 + '"', '"CanonicalUser": "REDACTED-canonical-user"', id="canonical"),
    pytest.param(
        "k -----BEGIN PRIVATE KEY-----\nab\n-----END PRIVATE KEY----- k", "k REDACTED-private-key k", id="pem"
    ),
    pytest.param("AKIAIOSFODNN7EXAMPLE", "REDACTED-access-key", id="access-key"),
    pytest.param("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "REDACTED-secret", id="secret-access-key"),
    pytest.param("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer REDACTED-token", id="bearer"),
    pytest.param("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic REDACTED-token", id="basic"),
    pytest.param("Cookie: sid=1; theme=dark", "Cookie: REDACTED-cookie", id="cookie"),
    pytest.param("--db-password s3cret --x", "--db-password REDACTED-password --x", id="argument"),
    pytest.param("card 4111 1111 1111 1111", "card REDACTED-card", id="card"),
    pytest.param("call +49 170 1234567", "call REDACTED-phone", id="phone"),
]


@pytest.mark.parametrize(("text", "redacted"), MASKED)
def test_a_secret_is_replaced_and_nothing_around_it(text, redacted):
    assert redactor_of().text(text) == redacted


def test_what_only_the_detector_knows_is_masked_as_well():
    token = "sq0csp-" + "abcdefghij-klmnopqrst_uvwxyzabcdefg12345678"

    assert redactor_of().text(f"square {token} refused") == "square REDACTED-secret refused"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("99ea2df40e7efb4e12387ff1b710080b", id="task-id"),
        pytest.param("sha256:" + "5e0f4bee973bcfafb88d3d775f2bee90c08ed31d9d2cd6a176b1c6411396e320", id="digest"),
        pytest.param("ecs-svc/1234567890123456789", id="deployment-id"),
        pytest.param("eni-0a1b2c3d4e5f60718 subnet-0aa11bb22cc33dd44 sg-0123456789abcdef0 vpc-0a1b2c3d", id="ec2-ids"),
        pytest.param("request id: f47ac10b-58cc-4372-a567-444455556666", id="request-id"),
        pytest.param("web:3f2a9c1e8b7d6a5f4e3d2c1b0a9f8e7d6c5b4a39", id="commit-as-tag"),
        pytest.param("web:build-202507120915", id="time-as-tag"),
        pytest.param("hmac:0123456789abcdef", id="masked-when-collected"),
        pytest.param("us-east-1_Ab3dEf9hJ PricingStagingSettingsX7Kq2P", id="names-with-digits"),
        pytest.param('FATAL: password authentication failed for user "app"', id="a-word-about-a-password"),
        pytest.param("Missing required secret: STRIPE_API_KEY", id="name-of-a-secret"),
        pytest.param("at java.lang.Foo(Foo.java:12) server.js:42 logging.handlers app.py libc.so.6 1.2.3", id="dotted"),
        pytest.param("redis.exceptions.ConnectionError: Error 111 connecting to cache:6379", id="an-exception"),
        pytest.param("sqs.us-east-1.amazonaws.com ecs-tasks.amazonaws.com api.ecr.eu-west-1.amazonaws.com", id="aws"),
        pytest.param("docker.io/library/nginx ghcr.io/x/y public.ecr.aws/z registry-1.docker.io", id="registries"),
        pytest.param("127.0.0.1 0.0.0.0/0 ::/0 ::1 169.254.170.2 224.0.0.1", id="nobody's-addresses"),
    ],
)
def test_what_is_no_secret_stays(text):
    assert redactor_of().text(text) == text


def test_a_private_key_that_was_logged_line_by_line_is_taken_out_whole():
    lines = [
        "starting",
        "-----BEGIN EC PRIVATE KEY-----",
        "MHcCAQEE",
        "AwEHoUQD==",
        "-----END EC PRIVATE KEY-----",
        "done",
    ]
    events = [{"logStreamName": stream, "message": line} for line in lines for stream in ("one", "two")]

    messages = [row["message"] for row in redactor_of().value(events) if row["logStreamName"] == "one"]

    assert messages == ["starting", *["REDACTED-private-key"] * 4, "done"]


def test_a_line_that_speaks_of_a_private_key_takes_nothing_after_it():
    events = [{"message": "no -----BEGIN PRIVATE KEY----- in /tls.pem"}, {"message": "exiting with code 1"}]

    assert redactor_of().value(events)[1] == events[1]


def test_a_value_is_masked_for_the_name_that_it_stands_beside():
    redacted = redactor_of().value(
        {"environment": [{"name": "API_TOKEN", "value": "abc"}, {"name": "MODE", "value": "abc"}]}
    )

    assert redacted["environment"][0]["value"].startswith("REDACTED-token-")
    assert redacted["environment"][1]["value"] == "abc"


@pytest.mark.parametrize(
    "document",
    [
        '{"Principal":{"AWS":"arn:aws:iam::444455556666:root"},"password":"a\\"b"}',
        '{"password":12345,"mail":"\\u0061nna@acme-corp.net","url":"https:\\/\\/anna:pw@acme-corp.net\\/x"}',
        "%7B%22AWS%22%3A%22arn%3Aaws%3Aiam%3A%3A444455556666%3Auser%2Fanna%22%7D",
    ],
)
def test_a_document_in_a_text_can_be_read_afterwards_and_holds_nothing(document):
    from urllib.parse import unquote

    redacted = orjson.loads(unquote(redactor_of().text(document)))

    assert redacted.keys() == orjson.loads(unquote(document)).keys()
    assert not any(word in json.dumps(redacted) for word in ("444455556666", "anna", "acme", 'a\\"b', "pw@", "12345"))


def test_it_is_told_what_was_masked_and_how_often():
    redactor = redactor_of()
    redactor.text("password=a 10.0.1.5 10.0.1.6")

    assert dict(redactor.masked) == {"IP address": 2, "password": 1}


def test_nothing_is_sent_to_anybody(monkeypatch):
    import socket

    def refuse(*_arguments):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)

    assert "REDACTED" in redactor_of().text(
        "stripe sk_live_abcdefghijklmnopqrstuvwx and AC0123456789abcdef0123456789abcdef"
    )
