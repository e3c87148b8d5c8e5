"""What somebody told, in a case file: the texts as they were given, and the network in a few words."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ecs_notebook_lib.frames.columns import COUNT, TEXT, TRUTH, Column, FrameSchema, rows_frame
from ecs_notebook_lib.knowledge.messages import Message, recognise, recognise_anywhere
from ecs_notebook_lib.snapshot import Snapshot

OBSERVATION = "case:Observation"

REPORTED_TEXTS = FrameSchema(
    "reported_texts",
    "",
    needs=(OBSERVATION,),
    rows="One row a text of a case file. Empty: no case file, or none that holds a text.",
    key=("number",),
    columns=(
        Column("number", COUNT, "", "Counts from 0 in the order of the case file."),
        Column("given_as", TEXT, "", "The member of the case that holds it, e.g. `service_events`."),
        Column("text", TEXT, "", "The text as it was given: untrusted."),
        Column("place", TEXT, "", "Where AWS says such a thing, e.g. `stopped_reason`; missing if it is not known."),
        Column("kind", TEXT, "", "What it means, by `knowledge/messages`; missing if it is not known."),
    ),
)

REPORTED_NETWORK = FrameSchema(
    "reported_network",
    "",
    needs=(OBSERVATION,),
    rows="One row: what a case file says of the network. Empty: no case file, or nothing said.",
    columns=(
        Column("subnets_public", TRUTH, "", "Whether the tasks' subnets have a route to an internet gateway."),
        Column("nat", TRUTH, "", "Whether there is a NAT gateway."),
        Column("public_ip", TEXT, "", "assignPublicIp: ENABLED or DISABLED."),
        Column("endpoint_count", COUNT, "", "VPC endpoints that are named; missing if nothing is said of them."),
    ),
)

_PLACES: Mapping[str, str] = {
    "service_events": "service_event",
    "log_lines": "log_line",
    "cli_errors": "cli_error",
}


def is_reported(snapshot: Snapshot) -> bool:
    """Say whether a snapshot was made from a case file."""
    return bool(snapshot.lines(OBSERVATION))


def reported_texts_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return `REPORTED_TEXTS`."""
    rows = [_row(number, *told) for number, told in enumerate(_texts(_observed(snapshot)))]
    return rows_frame(rows, REPORTED_TEXTS)


def message_of(text: str, place: str) -> Message | None:
    """Return the message that a text was found to be in this place."""
    return recognise(text, where=place)


def _row(number: int, given_as: str, place: str, text: str) -> dict[str, object]:
    message = recognise_anywhere(text, likely=place)
    found = {"place": message.where, "kind": message.kind} if message else {}
    return {"number": number, "given_as": given_as, "text": text, **found}


def _observed(snapshot: Snapshot) -> Mapping[str, Any]:
    records = snapshot.records(OBSERVATION)
    response = records[0]["response"] if records else None
    return (response or {}).get("observed") or {}


def _texts(observed: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (member, place, text) of everything in words."""
    for member, place in _PLACES.items():
        for text in observed.get(member, ()):
            yield member, place, str(text)
    for task in observed.get("stopped_tasks", ()):
        for text in (task.get("stopped_reason"), *(row.get("reason") for row in task.get("containers") or ())):
            if text:
                yield "stopped_tasks", "stopped_reason", str(text)
    for row in observed.get("target_health", ()):
        if row.get("description"):
            yield "target_health", "target_health", str(row["description"])
    for row in observed.get("deployments", ()):
        if row.get("rollout_state_reason"):
            yield "deployments", "rollout_state_reason", str(row["rollout_state_reason"])


def reported_network_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return `REPORTED_NETWORK`."""
    observed = _observed(snapshot)
    network, service = observed.get("network") or {}, observed.get("service") or {}
    endpoints = network.get("vpc_endpoints")
    row = {
        "subnets_public": _truth(network.get("subnets_public")),
        "nat": _truth(network.get("nat")),
        "public_ip": service.get("assign_public_ip"),
        "endpoint_count": len(endpoints) if isinstance(endpoints, list) else None,
    }
    told = any(value is not None for value in row.values())
    return rows_frame([row] if told else [], REPORTED_NETWORK)


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
