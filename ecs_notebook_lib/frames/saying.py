"""What a call asked for, in words short enough for a line: policies, rules of security groups, routes, and the rest."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ecs_notebook_lib.frames.comparing import at, shortened, text_of, without_secrets
from ecs_notebook_lib.frames.trail import TrailEvent

_POLICIES = (
    "policyDocument",
    "assumeRolePolicyDocument",
    "bucketPolicy",
    "resourcePolicy",
    "policy",
    "policyText",
    "ModifyVpcEndpointRequest.PolicyDocument",
)
_LONGEST = 300


def policy_of(event: TrailEvent) -> Mapping[str, Any] | None:
    """Return the policy document that a call put on something; None if it put none."""
    for path in _POLICIES:
        document = at(event.asked, path)
        if isinstance(document, str) and document:
            document = _parsed(document)
        if isinstance(document, dict):
            return document
    return None


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def statements_of(document: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Return the statements of a policy document: AWS takes one without a list, too."""
    rows = (document or {}).get("Statement") or []
    return [row for row in (rows if isinstance(rows, list) else [rows]) if isinstance(row, dict)]


def words_of(value: Any) -> list[str]:
    """Return the texts of a member that may be one or many."""
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value else []


def asked_text(event: TrailEvent) -> str:
    """Return what a call asked for, without the name of the thing that it changed; bounded, and on one line."""
    document = policy_of(event)
    if document is not None:
        name = str(event.asked.get("policyName") or "")
        text = "; ".join(map(_statement, statements_of(document)))
        return _short(f"{name}: {text}" if name else text)
    rules = _items(event.asked, "ipPermissions")
    if rules:
        return _short("; ".join(map(_rule, rules)))
    return _short(", ".join(f"{name} {value}" for name, value in _leaves(event.asked) if value != event.resource))


def _short(text: str) -> str:
    shown = without_secrets(text)
    return shortened(shown, _LONGEST)


def _statement(row: Mapping[str, Any]) -> str:
    what = [name for name in ("Action", "NotAction") if row.get(name)]
    actions = ", ".join(words_of(row.get(what[0]))) if what else "nothing"
    on = ", ".join(words_of(row.get("Resource") or row.get("NotResource")))
    who = row.get("Principal")
    parts = [
        str(row.get("Effect", "")),
        f"all but {actions}" if what == ["NotAction"] else actions,
        f"on {on}" if on else "",
        f"to {text_of(who)}" if who not in (None, "*") else "",
        f"if {text_of(row['Condition'])}" if row.get("Condition") else "",
    ]
    return " ".join(part for part in parts if part)


def _rule(row: Mapping[str, Any]) -> str:
    first, last = row.get("fromPort"), row.get("toPort")
    ports = "all ports" if first is None else f"{first}" if first == last else f"{first}-{last}"
    protocol = "everything" if row.get("ipProtocol") == "-1" else f"{row.get('ipProtocol', '')} {ports}"
    members = (
        ("groups", "groupId"),
        ("ipRanges", "cidrIp"),
        ("ipv6Ranges", "cidrIpv6"),
        ("prefixListIds", "prefixListId"),
    )
    peers = [str(one[name]) for member, name in members for one in _items(row, member) if name in one]
    return f"{protocol} for {', '.join(peers) or 'nobody'}"


def _items(value: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    """Return the elements of one of EC2's lists."""
    rows = at(value, f"{member}.items")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the last name and the text of every plain value; lists of plain values are one."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, str(key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for item in value:
            yield from _leaves(item, name)
    elif value not in (None, "", []):
        yield name, text_of(value)
