"""Hostile text from AWS and from containers is shown as text, in bounds, and never obeyed: on the way to a terminal."""

import json
import shlex
import time
import unicodedata
from dataclasses import replace
from functools import cache

import pytest

from benchmarks.simulated import collected
from ecs_notebook_lib.cli import main
from ecs_notebook_lib.incident import Incident, simulated_clients
from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.simulate import begin, build
from ecs_notebook_lib.snapshot import load_snapshot, save_snapshot
from ecs_notebook_lib.untrusted import plain, visible, visible_json
from ecs_notebook_lib.wait import Wanted, Watch, wait_for
from ecs_notebook_lib.wait.telling import Teller
from ecs_notebook_lib.wait.waiting import Patience

from .hostile import CORPUS, LONG_LINE, HostileAWS, Mode, Writer, free_texts_of, page_from_shape, texts_of
from .test_wait import world_clock

SCENARIOS = ("clarity-backend", "clarity-network", "clarity-resources")
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
BYTES = 400_000
"""More than a diagnosis of a failing service prints in any format."""


def hidden_in(text):
    """Return what a terminal would obey, or would not show."""
    return {hex(ord(letter)) for letter in text if letter != "\n" and unicodedata.category(letter) in HIDDEN}


@cache
def answered(name, mode, only):
    """Return an AWS whose texts are hostile, and what was collected from it."""
    aws = HostileAWS(build(name), {only: CORPUS[only]} if only else CORPUS, mode)
    return aws, collected(aws)


def snapshot_of(name, mode, only=""):
    return answered(name, mode, only)[1]


@pytest.fixture
def command(capsys):
    def run(*arguments):
        code = main(list(arguments))
        told = capsys.readouterr()
        assert hidden_in(told.out) == set()
        assert hidden_in(told.err) == set()
        assert len(told.out) < BYTES
        return code, told.out

    return run


@pytest.fixture
def saved(tmp_path):
    def save(snapshot):
        path = save_snapshot(snapshot, tmp_path / "hostile.zip")
        assert load_snapshot(path) == snapshot
        return str(path)

    return save


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("name", SCENARIOS)
def test_hostile_text_in_every_field_is_shown_on_a_terminal_and_obeyed_nowhere(name, mode, saved, command):
    path = saved(snapshot_of(name, mode))

    codes = [command("diagnose", path, "--format", form)[0] for form in ("text", "json", "markdown")]
    codes += [command("treat", path, "--format", form)[0] for form in ("text", "json")]

    assert set(codes[:3]) <= {3, 4}
    assert codes[3:] == [0, 0]


@pytest.mark.parametrize("only", CORPUS)
def test_each_string_alone_leaves_the_diagnosis_what_it_is(only, saved, command):
    path = saved(snapshot_of("clarity-backend", Mode.FREE, only))

    code, told = command("diagnose", path, "--format", "json")
    document = json.loads(told)

    assert code == 3
    assert document["differential"][0]["cause"] == "permissions.task_role"
    assert command("diagnose", path)[0] == 3


@pytest.mark.parametrize("mode", [Mode.FREE, Mode.EVERY])
def test_every_text_of_every_answer_was_touched(mode):
    aws, _ = answered("clarity-backend", mode, "")

    assert len(aws.answered) > (30 if mode is Mode.FREE else 20)  # where no status is AWS's, less is asked for
    for operation, told in aws.answered.items():
        wanted = free_texts_of(operation) if mode is Mode.FREE else texts_of(operation).keys()
        tokens = {path for path in told if path[-1].lower().endswith(("token", "marker"))}
        touched = {path for name, path in aws.touched if name == operation}
        assert told & wanted - touched - tokens == set(), operation


def test_what_the_world_never_answers_is_put_into_the_snapshot_from_awss_own_shapes(saved, command, record_property):
    whole = with_every_member(snapshot_of("clarity-backend", Mode.FREE))
    aws, _ = answered("clarity-backend", Mode.FREE, "")
    told = {(name, path) for name, paths in aws.answered.items() for path in paths}
    every = {(name, path) for name in every_operation() for path in texts_of(name)}

    assert command("diagnose", saved(whole))[0] == 3
    record_property("texts in the answers of the kit's operations", len(every))
    record_property("of these the world answers", len(every & told))
    record_property("operations that it does not answer here", len(every_operation().keys() - aws.answered.keys()))


def with_every_member(snapshot, *, enums=False):
    """Return a snapshot with one more page for each operation, in which AWS tells all that it can."""
    writer = Writer(CORPUS, enums=enums)
    pages = {name: page_from_shape(name, writer) for name in every_operation()}
    assert writer.count > 1000
    members = {name: snapshot.lines(name) + page for name, page in pages.items()}
    return replace(snapshot, members={**snapshot.members, **members})


def bare_words(command):
    """Return the words of a command outside of quotes, cut where a shell begins another command."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def test_a_hostile_name_stays_one_word_of_a_command():
    incident = Incident(snapshot_of("clarity-network", Mode.NAMES, "shell"))
    actions = (*incident.treatment.immediate, *incident.treatment.long_term)
    commands = [row.command for row in incident.diagnosis.plan] + [row.command for row in incident.diagnosis.commands]
    commands += [line for row in actions for line in [row.command, *(call.command for call in row.calls)]]

    assert len(list(filter(None, commands))) > 10
    for line in commands:
        assert "touch" not in bare_words(line), line


@pytest.mark.parametrize("only", CORPUS)
def test_what_is_shown_holds_no_control_and_nothing_that_markdown_renders(only):
    assert hidden_in(visible(CORPUS[only])) == set()
    assert hidden_in(plain(CORPUS[only])) == set()
    assert "\n" not in visible(CORPUS[only])
    assert len(visible(CORPUS[only])) <= 10 * min(2000, len(CORPUS[only])) + 4


def test_json_reads_back_the_same_without_what_is_hidden_in_it():
    texts = {name: text for name, text in CORPUS.items() if name not in ("lone-surrogates", "not-utf-8")}
    written = visible_json(json.dumps(texts, ensure_ascii=False))

    assert json.loads(written) == texts
    assert hidden_in(written) == set()


def test_a_letter_carries_two_marks_at_most():
    assert visible("a\u0301b\u0301\u0302\u0303") == "a\u0301b\u0301\u0302\\u0303"


@pytest.mark.parametrize("only", CORPUS)
def test_explain_shows_what_it_was_given(only, capsys):
    began = time.monotonic()
    main(["explain", f"Task failed ELB health checks in (target-group {CORPUS[only]})"])
    main(["explain", f"(service web) was unable to place a task. Reason: {CORPUS[only]}", "--format", "json"])
    main(["explain", CORPUS[only] or "x"])
    told = capsys.readouterr().out

    assert hidden_in(told) == set()
    assert len(told) < BYTES
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["diagnose", "demo:x\x1b[2J"],
        ["diagnose", "live:\x1b]0;x\x07\u202e"],
        ["diagnose", "case:/nowhere/\x1b[2J\udcff"],
        ["diagnose", "/nowhere/\x1b[2J\udcff.zip"],
        ["evaluate", "/nowhere/\u202e\x9b2J"],
        ["diagnose", "demo:clarity-backend:\x1b[2J"],
        ["treat", "demo:clarity-backend", "--undo", "/nowhere/\x1b[2J"],
        ["treat", "demo:clarity-backend", "--apply", "\x1b[2J"],
    ],
)
def test_an_error_does_not_obey_what_it_repeats(arguments, capsys):
    code = main(arguments)
    told = capsys.readouterr()

    assert code == 1
    assert hidden_in(told.err) == set()
    assert told.err.count("ecs-notebook:") == 1


@pytest.mark.parametrize(
    "arguments",
    [["\x1b[2J"], ["diagnose", "--format", "\x1b[2J", "x"], ["diagnose", "demo:x", "--\x1b]0;x\x07"], ["explain", ""]],
)
def test_wrong_usage_does_not_obey_what_it_repeats(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert hidden_in(capsys.readouterr().err) == set()


@pytest.mark.parametrize(
    "content",
    [b"[]\n", b"1\n", b'"x"\n[]\n', b"null\n", b"{}\n", b"\xff\n{}\n", b"[" * 5000 + b"\n{}\n", b"\x00", b""],
)
def test_a_file_that_is_no_journal_is_refused_in_one_line(content, tmp_path, capsys):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content)

    assert main(["treat", "--undo", str(path), "--dry-run"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


DEEP = {
    "log-line": ("logs:GetLogEvents", ("events[]", "message")),
    "policy": ("iam:GetRolePolicy", ("PolicyDocument",)),
    "trust": ("iam:GetRole", ("Role", "AssumeRolePolicyDocument")),
    "bucket-policy": ("s3:GetBucketPolicy", ("Policy",)),
    "manifest": ("ecr:BatchGetImage", ("images[]", "imageManifest")),
    "variable": (
        "ecs:DescribeTaskDefinition",
        ("taskDefinition", "containerDefinitions[]", "environment[]", "value"),
    ),
    "call": ("cloudtrail:LookupEvents", ("Events[]", "CloudTrailEvent")),
}


@pytest.mark.parametrize("depth", [300, 600, 1100, 10_000])
@pytest.mark.parametrize("place", DEEP)
def test_json_without_end_in_a_text_is_a_text(place, depth, saved, command):
    text = '{"eventName": "PutRolePolicy", "Statement": [{"Condition": ' + '{"a":' * depth + "1" + "}" * depth + "}]}"
    if place == "call":
        text = text.replace('"Statement"', '"userIdentity": {"arn": ' + '{"a":' * depth + "1" + "}" * depth + '}, "x"')
    aws = HostileAWS(build("clarity-backend"), {"deep": text}, Mode.WHOLE, only=DEEP[place])

    assert command("diagnose", saved(collected(aws)))[0] == 3
    assert aws.touched == {DEEP[place]}


@pytest.mark.parametrize("place", ["log-line", "policy", "manifest"])
def test_a_line_of_ten_megabytes_costs_seconds(place, saved, command):
    aws = HostileAWS(build("clarity-backend"), {"long": LONG_LINE}, Mode.WHOLE, only=DEEP[place])
    path = saved(collected(aws))
    began = time.process_time()

    assert command("diagnose", path)[0] == 3
    assert time.process_time() - began < 10


@pytest.mark.parametrize("mode", [Mode.FREE, Mode.WHOLE])
def test_what_is_told_while_waiting_is_lines_of_text(mode):
    world = begin("program-crashes", 1)
    watch = Watch(simulated_clients(HostileAWS(world, CORPUS, mode)), world.cluster, [world.service])
    teller, lines = Teller(timeout=3600), []
    patience = Patience(1800, 15)

    wait_for(watch, Wanted(), patience, tell=lambda row: lines.extend(teller.lines(row)), clock=world_clock(world))

    assert len(lines) > 3
    assert hidden_in("".join(lines)) == set()
    assert max(map(len, lines)) < 6000
