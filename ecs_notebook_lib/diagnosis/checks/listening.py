"""Where the application listens, in its own words, and how the checks ask it."""

import re
from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.containers import application_names
from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, examined_of
from ecs_notebook_lib.diagnosis.telling import dead_streams
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.log_lines import read_line
from ecs_notebook_lib.knowledge.ends import FAILED_CHECKS

_TLS_PORTS, _PLAIN_PORTS = (443, 8443, 9443), (80, 3000, 5000, 8000, 8080)
_TOOLS = ("curl", "wget", "nc ", "bash", "localhost")
"""What an image may lack, and a name that may lead elsewhere than to the application (development cases)."""


def listening(frames: Frames) -> Iterator[Finding]:
    """Where the application of the examined revision says that it listens, against where it is asked.

    Some frameworks print localhost whatever they bind, so an address weighs less than a port.
    """
    examined = examined_of(frames)
    lines = frames.log_events[frames.log_events["kind"] == "listening"]
    lines = lines[lines["revision"].fillna("") == examined.revision]
    heard = [
        (*_where(read_line(str(text)).text), stream)
        for text, stream in zip(lines["message"], lines["log_stream"], strict=True)
    ]
    heard = [row for row in heard if row[0] or row[1]]
    yield from _start_not_finished(frames, examined.revision)
    if not heard:
        raise NothingToExamineError("no line that was read says where the application listens")
    asked = ports_asked(frames, examined.task_definition)
    ports = {port for _, port, _ in heard if port}
    streams = tuple(dict.fromkeys(str(stream) for *_, stream in heard))
    if asked and ports and not ports & asked:
        told = ", ".join(map(str, sorted(ports)))
        wanted = ", ".join(map(str, sorted(asked)))
        statement = f"The application says that it listens on port {told}; it is asked on {wanted}."
        yield Finding("listens_on_other_port", "listening", statement, "log_events", streams, examined.revision)
    spoken = {"HTTPS" if _TLS.search(str(text)[:1000]) else "" for text in lines["message"]}
    checked_by = set(frames.target_groups["health_check_protocol"].dropna())
    if spoken == {"HTTPS"} and checked_by == {"HTTP"}:
        statement = "The application says that it speaks HTTPS; the load balancer checks it by HTTP."
        yield Finding("listens_for_other_protocol", "listening", statement, "log_events", streams, examined.revision)
    addresses = {address for address, _, _ in heard if address}
    if addresses and addresses <= _LOOPBACK:
        statement = f"The application says that it listens on {', '.join(sorted(addresses))} only."
        yield Finding("listens_on_loopback", "listening", statement, "log_events", streams, examined.revision)


_TLS = re.compile(r"https://|\(https\)|\bTLS\b|\bssl\b", re.I)


def _start_not_finished(frames: Frames, revision: str) -> Iterator[Finding]:
    """Yield a finding if the dead containers began to start, and none of them came to the end of it.

    Whether a program would say so is known from its first lines, or from the last good revision's. One that listens
    and still says at its end that it loads or warms up has not come there either.
    """
    stopped = frames.tasks.loc[frames.tasks["reason_kind"].isin(FAILED_CHECKS), "task_id"]
    dead = frames.log_events["log_stream"].isin(dead_streams(frames)) & frames.log_events["task_id"].isin(stopped)
    lines = frames.log_events[dead]
    kinds = set(lines["kind"].dropna())
    former = frames.log_events[frames.log_events["revision"].fillna("") == frames.history.former_revision]
    would_say = "starting" in kinds or (len(lines) > 0 and "listening" in set(former["kind"].dropna()))
    succeeded = lines["status"].between(200, 299).fillna(value=False).any() or "ready" in kinds
    answered = lines["status"].notna().any() or "listening" in kinds
    busy = _still_starting(lines)
    streams = tuple(lines["log_stream"].drop_duplicates())
    if succeeded or len(streams) < _FEWEST:
        return
    if len(busy) >= _FEWEST:
        said = str(lines.loc[lines["kind"] == "starting_up", "message"].iloc[-1])[:120]
        statement = (
            f"{len(busy)} dead containers of {revision} were still at their start when they were stopped: {said}"
        )
        yield Finding("start_not_finished", "listening", statement, "log_events", busy, revision)
    elif would_say and not answered:
        statement = f"{len(streams)} dead containers of {revision} began to start, and none says that it listened."
        yield Finding("start_not_finished", "listening", statement, "log_events", streams, revision)


_FEWEST = 2
_LAST_WORDS = 6


def _still_starting(lines: pd.DataFrame) -> tuple[str, ...]:
    """Return the streams near whose end the program says that it is still starting, and not that it waits."""
    from_end = lines.groupby("log_stream").cumcount(ascending=False)
    near_end = lines[(from_end < _LAST_WORDS) & lines["kind"].isin(["starting_up", "waiting_for_dependency"])]
    last = near_end.drop_duplicates("log_stream", keep="last")
    return tuple(last.loc[last["kind"] == "starting_up", "log_stream"])


_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
_ADDRESS = re.compile(
    r"(?<![\w.:])(?P<address>(?:\d{1,3}\.){3}\d{1,3}|localhost|\[::1?\]|\*|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,6})?"
    r":(?P<port>\d{2,5})(?!\d|:\d)",
    re.I,
)
_PORT = re.compile(r"\bport(?:\(s\)|s)?\W{0,3}(?P<port>\d{2,5})\b", re.I)


def _where(text: str) -> tuple[str, int]:
    """Return the address and port in a line that says where a server listens; `""` and 0 where it does not say."""
    found = _ADDRESS.search(text[:1000])
    if found:
        return (found["address"] or "").lower(), int(found["port"])
    port = _PORT.search(text[:1000])
    return "", int(port["port"]) if port else 0


def ports_asked(frames: Frames, task_definition: str) -> set[int]:
    """Return the ports on which the load balancer, or whoever calls, asks the application; empty if not known."""
    of_service = frames.service_load_balancers["container_port"].dropna()
    mapped = frames.port_mappings
    of_tasks = mapped.loc[mapped["task_definition"] == task_definition, "container_port"].dropna()
    return {int(port) for port in (of_service if len(of_service) else of_tasks)}


def health_check_settings(frames: Frames) -> Iterator[Finding]:
    """Whether the checks ask another port or protocol than the container has, or need what its image may lack.

    The port of a target group of type `ip` is only its default: tasks register with their own.
    """
    examined = examined_of(frames)
    groups = frames.target_groups
    commands = frames.health_check_commands
    words = commands.loc[commands["task_definition"] == examined.task_definition, "word"].dropna()
    if not len(groups) and not len(words):
        raise NothingToExamineError("neither the load balancer nor a container has a health check that is known")
    yield from _asked_elsewhere(frames, ports_asked(frames, examined.task_definition))
    yield from _sidecars_checked(frames, commands[commands["task_definition"] == examined.task_definition])
    command = " ".join(words)
    if any(tool in command for tool in _TOOLS):
        statement = f"The container's own check needs a tool of the image, or the name localhost: {command[:200]}"
        yield Finding(
            "health_check_command_fragile",
            _SETTINGS,
            statement,
            "health_check_commands",
            tuple(words),
            examined.revision,
        )


def _sidecars_checked(frames: Frames, commands: pd.DataFrame) -> Iterator[Finding]:
    """Yield that a sidecar has a health check where ECS stopped tasks for one, and does not tell whose it was."""
    examined = examined_of(frames)
    own = frames.containers["revision"] == examined.revision
    told = (own & (frames.containers["health_status"] == "UNHEALTHY")).any()
    failed = (frames.events["kind"] == _FAILED).any() or (frames.tasks["reason_kind"] == _FAILED).any()
    checked = set(commands.dropna(subset=["word"])["container"])
    of_sidecars = sorted(checked - application_names(frames))
    if told or not failed or not of_sidecars:
        return
    alone = len(of_sidecars) == len(checked)
    statement = (
        f"ECS stopped tasks for a failed health check, and {'only' if alone else 'beside the application'} "
        f"{' and '.join(of_sidecars)} of {examined.revision} {'has' if len(of_sidecars) == 1 else 'have'} one: "
        f"which container failed is {'so known' if alone else 'not told any more'}."
    )
    kind = "only_sidecars_checked" if alone else "sidecar_checked_too"
    yield Finding(kind, _SETTINGS, statement, "health_check_commands", tuple(of_sidecars), examined.revision)


_FAILED = "failed_container_health_checks"
_SETTINGS = "health_check_settings"


def _asked_elsewhere(frames: Frames, ports: set[int]) -> Iterator[Finding]:
    """Yield each target group whose check's port or protocol differs from the container's."""
    columns = ["target_group_arn", "name", "health_check_port", "health_check_protocol"]
    for arn, name, port, protocol in frames.target_groups[columns].astype("string").fillna("").to_numpy():
        asked = {int(port)} if str(port).isdecimal() else ports
        if ports and asked and not asked & ports:
            told = ", ".join(map(str, sorted(ports)))
            statement = f"The target group {name} checks port {port}; the container takes requests on {told}."
            yield Finding("health_check_port_differs", _SETTINGS, statement, "target_groups", (str(arn),))
        if asked and _other_protocol(str(protocol), asked):
            told = ", ".join(map(str, sorted(asked)))
            statement = f"The target group {name} speaks {protocol} to port {told}."
            yield Finding("health_check_protocol_differs", _SETTINGS, statement, "target_groups", (str(arn),))


def _other_protocol(protocol: str, ports: set[int]) -> bool:
    if protocol == "HTTP":
        return ports <= set(_TLS_PORTS)
    return protocol == "HTTPS" and ports <= set(_PLAIN_PORTS)
