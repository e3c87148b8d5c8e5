"""What a case file tells in words, and of the network: asked of case files alone."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, examined_of
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.comparing import beginning
from ecs_notebook_lib.frames.reported import message_of
from ecs_notebook_lib.knowledge.ends import reading_of_message
from ecs_notebook_lib.knowledge.weights import finding_kinds

_OWN_PLACE = {
    "service_events": "service_event",
    "stopped_tasks": "stopped_reason",
    "target_health": "target_health",
    "log_lines": "log_line",
}
"""Texts that are known where they were given are read by the checks of that place."""


def reported_texts(frames: Frames) -> Iterator[Finding]:
    """Whether command line errors, and texts given in another place than AWS writes them, tell of a cause."""
    texts = frames.reported_texts.dropna(subset=["kind"])
    if not len(texts):
        raise NothingToExamineError("no text of the case file is known")
    examined = examined_of(frames)
    elsewhere = texts[texts["place"] != texts["given_as"].map(_OWN_PLACE).fillna("")]
    for number, text, place in elsewhere[["number", "text", "place"]].itertuples(index=False, name=None):
        message = message_of(str(text), str(place))
        kind = reading_of_message(message) if message else ""
        if kind:
            statement = f"Reported: {finding_kinds()[kind].says}: {beginning(text, 300)}"
            yield Finding(kind, "reported_texts", statement, "reported_texts", (str(number),), examined.revision)


def reported_network(frames: Frames) -> Iterator[Finding]:
    """Whether the tasks have a way out, in the few words of a case file."""
    if not len(frames.reported_network):
        raise NothingToExamineError("the case file says nothing of the network")
    row = frames.reported_network.iloc[0]
    without_address = (~row["subnets_public"] if pd.notna(row["subnets_public"]) else False) or row[
        "public_ip"
    ] == "DISABLED"
    no_nat = pd.notna(row["nat"]) and not row["nat"]
    endpoints = pd.notna(row["endpoint_count"]) and row["endpoint_count"] > 0
    if pd.notna(without_address) and without_address and no_nat and not endpoints:
        statement = "Reported: no public address, no NAT gateway, and no endpoint is named: the tasks have no way out."
        yield Finding("no_route_out", "reported_network", statement, "reported_network", ("0",))
    elif pd.notna(row["public_ip"]) and row["public_ip"] == "DISABLED":
        statement = "Reported: assignPublicIp is DISABLED, so everything depends on NAT or endpoints."
        yield Finding("public_ip_off", "reported_network", statement, "reported_network", ("0",))
