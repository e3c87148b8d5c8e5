"""A snapshot as bytes for another process of the same version: nothing of it is kept."""

import orjson

from ecs_notebook_lib.snapshot.model import IncidentName, Simulated, Snapshot
from ecs_notebook_lib.source import parse_instant


def to_bytes(snapshot: Snapshot) -> bytes:
    """Return the snapshot as JSON."""
    members = {name: lines.decode() for name, lines in snapshot.members.items()}
    name, simulated = snapshot.incident, snapshot.simulated
    return orjson.dumps(
        {
            "incident": [name.cluster, name.service, name.region, name.account],
            "window": name.window,
            "as_of": snapshot.as_of,
            "simulated": [simulated.scenario, simulated.seed] if simulated else None,
            "redacted": snapshot.redacted,
            "tool_version": snapshot.tool_version,
            "members": members,
        }
    )


def from_bytes(content: bytes) -> Snapshot:
    """Return the snapshot that `to_bytes` wrote."""
    told = orjson.loads(content)
    cluster, service, region, account = told["incident"]
    begin, end = (parse_instant(instant) for instant in told["window"])
    return Snapshot(
        incident=IncidentName(cluster, service, region, account, (begin, end)),
        as_of=parse_instant(told["as_of"]),
        simulated=Simulated(*told["simulated"]) if told["simulated"] else None,
        redacted=told["redacted"],
        tool_version=told["tool_version"],
        members={name: lines.encode() for name, lines in told["members"].items()},
    )
