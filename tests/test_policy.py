"""What a resource's own policy answers, with every trap that the facts name (ECS_FACTS 7.5)."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_notebook_lib.policy import Decision, Principal, Verdict, combine, evaluate_resource_policy, identity_decision
from ecs_notebook_lib.policy.conditions import Absent
from ecs_notebook_lib.policy.wildcards import arn_matches, matches

ROLE = "arn:aws:iam::111122223333:role/apps/web"
SESSION = "arn:aws:sts::111122223333:assumed-role/web/0123456789abcdef"
OBJECT = "arn:aws:s3:::uploads/a.txt"
WHO = Principal(ROLE, role_id="AROAEXAMPLE", session="0123456789abcdef")
DENY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::uploads", "arn:aws:s3:::uploads/*"],
}
ALLOW = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::uploads/*"}


def evaluated(*statements, context=None):
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return evaluate_resource_policy(document, principal=WHO, action="s3:GetObject", resource=OBJECT, context=context)


def unless(operator, key, value):
    return DENY | {"Condition": {operator: {key: value}}}


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        pytest.param([], "implicit_deny", id="empty"),
        pytest.param([ALLOW], "allowed", id="role-arn"),
        pytest.param([ALLOW | {"Principal": {"AWS": SESSION}}], "allowed", id="session-arn"),
        pytest.param([ALLOW | {"Principal": {"AWS": "111122223333"}}], "allowed", id="account"),
        pytest.param([ALLOW | {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}], "allowed", id="root"),
        pytest.param([ALLOW | {"Principal": {"AWS": "AROAEXAMPLE"}}], "allowed", id="role-id"),
        pytest.param([ALLOW | {"Principal": {"AWS": ROLE.replace("apps/", "")}}], "implicit_deny", id="path-left-out"),
        pytest.param([ALLOW | {"Principal": {"Service": "ecs.amazonaws.com"}}], "implicit_deny", id="a-service"),
        pytest.param([ALLOW | {"Action": "S3:getobject"}], "allowed", id="actions-ignore-case"),
        pytest.param([ALLOW | {"Resource": "arn:aws:s3:::Uploads/*"}], "implicit_deny", id="resources-do-not"),
        pytest.param([ALLOW, DENY], "explicit_deny", id="deny-wins"),
        pytest.param([unless("ArnNotLike", "aws:PrincipalArn", [ROLE])], "implicit_deny", id="listed"),
        pytest.param(
            [unless("ArnNotLike", "aws:PrincipalArn", [SESSION])], "explicit_deny", id="session-listed-as-role"
        ),
        pytest.param([unless("StringNotEquals", "aws:PrincipalArn", ["x", "y"])], "explicit_deny", id="not-listed"),
        pytest.param([unless("StringNotLike", "aws:userid", "AROAEXAMPLE:*")], "implicit_deny", id="userid-listed"),
        pytest.param([unless("StringNotLike", "aws:userid", "AROAOLD:*")], "explicit_deny", id="role-made-anew"),
        pytest.param([unless("Bool", "aws:SecureTransport", "false")], "implicit_deny", id="https"),
        pytest.param([unless("Bool", "aws:SecureTransport", False)], "implicit_deny", id="https-as-json-boolean"),
        pytest.param([unless("StringNotEquals", "aws:SourceVpce", "vpce-1")], "undecided", id="endpoint-not-known"),
        pytest.param(
            [ALLOW, unless("NotIpAddress", "aws:SourceIp", "10.0.0.0/8")], "undecided", id="address-not-known"
        ),
        pytest.param(
            [unless("StringNotEquals", "aws:PrincipalOrgID", "o-1")], "undecided", id="organization-not-known"
        ),
        pytest.param([unless("FutureOperator", "aws:PrincipalArn", ROLE)], "undecided", id="operator-not-known"),
        pytest.param(
            [DENY, unless("StringEquals", "aws:SourceVpce", "v")], "explicit_deny", id="certain-deny-beats-unknown"
        ),
        pytest.param(
            [{k: v for k, v in DENY.items() if k != "Principal"} | {"NotPrincipal": {"AWS": ROLE}}],
            "explicit_deny",
            id="not-principal-without-session",
        ),
        pytest.param(
            [
                {k: v for k, v in DENY.items() if k != "Principal"}
                | {"NotPrincipal": {"AWS": [ROLE, SESSION, "111122223333"]}}
            ],
            "implicit_deny",
            id="not-principal-complete",
        ),
        pytest.param([{**DENY, "NotAction": "s3:GetObject", "Action": None}], "implicit_deny", id="not-action"),
        pytest.param([ALLOW | {"Resource": "arn:aws:s3:::${aws:PrincipalTag/team}/*"}], "undecided", id="variable"),
        pytest.param(["nonsense"], "undecided", id="malformed"),
        pytest.param([ALLOW | {"Effect": "Maybe"}], "undecided", id="no-effect"),
    ],
)
def test_a_policy_answers_as_iam_does(statements, verdict):
    statements = [{k: v for k, v in s.items() if v is not None} if isinstance(s, dict) else s for s in statements]

    assert evaluated(*statements).verdict == verdict


def test_what_is_known_of_the_path_decides():
    statement = unless("StringNotEquals", "aws:SourceVpce", "vpce-1")

    assert evaluated(statement, context={"aws:sourcevpce": "vpce-1"}).verdict is Verdict.IMPLICIT_DENY
    assert evaluated(statement, context={"aws:sourcevpce": "vpce-2"}).verdict is Verdict.EXPLICIT_DENY
    assert evaluated(statement, context={"aws:sourcevpce": Absent.ABSENT}).verdict is Verdict.EXPLICIT_DENY


def test_the_statement_that_decided_and_the_missing_key_are_named():
    denied = evaluated(ALLOW, DENY | {"Sid": "OnlyUs"})
    unknown = evaluated(unless("StringNotEquals", "aws:SourceVpce", "vpce-1"))

    assert denied.statement == "OnlyUs"
    assert unknown.missing == ("aws:SourceVpce",)
    assert "aws:SourceVpce" in unknown.reason


@pytest.mark.parametrize(
    ("identity", "resource", "action", "verdict"),
    [
        ("allowed", None, "s3:GetObject", "allowed"),
        ("implicitDeny", "allowed", "s3:GetObject", "allowed"),
        ("allowed", "implicit_deny", "s3:GetObject", "allowed"),
        ("allowed", "explicit_deny", "s3:GetObject", "explicit_deny"),
        ("explicitDeny", "allowed", "s3:GetObject", "explicit_deny"),
        ("allowed", "undecided", "s3:GetObject", "undecided"),
        ("implicitDeny", "undecided", "s3:GetObject", "implicit_deny"),
        (None, None, "s3:GetObject", "undecided"),
        (None, "explicit_deny", "s3:GetObject", "explicit_deny"),
        ("allowed", "implicit_deny", "kms:Decrypt", "implicit_deny"),
        ("allowed", "allowed", "kms:Decrypt", "allowed"),
    ],
)
def test_both_together_follow_the_evaluation_logic(identity, resource, action, verdict):
    other = Decision(Verdict(resource)) if resource else None

    assert combine(identity_decision(identity), other, action=action).verdict == verdict


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
statements = st.builds(
    lambda effect, action, condition: {
        "Effect": effect,
        "Principal": "*",
        "Action": action,
        "Resource": "*",
        **condition,
    },
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["s3:*", "s3:GetObject", "sqs:*", "*"]),
    st.sampled_from(
        [
            {},
            {"Condition": {"StringEquals": {"aws:SourceVpc": "v"}}},
            {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        ]
    ),
)


@settings(max_examples=300)
@given(json_values)
def test_no_document_makes_it_fail(document):
    decision = evaluate_resource_policy(json.dumps(document), principal=WHO, action="s3:GetObject", resource=OBJECT)

    assert decision.verdict in Verdict


@given(st.lists(json_values, max_size=3))
def test_no_statement_makes_it_fail(rows):
    assert evaluated(*rows).verdict in Verdict


@given(st.lists(statements, max_size=5), st.randoms())
def test_the_order_of_statements_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)

    assert evaluated(*rows).verdict == evaluated(*shuffled).verdict


@given(st.lists(statements, max_size=5))
def test_one_more_deny_never_allows(rows):
    before, after = evaluated(*rows), evaluated(*rows, DENY)

    assert after.verdict is Verdict.EXPLICIT_DENY
    assert before.verdict in Verdict


@given(st.lists(statements, max_size=4))
def test_the_simulated_iam_agrees_wherever_ours_decides(rows):
    from ecs_notebook_lib.simulate import access

    tables = access.AccessTables(buckets={"uploads": {"Statement": rows}})
    role = access.Role("web", ROLE, "AROAEXAMPLE", {}, None)
    ours = evaluated(*rows)
    unconditional = [row for row in rows if "aws:SourceVpc" not in json.dumps(row)]
    theirs = access.decide(tables, role, WHO.session, "s3:GetObject", OBJECT).verdict

    if rows == unconditional:
        expected = {"allowed": "allowed", "explicitDeny": "explicit_deny", "implicitDeny": "implicit_deny"}[theirs]
        assert ours.verdict == expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("a*c", "abbc", True),
        ("a?c", "ac", False),
        ("a*b*c", "axbxc", True),
        ("**", "x", True),
        ("a", "ab", False),
    ],
)
def test_wildcards(pattern, text, expected):
    assert matches(pattern, text) is expected


def test_a_wildcard_does_not_reach_over_a_colon_of_an_arn():
    assert arn_matches("arn:aws:iam::111122223333:role/*", ROLE)
    assert not arn_matches("arn:*:role/apps/web", ROLE)
