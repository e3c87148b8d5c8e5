"""A fleet in words: made once, for the terminal and the page."""

from ecs_notebook_lib.diagnosis.words import meaning_of, percent
from ecs_notebook_lib.fleet.grouping import Group
from ecs_notebook_lib.fleet.model import Examined
from ecs_notebook_lib.fleet.result import Fleet
from ecs_notebook_lib.source import parse_instant

HARM_WORDS = {
    "down": "down",
    "degraded": "degraded",
    "unknown": "not known",
    "not_deployed": "the old revision serves",
}
_THINGS = {
    "changed": "the changed",
    "said": "what they print:",
    "refused": "the refused",
    "vpc": "VPC",
    "nat_gateway": "NAT gateway",
    "vpc_endpoint": "VPC endpoint",
    "network_acl": "network ACL",
}


def line_of(row: Examined) -> str:
    """Return what is known of one examined service, in one line."""
    if row.error:
        return f"{row.name}: not diagnosed: {row.error}"
    return f"{row.name}: {row.verdict} ({HARM_WORDS[row.harm]}{counts_of(row)})"


def counts_of(row: Examined) -> str:
    """Return how many tasks serve of how many, and the errors that customers were given."""
    serving = "" if row.serving is None or row.desired is None else f", {row.serving} of {row.desired} tasks serve"
    return serving + (f", {row.server_errors} answers of 5xx" if row.server_errors else "")


def title_of(group: Group) -> str:
    """Return what is wrong with the services of a group."""
    meaning = meaning_of(group.cause)
    if group.thing is None:
        return f"{meaning[:1].upper()}{meaning[1:]}"
    return f"{len(group.services)} services: {meaning}"


def shared_of(group: Group) -> str:
    """Return what the services of a group share; empty for one that fails by itself."""
    if group.thing is None:
        return ""
    kind = _THINGS.get(group.thing.kind, group.thing.kind.replace("_", " "))
    return f"They share {kind} {group.thing.name}"


def since_of(row: Examined) -> str:
    """Return since when the service is troubled, to the second; empty if that is not known."""
    return f"{parse_instant(row.since):%Y-%m-%dT%H:%M:%SZ}" if row.since else ""


def certainty_of(row: Examined) -> str:
    """Return how likely the leading cause is."""
    return percent(row.probability)


def summary_of(fleet: Fleet) -> str:
    """Return the fleet in one sentence."""
    counts = ", ".join(f"{count} {name}" for name, count in fleet.counts.items())
    causes = sum(group.thing is not None for group in fleet.groups)
    shared = f" {causes} causes are shared by several services." if causes else ""
    return f"{len(fleet.triaged)} services: {counts}.{shared}"
