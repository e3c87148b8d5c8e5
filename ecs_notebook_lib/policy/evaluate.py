"""One resource policy, one role, one action: allow, explicit deny, implicit deny, or undecided, and what decided.

Source: IAM user guide, "Policy evaluation logic". Documents are untrusted input: what cannot be read is undecided.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from ecs_notebook_lib.policy.conditions import Absent, Context, condition_holds
from ecs_notebook_lib.policy.wildcards import arn_matches, matches

_MAX_DOCUMENT = 1 << 20
_MAX_ENTRIES = 10_000


class Verdict(StrEnum):
    """What a policy, or all of them together, answer."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicit_deny"
    IMPLICIT_DENY = "implicit_deny"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Principal:
    """A role as a request carries it; `role_id` and `session` may be unknown (`""`)."""

    role_arn: str
    role_id: str = ""
    session: str = ""

    @property
    def account(self) -> str:
        """Return the account of the role."""
        return (self.role_arn.split(":") + [""] * 5)[4]


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, the statement that decided (its Sid, or `statement 3`), why, and the condition keys not known."""

    verdict: Verdict
    statement: str = ""
    reason: str = ""
    missing: tuple[str, ...] = ()


_SIMULATED = {
    "allowed": Verdict.ALLOWED,
    "explicitDeny": Verdict.EXPLICIT_DENY,
    "implicitDeny": Verdict.IMPLICIT_DENY,
}


def identity_decision(simulated: str | None) -> Decision:
    """Return SimulatePrincipalPolicy's answer as a decision; undecided if there is none."""
    verdict = _SIMULATED.get(simulated or "")
    if verdict is None:
        return Decision(Verdict.UNDECIDED, reason="the role's own policies were not simulated")
    reasons = {
        Verdict.ALLOWED: "the role's own policies allow it",
        Verdict.EXPLICIT_DENY: "the role's own policies deny it",
        Verdict.IMPLICIT_DENY: "no policy of the role allows it",
    }
    return Decision(verdict, reason=reasons.get(verdict, ""))


def evaluate_resource_policy(
    document: str | Mapping[str, Any],
    *,
    principal: Principal,
    action: str,
    resource: str,
    context: Context | None = None,
) -> Decision:
    """Return what the policy of `resource` answers when a session of the role does `action`.

    Parameters
    ----------
    context
        Condition keys in lower case beyond those that follow from the role; what is not given is not known.
    """
    statements = statements_of(document)
    if statements is None:
        return Decision(Verdict.UNDECIDED, reason="the policy cannot be read")
    known = _context(principal) | dict(context or {})
    found: dict[str, list[tuple[str, bool | None, tuple[str, ...]]]] = {"Deny": [], "Allow": []}
    for number, statement in enumerate(statements, start=1):
        name = str(statement.get("Sid") or f"statement {number}")
        applies, missing = _applies(statement, principal, (action, resource), known)
        if applies is not False:
            found.setdefault(str(statement.get("Effect")), []).append((name, applies, missing))
    return decided(found)


def decided(found: Mapping[str, list[tuple[str, bool | None, tuple[str, ...]]]]) -> Decision:
    """Return what the statements that may apply come to: (name, whether it applies, keys not known), by effect."""
    for name, applies, _ in found["Deny"]:
        if applies:
            return Decision(Verdict.EXPLICIT_DENY, name, f"{name} denies it")
    for effect in ("Deny", "Allow"):
        certain = [name for name, applies, _ in found[effect] if applies]
        if certain:
            return Decision(Verdict.ALLOWED, certain[0], f"{certain[0]} allows it")
        for name, _, missing in found[effect]:
            told = f"whether {name} applies depends on {', '.join(missing) or 'an element that is not understood'}"
            return Decision(Verdict.UNDECIDED, name, told, missing)
    return Decision(Verdict.IMPLICIT_DENY, reason="no statement allows it")


def statements_of(document: str | Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """Return the statements of a document; None if it is none that can be read."""
    try:
        parsed = document if isinstance(document, Mapping) else orjson.loads(document[:_MAX_DOCUMENT])
    except (orjson.JSONDecodeError, TypeError):
        return None
    rows = parsed.get("Statement") if isinstance(parsed, Mapping) else None
    rows = [rows] if isinstance(rows, Mapping) else rows
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows) or len(rows) > _MAX_ENTRIES:
        return None
    return rows if all(row.get("Effect") in ("Allow", "Deny") for row in rows) else None


def _context(principal: Principal) -> dict[str, str | Absent]:
    """Return the condition keys that follow from a task calling AWS with its role by HTTPS."""
    known: dict[str, str | Absent] = {
        "aws:principalarn": principal.role_arn,
        "aws:principalaccount": principal.account,
        "aws:principaltype": "AssumedRole",
        "aws:securetransport": "true",
        "aws:principalisawsservice": "false",
        "aws:viaawsservice": "false",
        "aws:sourcearn": Absent.ABSENT,
        "aws:sourceaccount": Absent.ABSENT,
        "aws:multifactorauthpresent": Absent.ABSENT,
        "aws:username": Absent.ABSENT,
    }
    if principal.role_id:
        known["aws:userid"] = f"{principal.role_id}:{principal.session or 'session'}"
    return known


def _applies(
    statement: Mapping[str, Any], principal: Principal, asked: tuple[str, str], context: Context
) -> tuple[bool | None, tuple[str, ...]]:
    action, resource = asked
    answers = [
        element_covers(statement, "Action", lambda pattern: matches(pattern.lower(), action.lower())),
        element_covers(statement, "Resource", lambda pattern: matches(pattern, resource)),
        _principal(statement, principal),
    ]
    if any(answer is False for answer in answers):
        return False, ()
    holds, missing = condition_holds(statement["Condition"], context) if "Condition" in statement else (True, ())
    if holds is False:
        return False, ()
    return (True, ()) if holds and all(answers) else (None, missing)


def element_covers(statement: Mapping[str, Any], name: str, test: Any) -> bool | None:
    """Say whether Action or Resource covers what is asked; a policy without Resource is about its own resource."""
    negated = f"Not{name}" in statement
    if name not in statement and not negated:
        return True if name == "Resource" else None
    patterns = list(texts_of(statement[f"Not{name}" if negated else name]))
    if any("${" in pattern for pattern in patterns):
        return None
    return any(map(test, patterns)) != negated


def texts_of(value: object) -> Iterator[str]:
    """Yield the texts of an element that is one text or a list of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value[:_MAX_ENTRIES] if isinstance(item, str))


def _principal(statement: Mapping[str, Any], principal: Principal) -> bool | None:
    """Say whether Principal names the role or its session.

    A NotPrincipal that lists the role but not its session and its account still reaches the session (IAM user guide,
    "NotPrincipal"), so it does not exempt a task.
    """
    if "NotPrincipal" in statement:
        listed = set(_names(statement["NotPrincipal"]))
        session = any(_is_session(name, principal) for name in listed)
        exempt = session and principal.role_arn in listed and bool(_accounts(principal) & listed)
        return not exempt and "*" not in listed
    if "Principal" not in statement:
        return None
    names = set(_names(statement["Principal"]))
    direct = {"*", principal.role_arn, principal.role_id} | _accounts(principal)
    return bool(names & (direct - {""})) or any(_is_session(name, principal) for name in names)


def _names(element: object) -> Iterator[str]:
    if isinstance(element, Mapping):
        yield from texts_of(element.get("AWS"))
    else:
        yield from texts_of(element)


def _accounts(principal: Principal) -> set[str]:
    partition = (principal.role_arn.split(":") + [""] * 2)[1]
    return {principal.account, f"arn:{partition}:iam::{principal.account}:root"}


def _is_session(name: str, principal: Principal) -> bool:
    role = principal.role_arn.rpartition("/")[2]
    partition = (principal.role_arn.split(":") + [""] * 2)[1]
    return arn_matches(
        name, f"arn:{partition}:sts::{principal.account}:assumed-role/{role}/{principal.session or '?'}"
    ) or (name.startswith(f"arn:{partition}:sts::{principal.account}:assumed-role/{role}/"))


def combine(identity: Decision, resource: Decision | None, *, action: str) -> Decision:
    """Return what the role's policies and the resource's policy come to, in one account.

    An explicit deny anywhere decides; else either may allow, but a key's policy must allow or name the account
    (AWS KMS developer guide, "Key policies").
    """
    if resource is None:
        return identity
    for decision in (resource, identity):
        if decision.verdict is Verdict.EXPLICIT_DENY:
            return decision
    if resource.verdict is Verdict.UNDECIDED and identity.verdict is Verdict.ALLOWED:
        return resource
    if action.startswith("kms:") and resource.verdict is not Verdict.ALLOWED:
        return resource
    if resource.verdict is Verdict.ALLOWED and identity.verdict is not Verdict.UNDECIDED:
        return resource if identity.verdict is Verdict.IMPLICIT_DENY and not action.startswith("kms:") else identity
    return identity
