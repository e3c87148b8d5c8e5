"""Policy texts put into the world: they lift the denial that they name, and grant nothing beside it."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulated import collected
from ecs_notebook_lib.diagnosis import diagnose
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.policy import evaluate_trust
from ecs_notebook_lib.policy.wildcards import matches
from ecs_notebook_lib.simulate import build
from ecs_notebook_lib.simulate.access import ManagedPolicy, Secret, decide, may_assume, session_arn
from ecs_notebook_lib.treatment.texts import (
    allow_statement,
    deny_change,
    secret_reference,
    trust_policy,
)
from ecs_notebook_lib.treatment.texts.rendering import cloudformation, hcl_string, json_text, label_of, logical_id

IMPLICIT = {
    "task-role-refused": "task",
    "task-role-unready": "task",
    "clarity-backend": "task",
    "secret-refused": "execution",
    "registry-refused": "execution",
    "log-stream-refused": "execution",
    "pull-refused": "execution",
    "parameter-refused": "execution",
    "clarity-permissions-execution": "execution",
}
UNTOLD = {("task-role-unready", 0)}
"""Worlds in which nothing tells of the denial: the application does not print it."""

SESSION = "0123456789abcdef0123456789abcdef"
ACTIONS = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListBucket",
    "s3:DeleteBucket",
    "dynamodb:GetItem",
    "dynamodb:DeleteTable",
    "sqs:ReceiveMessage",
    "sqs:DeleteQueue",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "ssm:GetParameters",
    "ssm:PutParameter",
    "ecr:GetAuthorizationToken",
    "ecr:BatchGetImage",
    "ecr:PutImage",
    "ecr:DeleteRepository",
    "logs:CreateLogStream",
    "logs:DeleteLogGroup",
    "cognito-idp:DescribeUserPool",
    "cognito-idp:AdminDeleteUser",
    "kms:Decrypt",
    "iam:PassRole",
    "sts:AssumeRole",
)


def diagnosed(world):
    return diagnose(Frames(collected(world)))


def resources_of(world, diagnosis):
    """Every resource that is asked for, its neighbour of nearly the same name, and one of each service beside."""
    asked = set(diagnosis.frames.access["resource"]) - {"*"}
    near = {f"{one.removesuffix('/*').removesuffix(':*')}2" for one in asked}
    other = {f"arn:{world.partition}:{service}:{world.region}:{world.account}:other" for service in ("sqs", "kms")}
    return sorted({*asked, *near, *other, "*", f"arn:{world.partition}:s3:::other/*"})


def decisions(world, role, resources):
    return {
        (action, one): decide(world.access, role, SESSION, action, one).verdict
        for action in ACTIONS
        for one in resources
    }


def given_by(before, after):
    return {pair for pair, verdict in after.items() if verdict == "allowed" and before[pair] != "allowed"}


def seeded(names, seeds=(0, 1, 2)):
    dialects = [(f"{name}@test", seed) for name in names if not name.startswith("clarity") for seed in seeds[:2]]
    return [row for row in (*((name, seed) for name in names for seed in seeds), *dialects) if row not in UNTOLD]


@pytest.mark.parametrize(("name", "number"), seeded(IMPLICIT))
def test_the_statement_lifts_what_is_denied_and_grants_nothing_else(name, number):
    world = build(name, number)
    diagnosis = diagnosed(world)
    kind = IMPLICIT[name.removesuffix("@test")]
    text = allow_statement(diagnosis, kind)
    role, resources = world.access.roles[text.role_name], resources_of(world, diagnosis)
    access = diagnosis.frames.access
    rows = access[(access["role"] == kind) & (access["because"] != "named") & (access["verdict"] == "implicit_deny")]
    denied = set(zip(rows["action"], rows["resource"], strict=True))
    before = decisions(world, role, resources)

    world.edit(lambda w: w.access.roles[text.role_name].inline.__setitem__(text.policy_name, text.least_document))

    now = {pair: decide(world.access, role, SESSION, *pair).verdict for pair in denied}
    gained = given_by(before, decisions(world, role, resources))
    granted = [(row["Action"], row["Resource"]) for row in text.least_document["Statement"]]
    assert denied
    assert set(now.values()) == {"allowed"}
    assert {action for action, _ in gained} <= {action for action, _ in denied} == set(text.statement_actions)
    assert all(
        any(action in actions and any(matches(one, resource) for one in named) for actions, named in granted)
        for action, resource in gained
    )
    assert not [
        one
        for _, named in granted
        for one in named
        if one == "*" and text.statement_actions != ("ecr:GetAuthorizationToken",)
    ]


@pytest.mark.parametrize(("name", "number"), seeded(IMPLICIT))
def test_what_the_last_good_role_had_is_marked_and_stays_in_the_services(name, number):
    world = build(name, number)
    diagnosis = diagnosed(world)
    kind = IMPLICIT[name.removesuffix("@test")]
    text = allow_statement(diagnosis, kind)
    role, resources = world.access.roles[text.role_name], resources_of(world, diagnosis)
    definition = (
        world.task_definitions[diagnosis.frames.history.last_good.task_definition]
        if diagnosis.frames.history.last_good
        else {}
    )
    former = world.access.roles.get(definition.get(f"{kind}RoleArn", "").rpartition("/")[2])
    before = decisions(world, role, resources)
    had = decisions(world, former, resources) if former else {}

    world.edit(lambda w: w.access.roles[text.role_name].inline.__setitem__(text.policy_name, text.document))

    gained = given_by(before, decisions(world, role, resources))
    services = {action.partition(":")[0] for action in text.statement_actions}
    assert {action.partition(":")[0] for action, _ in gained} <= services
    assert all(pair[0] in text.statement_actions or had.get(pair) == "allowed" for pair in gained)
    assert all(row["Sid"].startswith("LastGoodRoleHadThis") for row in text.from_last_good)
    assert [row for row in text.document["Statement"] if row not in text.least_document["Statement"]] == list(
        text.from_last_good
    )


@pytest.mark.parametrize(("name", "number"), sorted(UNTOLD))
def test_a_denial_of_which_nothing_tells_is_not_guessed(name, number):
    assert allow_statement(diagnosed(build(name, number)), "task") is None


def test_another_execution_role_gets_what_the_last_good_one_had_beside_it():
    text = allow_statement(diagnosed(build("pull-refused", 0)), "execution")

    assert text.from_last_good == (
        {"Sid": "LastGoodRoleHadThis", "Effect": "Allow", "Action": ["ecr:BatchGetImage"], "Resource": ["*"]},
    )
    assert text.managed_policy.endswith(":iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
    assert text.fragment.terraform.startswith("# LastGoodRoleHadThis")


@pytest.mark.parametrize("name", ["varied-healthy", "resource-policy-denies", "layers-denied", "clarity-network"])
@pytest.mark.parametrize("role", ["task", "execution"])
def test_nothing_is_written_where_nothing_is_implicitly_denied(name, role):
    assert allow_statement(diagnosed(build(name)), role) is None


@pytest.mark.parametrize("name", ["varied-healthy", "task-role-refused", "clarity-backend", "role-not-assumed"])
def test_no_deny_is_changed_where_none_denies(name):
    assert deny_change(diagnosed(build(name))) == ()


def test_an_earlier_policy_of_the_same_name_keeps_its_statements():
    world = build("task-role-refused", 3)
    first = allow_statement(diagnosed(world), "task")
    earlier = {
        "Sid": "DeniedNowS3",
        "Effect": "Allow",
        "Action": ["sns:Publish"],
        "Resource": ["arn:aws:sns:eu-central-1:1:a"],
    }
    old = {"Version": "2012-10-17", "Statement": [earlier]}
    world.edit(lambda w: w.access.roles[first.role_name].inline.__setitem__(first.policy_name, old))

    text = allow_statement(diagnosed(world), "task")

    assert text.document["Statement"][0] == earlier
    assert text.document["Statement"][1:] == [{**first.document["Statement"][0], "Sid": "DeniedNowS3x2"}]


def test_a_secret_with_a_key_of_the_customer_needs_the_key_too():
    world = build("secret-refused", 1)
    key = f"arn:{world.partition}:kms:{world.region}:{world.account}:key/0f1e2d3c-aaaa-bbbb-cccc-1234567890ab"
    for secret in world.access.secrets.values():
        secret.kms_key_id = key

    statements = allow_statement(diagnosed(world), "execution").document["Statement"]

    assert statements[-1]["Action"] == ["kms:Decrypt"]
    assert statements[-1]["Resource"] == [key]
    assert statements[-1]["Condition"] == {
        "StringEquals": {"kms:ViaService": f"secretsmanager.{world.region}.amazonaws.com"}
    }


def replaced_policy(world, change):
    def edit(w):
        if change.service == "s3":
            w.access.buckets[change.name] = change.document
        else:
            w.access.secrets[change.name].policy = change.document

    world.edit(edit)


@pytest.mark.parametrize(("name", "number"), seeded(["resource-policy-denies"], (0, 1, 2, 3)))
def test_the_changed_deny_lets_the_role_through_and_nobody_else(name, number):
    world = build(name, number)
    diagnosis = diagnosed(world)
    (change,) = deny_change(diagnosis)
    rows = diagnosis.frames.access[diagnosis.frames.access["verdict"] == "explicit_deny"]
    pairs = list(zip(rows["action"], rows["resource"], strict=True))
    role = world.access.roles[change.role_arns[0].rpartition("/")[2]]
    others = [one for one in world.access.roles.values() if one is not role]
    for one in others:
        one.inline["everything"] = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    before = [decide(world.access, one, SESSION, *pair) for one in others for pair in pairs]

    replaced_policy(world, change)

    assert {decide(world.access, role, SESSION, *pair).verdict for pair in pairs} == {"allowed"}
    assert [decide(world.access, one, SESSION, *pair) for one in others for pair in pairs] == before
    assert all(row["Effect"] == "Deny" for row in change.after)
    assert json.loads(change.fragment.json) == change.document


DENIALS = {
    "everybody": (
        {"Principal": "*"},
        lambda after, role: after["Condition"]["ArnNotEquals"] == {"aws:PrincipalArn": [role.arn]},
    ),
    "listed": (
        {"Principal": "*", "Condition": {"StringNotLike": {"aws:PrincipalArn": "arn:aws:iam::1:role/a"}}},
        lambda after, role: (
            after["Condition"]["StringNotLike"]["aws:PrincipalArn"] == ["arn:aws:iam::1:role/a", role.arn]
        ),
    ),
    "by-id": (
        {"Principal": "*", "Condition": {"StringNotLike": {"aws:userid": ["AROAOTHER:*"]}}},
        lambda after, role: after["Condition"]["StringNotLike"]["aws:userid"][1] == f"{role.role_id}:*",
    ),
    "not-principal": (
        {"NotPrincipal": {"AWS": "arn:aws:iam::111122223333:role/admin"}},
        lambda after, role: after["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": [role.arn]}},
    ),
}


@pytest.mark.parametrize("form", DENIALS)
def test_every_form_of_deny_is_changed_so_that_it_spares_the_role(form):
    statement, right = DENIALS[form]
    world = build("resource-policy-denies", 0)
    arn, secret = next(iter(world.access.secrets.items()))
    deny = {"Sid": "D", "Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*", **statement}
    secret.policy = {"Version": "2012-10-17", "Statement": [deny]}
    (change,) = deny_change(diagnosed(world))
    role = world.access.roles[change.role_arns[0].rpartition("/")[2]]

    replaced_policy(world, change)

    assert change.before == (deny,)
    assert right(change.after[0], role)
    assert decide(world.access, role, SESSION, "secretsmanager:GetSecretValue", arn).verdict == "allowed"


@pytest.mark.parametrize("action", ["{action}", ["{action}", "iam:*"], "{service}:*"])
def test_a_deny_of_the_role_itself_loses_what_the_task_needs(action):
    world = build("task-role-refused", 3)
    rows = diagnosed(world).frames.access.query("because == 'denied'")
    asked, resource = rows["action"].iloc[0], rows["resource"].iloc[0]
    role = world.access.roles[rows["role_arn"].iloc[0].rpartition("/")[2]]
    words = [
        one.format(action=asked, service=asked.partition(":")[0])
        for one in ([action] if isinstance(action, str) else action)
    ]
    role.inline["guard"] = {"Statement": [{"Effect": "Deny", "Action": words, "Resource": "*"}]}
    role.inline["all"] = {"Statement": [{"Effect": "Allow", "Action": asked, "Resource": resource}]}
    diagnosis = diagnosed(world)
    (change,) = deny_change(diagnosis)

    world.edit(lambda w: w.access.roles[role.name].inline.__setitem__("guard", change.document or {"Statement": []}))

    assert allow_statement(diagnosis, "task") is None
    assert (change.service, change.name) == ("iam", "guard")
    assert decide(world.access, role, SESSION, asked, resource).verdict == "allowed"
    if "iam:*" in words:
        assert decide(world.access, role, SESSION, "iam:PassRole", "*").verdict == "explicitDeny"


def test_a_policy_that_was_not_read_is_named_with_the_command_that_reads_it():
    world = build("resource-policy-denies", 0)
    world.refused |= {"secretsmanager:GetResourcePolicy", "s3:GetBucketPolicy"}

    (change,) = deny_change(diagnosed(world))

    assert change.document is None
    assert change.read.startswith("aws secretsmanager get-resource-policy --secret-id arn:")
    assert allow_statement(diagnosed(world), "task") is None


@pytest.mark.parametrize(("name", "number"), seeded(["role-not-assumed"], tuple(range(6))))
def test_the_trust_policy_lets_ecs_assume_the_role_and_keeps_the_others(name, number):
    world = build(name, number)

    (text,) = trust_policy(diagnosed(world))

    role = world.access.roles.get(text.role_name)
    assert (role is None) == (text.before is None)
    if role is not None:
        assert text.after["Statement"][:-1] == text.before["Statement"] == role.trust["Statement"]
        role.trust = text.after
        assert may_assume(role, "ecs-tasks.amazonaws.com", {"aws:SourceAccount": world.account})
        assert not may_assume(role, "ecs-tasks.amazonaws.com", {"aws:SourceAccount": "999988887777"})
    decision = evaluate_trust(text.after, account=world.account, region=world.region, partition=world.partition)
    assert str(decision.verdict) == "allowed"


def test_a_role_that_is_trusted_gets_no_text():
    assert trust_policy(diagnosed(build("task-role-refused", 0))) == ()


FORGED = {
    "gives access": "iam:PassRole on resource: arn:aws:iam::111122223333:role/admin",
    "one action": "s3:* on resource: arn:aws:s3:::other/*",
    "one resource": "dynamodb:GetItem on resource: arn:aws:dynamodb:us-east-1:111122223333:table/*",
    "variable": "sqs:SendMessage on resource: arn:aws:sqs:us-east-1:111122223333:${aws:username}",
}


def reworded(world, words):
    """Diagnose a world in whose logs every denial is worded otherwise: `words` makes a line of a line."""
    snapshot = collected(world)
    members = dict(snapshot.members)
    for operation in ("logs:GetLogEvents", "logs:FilterLogEvents"):
        pages = snapshot.records(operation)
        for event in (event for page in pages for event in (page["response"] or {}).get("events") or ()):
            if "not authorized" in event["message"]:
                event["message"] = words(event["message"])
        members[operation] = b"".join(json.dumps(page).encode() + b"\n" for page in pages)
    return diagnose(Frames(replace(snapshot, members=members)))


def forged(line):
    world = build("clarity-backend")
    session = session_arn(world.access.roles["clarity-backend-task"], SESSION)
    said = (
        f"AccessDeniedException: User: {session} is not authorized to perform: {line} because no identity-based policy"
    )
    diagnosis = reworded(world, lambda _: f"{said} allows the {line.partition(' ')[0]} action")
    text = allow_statement(diagnosis, "task")
    return diagnosis, [] if text is None else [one for row in text.document["Statement"] for one in row["Action"]]


@pytest.mark.parametrize("line", FORGED.values(), ids=FORGED)
def test_a_line_that_a_container_prints_is_not_obeyed(line):
    diagnosis, actions = forged(line)

    access = diagnosis.frames.access
    assert line.partition(" ")[0] in set(access.loc[access["because"] == "denied", "action"])
    assert actions == []


def test_one_action_on_one_resource_is_taken_from_a_line():
    _, actions = forged("sqs:SendMessage on resource: arn:aws:sqs:us-east-1:111122223333:orders")

    assert actions == ["sqs:SendMessage"]


@given(st.text(max_size=80))
def test_any_text_comes_back_out_of_a_string_of_terraform(text):
    quoted = hcl_string(text)

    assert quoted.isascii()
    assert "\n" not in quoted
    assert unescaped(quoted) == text


def unescaped(quoted):
    """Read a string of HCL as its scanner does: templates first, then escapes."""
    pattern = r'\$\$\{|%%\{|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|\\[nrt"\\]|(?:\$(?!\{)|%(?!\{)|[^\\"$%])'
    pieces = re.findall(pattern, quoted[1:-1])
    assert "".join(pieces) == quoted[1:-1]
    return "".join(map(character, pieces))


def character(piece):
    if piece in ("$${", "%%{"):
        return piece[1:]
    if piece[:2] in ("\\u", "\\U"):
        return chr(int(piece[2:], 16))
    return {"\\n": "\n", "\\r": "\r", "\\t": "\t", '\\"': '"', "\\\\": "\\"}.get(piece, piece)


@given(st.text(max_size=60))
def test_any_text_comes_back_out_of_json_and_cloudformation(text):
    stack = cloudformation("AWS::S3::Bucket", text, {"BucketName": text})

    assert json.loads(json_text({"a": text})) == {"a": text}
    if "{{resolve:" in text:
        assert stack == ""
    else:
        assert json.loads(stack)["Resources"][logical_id(text)]["Properties"]["BucketName"] == text


@given(st.text(max_size=80))
def test_any_text_makes_an_identifier(text):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", label_of(text))
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", logical_id(text))


def test_cloudformation_is_left_out_where_a_text_would_be_looked_up():
    assert cloudformation("AWS::SSM::Parameter", "a", {"Name": "{{resolve:ssm:other}}"}) == ""


def test_a_reference_to_a_secret_gets_its_version_out():
    (change,) = secret_reference(diagnosed(build("secret-version-malformed", 0)))

    assert change.before == f"{change.after}1"
    assert json.loads(change.fragment.json)["containerDefinitions"][0]["secrets"][0]["valueFrom"] == change.after


def test_a_secret_named_without_its_suffix_is_named_by_the_arn_that_another_revision_has():
    world = build("partial-secret-arn", 0)
    (change,) = secret_reference(diagnosed(world))
    arn = f"{change.before}-x7Kq2P"
    for definition in world.task_definitions.values():
        for container in definition["containerDefinitions"]:
            if not container.get("secrets"):
                container["secrets"] = [{"name": "SETTINGS", "valueFrom": arn}]
    world.access.secrets[arn] = Secret(arn, "settings", world.now)

    (mended,) = secret_reference(diagnosed(world))

    assert (change.after, mended.after) == ("", arn)


def test_a_permissions_boundary_is_what_must_change_not_the_role():
    world = build("task-role-refused", 3)
    rows = diagnosed(world).frames.access.query("because == 'denied'")
    asked, resource = rows["action"].iloc[0], rows["resource"].iloc[0]
    role = world.access.roles[rows["role_arn"].iloc[0].rpartition("/")[2]]
    role.boundary = f"arn:{world.partition}:iam::{world.account}:policy/limits"
    limits = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    world.access.policies[role.boundary] = ManagedPolicy(role.boundary, "ANPALIMITS", {"v1": limits}, "v1", world.now)
    role.inline["all"] = {"Statement": [{"Effect": "Allow", "Action": asked, "Resource": resource}]}
    diagnosis = diagnosed(world)

    (change,) = deny_change(diagnosis)
    world.access.policies[role.boundary].versions["v1"] = change.document

    assert allow_statement(diagnosis, "task") is None
    assert change.document["Statement"][0] == limits["Statement"][0]
    assert decide(world.access, role, SESSION, asked, resource).verdict == "allowed"


def test_a_policy_of_the_organization_is_nobodys_to_change_here():
    allows = "because no identity-based policy allows"
    by_organization = "with an explicit deny in a service control policy"
    diagnosis = reworded(build("clarity-backend"), lambda text: f"{text.partition(allows)[0]}{by_organization}")

    changes = deny_change(diagnosis)

    assert [(change.service, change.document) for change in changes] == [("organizations", None)]
    assert allow_statement(diagnosis, "task") is None
