"""AWS's side of access: who has which policies, and what they come to.

Source: IAM user guide, "Policy evaluation logic": an explicit deny anywhere wins; in one account an allow by the
identity's or by the resource's policy is enough, a key's policy must allow or delegate to the account.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import translate
from functools import lru_cache
from re import Pattern
from re import compile as compile_pattern
from typing import Any

_PATTERNS, _EQUAL = ("StringLike", "ArnLike", "ArnEquals"), ("StringEquals", "Bool")
_ANY_CASE = "StringEqualsIgnoreCase"
_OPERATORS = (*_PATTERNS, *_EQUAL, _ANY_CASE)
Document = dict[str, Any]
Context = Mapping[str, str]


@dataclass(slots=True)
class Role:
    """A role; `attached` are ARNs of managed policies."""

    name: str
    arn: str
    role_id: str
    trust: Document
    created_at: datetime
    inline: dict[str, Document] = field(default_factory=dict)
    attached: list[str] = field(default_factory=list)
    boundary: str | None = None


@dataclass(slots=True)
class ManagedPolicy:
    """A managed policy and its versions."""

    arn: str
    policy_id: str
    versions: dict[str, Document]
    default_version: str
    created_at: datetime

    @property
    def name(self) -> str:
        """Return the last part of the ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def document(self) -> Document:
        """Return the version in force."""
        return self.versions[self.default_version]


@dataclass(slots=True)
class Secret:
    """A secret: never its value."""

    arn: str
    name: str
    created_at: datetime
    policy: Document | None = None
    kms_key_id: str | None = None


@dataclass(slots=True)
class AccessTables:
    """Everything that has a policy."""

    roles: dict[str, Role] = field(default_factory=dict)
    policies: dict[str, ManagedPolicy] = field(default_factory=dict)
    buckets: dict[str, Document | None] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    keys: dict[str, Document] = field(default_factory=dict)
    repositories: dict[str, Document | None] = field(default_factory=dict)

    def policies_of(self, role: Role) -> Iterator[tuple[str, str, Document]]:
        """Yield (id, kind, document) of each identity policy of a role."""
        for name, document in role.inline.items():
            yield name, "role", document
        for arn in role.attached:
            kind = "aws-managed" if ":aws:policy/" in arn else "user-managed"
            yield self.policies[arn].name, kind, self.policies[arn].document

    def resource_policy(self, resource: str) -> Document | None:
        """Return the policy of the bucket, secret, key or repository that an ARN names."""
        service, name = (resource.split(":", 5) + [""] * 6)[2:6:3]
        if service == "s3":
            return self.buckets.get(name.partition("/")[0])
        if service == "secretsmanager":
            secret = self.secrets.get(resource)
            return secret.policy if secret else None
        if service == "kms":
            return self.keys.get(resource)
        return self.repositories.get(name.partition("/")[2]) if service == "ecr" else None


@dataclass(frozen=True, slots=True)
class Decision:
    """`allowed`, `explicitDeny` or `implicitDeny`; the statements that matched; AWS's own clause for a denial."""

    verdict: str
    because: str = ""
    matched: tuple[tuple[str, str, Document], ...] = ()
    """(policy id, policy kind, statement)"""


def session_arn(role: Role, session: str) -> str:
    """Return the ARN of a role's session."""
    partition, account = (role.arn.split(":")[1], role.arn.split(":")[4])
    return f"arn:{partition}:sts::{account}:assumed-role/{role.name}/{session}"


def decide(tables: AccessTables, role: Role, session: str, action: str, resource: str) -> Decision:
    """Return what AWS answers when a session of this role does `action` on `resource`."""
    context = _context(role, session)
    identity = simulate(tables, role, action, resource, context)
    policy = tables.resource_policy(resource)
    principals = {"*", role.arn, session_arn(role, session), role.arn.split(":")[4]}
    principals.add(f"arn:{role.arn.split(':')[1]}:iam::{role.arn.split(':')[4]}:root")
    statements = [] if policy is None else _matching(policy, action, resource, context, principals=principals)
    if any(statement["Effect"] == "Deny" for statement in statements):
        return Decision("explicitDeny", "with an explicit deny in a resource-based policy")
    if identity.verdict == "explicitDeny":
        return Decision("explicitDeny", "with an explicit deny in an identity-based policy")
    if resource.split(":")[2:3] == ["kms"] and not statements:
        return Decision("implicitDeny", f"because no resource-based policy allows the {action} action")
    direct = [s for s in statements if _names(s, {"*", role.arn, session_arn(role, session)})]
    if identity.verdict == "allowed" or direct:
        return Decision("allowed")
    return Decision("implicitDeny", f"because no identity-based policy allows the {action} action")


def simulate(tables: AccessTables, role: Role, action: str, resource: str, context: Context) -> Decision:
    """Return what the role's own policies come to; what SimulatePrincipalPolicy looks at."""
    matched = [
        (name, kind, statement)
        for name, kind, document in tables.policies_of(role)
        for statement in _matching(document, action, resource, context)
    ]
    denied = tuple(row for row in matched if row[2]["Effect"] == "Deny")
    if denied:
        return Decision("explicitDeny", matched=denied)
    boundary = tables.policies[role.boundary].document if role.boundary else None
    if boundary is not None:
        limits = [statement["Effect"] for statement in _matching(boundary, action, resource, context)]
        if "Deny" in limits or "Allow" not in limits:
            return Decision("explicitDeny" if "Deny" in limits else "implicitDeny")
    return Decision("allowed", matched=tuple(matched)) if matched else Decision("implicitDeny")


def may_assume(role: Role, service: str, context: Context) -> bool:
    """Say whether a role's trust policy lets an AWS service assume it."""
    effects = {
        statement["Effect"]
        for statement in _listed(role.trust["Statement"])
        if _acts(statement, "sts:AssumeRole")
        and service in _listed(statement.get("Principal", {}).get("Service", []))
        and _conditions_hold(statement, context)
    }
    return effects == {"Allow"}


def condition_keys(document: Document) -> set[str]:
    """Return the condition keys that a policy asks for."""
    rows = (statement.get("Condition", {}) for statement in _listed(document["Statement"]))
    return {key for row in rows for test in row.values() for key in test}


def denied_message(role: Role, session: str, action: str, resource: str, because: str) -> str:
    """Return AWS's sentence for a denial."""
    return (
        f"User: {session_arn(role, session)} is not authorized to perform: {action} on resource: {resource} {because}"
    )


def _context(role: Role, session: str) -> dict[str, str]:
    return {
        "aws:PrincipalArn": role.arn,
        "aws:PrincipalAccount": role.arn.split(":")[4],
        "aws:userid": f"{role.role_id}:{session}",
        "aws:SecureTransport": "true",
        "aws:SourceAccount": role.arn.split(":")[4],
    }


def allows(document: Document, action: str, resource: str) -> bool:
    """Say whether a resource's policy allows everyone an action, and does not deny it."""
    matched = _matching(document, action, resource, {}, principals={"*"})
    return bool(matched) and all(statement["Effect"] == "Allow" for statement in matched)


def _matching(
    document: Document, action: str, resource: str, context: Context, *, principals: set[str] | None = None
) -> list[Document]:
    return [
        statement
        for statement in _listed(document["Statement"])
        if _acts(statement, action)
        and _covers(statement, resource)
        and (principals is None or _names(statement, principals))
        and _conditions_hold(statement, context)
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> Pattern[str]:
    return compile_pattern(translate(pattern.replace("[", "[[]")))


def _like(pattern: str, value: str) -> bool:
    return bool(_glob(pattern).match(value))


def _acts(statement: Document, action: str) -> bool:
    patterns = _listed(statement.get("Action", statement.get("NotAction", [])))
    hit = any(_like(pattern.lower(), action.lower()) for pattern in patterns)
    return hit != ("NotAction" in statement)


def _covers(statement: Document, resource: str) -> bool:
    if "Resource" not in statement and "NotResource" not in statement:
        return True
    patterns = _listed(statement.get("Resource", statement.get("NotResource")))
    return any(_like(pattern, resource) for pattern in patterns) != ("NotResource" in statement)


def _names(statement: Document, principals: set[str]) -> bool:
    given = statement.get("Principal", statement.get("NotPrincipal", {}))
    names = {"*"} if given == "*" else set(_listed(given.get("AWS", []))) if isinstance(given, dict) else set()
    return bool(names & principals) != ("NotPrincipal" in statement)


def _conditions_hold(statement: Document, context: Context) -> bool:
    return all(
        _holds(
            operator,
            key,
            [str(value).lower() if isinstance(value, bool) else str(value) for value in _listed(values)],
            context,
        )
        for operator, tests in statement.get("Condition", {}).items()
        for key, values in tests.items()
    )


def knows(operator: str) -> bool:
    """Say whether a condition operator can be judged here."""
    name = operator.removesuffix("IfExists")
    return name == "Null" or name.replace("Not", "") in _OPERATORS


def _holds(operator: str, key: str, values: list[str], context: Context) -> bool:
    """Say whether one condition holds; a negated operator holds when its key is absent."""
    actual = context.get(key)
    name = operator.removesuffix("IfExists")
    if name == "Null":
        return (actual is None) == (values == ["true"])
    negated = "Not" in name
    if actual is None:
        return negated or operator != name
    kind = name.replace("Not", "")
    if kind in _PATTERNS:
        return any(_like(value, actual) for value in values) != negated
    if kind == _ANY_CASE:
        return (actual.lower() in [value.lower() for value in values]) != negated
    if kind in _EQUAL:
        return (actual in values) != negated
    raise ValueError(f"the simulated IAM does not know the condition operator {operator}")
