"""What the containers printed, told apart by revision; and whose 200 it is."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, counted, keys_of, listing
from ecs_notebook_lib.frames import Frames

_ERRORS = {
    "connection_refused": "dependency_error_in_log",
    "connection_timeout": "dependency_error_in_log",
    "endpoint_timeout": "dependency_error_in_log",
    "heap_exhausted": "memory_error_in_log",
    "killed_for_memory": "memory_error_in_log",
}
_WORDS = {
    "dependency_error_in_log": "print that something they call does not answer",
    "memory_error_in_log": "print that they ran out of memory",
}
HEALTH_CHECKER = "ELB-HealthChecker"


def log_errors(frames: Frames) -> Iterator[Finding]:
    """Which known errors the containers of each revision printed."""
    events = frames.log_events
    if not len(events):
        raise NothingToExamineError("no log line was read")
    for (revision, action, resource), rows in _denials(events).groupby(["revision", "action", "resource"], sort=True):
        by_resource = rows["message"].str.contains("resource-based policy", regex=False, na=False).any()
        streams = rows["log_stream"].nunique()
        yield Finding(
            kind="access_denied_by_resource_policy_in_log" if by_resource else "access_denied_in_log",
            check="log_errors",
            statement=f"Containers of {revision or 'an unknown revision'} print that AWS refused {action} on "
            f"{resource or 'an unnamed resource'} ({counted(streams, 'log stream')}).",
            frame="log_events",
            rows=keys_of(rows, "log_stream"),
            revision=str(revision),
            weighs=bool(revision),
            parts={"action": str(action), "resource": str(resource), "principal": str(rows["principal"].iloc[0])},
        )
    known = events.assign(error=events["kind"].map(_ERRORS).astype("string")).dropna(subset=["error"])
    for (revision, kind), rows in known.groupby([known["revision"].fillna(""), "error"], sort=True):
        statement = (
            f"Containers of {revision or 'an unknown revision'} {_WORDS[str(kind)]}: {rows['message'].iloc[-1][:200]}"
        )
        keys = keys_of(rows, "log_stream")
        yield Finding(str(kind), "log_errors", statement, "log_events", keys, str(revision), weighs=bool(revision))


def _denials(events: pd.DataFrame) -> pd.DataFrame:
    denials = events[(events["kind"] == "access_denied") & events["action"].notna()]
    return denials.assign(**{name: denials[name].fillna("") for name in ("revision", "resource")})


def health_answers(frames: Frames) -> Iterator[Finding]:
    """Who was answered on the health path, by which revision, and with what.

    A success of the old revision, or of the container's own check, does not prove that the load balancer gets one.
    """
    answers = health_path_answers(frames)
    yield from _probes_do_not_arrive(frames)
    if not len(answers):
        raise NothingToExamineError("no answer on the health path stands in the log lines that were read")
    fast = answers[answers["class"] != SLOW]
    for (revision, asker), rows in fast.groupby(["revision", "asked_by"], sort=True):
        kind = _answered(str(asker), rows["status"])
        if not kind:
            continue
        codes = listing(rows["status"].astype("string"))
        last = rows["logged_at"].max()
        statement = (
            f"{revision or 'An unknown revision'} answered {codes} to {asker} on the health path, "
            f"{counted(len(rows), 'line')}, the last at {last:%H:%M:%S} UTC on {last:%Y-%m-%d}."
        )
        yield Finding(
            kind=kind,
            check="health_answers",
            statement=statement,
            frame="log_events",
            rows=keys_of(rows, "log_stream"),
            revision=str(revision),
            parts={"codes": codes},
            weighs=bool(revision),
        )


def _probes_do_not_arrive(frames: Frames) -> Iterator[Finding]:
    """Yield a finding if the load balancer rejected tasks whose access log does not know a single check of it.

    A port on which another process, or nothing, listens looks the same.
    """
    examined = frames.history.examined
    name = examined.revision if examined else ""
    rejected = frames.tasks[(frames.tasks["revision"] == name) & (frames.tasks["reason_kind"] == _REJECTED)]
    lines = frames.log_events[(frames.log_events["kind"] == "http_access") & (frames.log_events["revision"] == name)]
    told = lines["user_agent"].dropna()
    if len(rejected) and len(told) and not told.str.startswith(HEALTH_CHECKER).any():
        statement = (
            f"The load balancer rejected {counted(len(rejected), 'task')} of {name}, but none of the "
            f"{counted(len(lines), 'access line')} that were read is from {HEALTH_CHECKER}: its checks do not arrive."
        )
        keys = keys_of(lines.drop_duplicates("log_stream"), "log_stream")
        yield Finding("probes_do_not_arrive", "health_answers", statement, "log_events", keys, name)


_REJECTED = "failed_elb_health_checks"


def _answered(asker: str, status: pd.Series) -> str:
    """Return the kind of finding; `""` for what proves nothing either way."""
    passed = bool(status.between(200, 299).all())
    if asker == "the container's own check":
        return "own_health_check_passes" if passed else ""
    if asker != "the load balancer":
        return ""
    if passed:
        return "load_balancer_gets_200"
    return "target_answers_server_error" if (status >= 500).any() else "target_answers_unexpected_code"


def health_path_answers(frames: Frames) -> pd.DataFrame:
    """Return the access lines of health checks, each with `asked_by`: whose answer it is.

    Returns
    -------
    pandas.DataFrame
        The columns of `log_events`, `asked_by`, and `class`: whose success it is, of which some prove nothing;
        `revision` is empty where it is not known.
    """
    events = frames.log_events[frames.log_events["kind"] == "http_access"]
    local = events["client"].str.startswith(("127.", "[::1]", "::1", "localhost"), na=False)
    checker = events["user_agent"].str.startswith(HEALTH_CHECKER, na=False)
    paths = set(frames.target_groups["health_check_path"].dropna())
    on_path = events["path"].isin(paths) | checker | local
    asked_by = pd.Series("somebody else", index=events.index, dtype="string")
    asked_by = asked_by.mask(local, "the container's own check").mask(checker, "the load balancer")
    answers = events.assign(asked_by=asked_by, revision=events["revision"].fillna(""))[on_path]
    return answers.assign(**{"class": _classes(answers, frames)})


def _classes(answers: pd.DataFrame, frames: Frames) -> pd.Series:
    """Return whose success each answer is (DESIGN 4): the last rule that applies decides."""
    examined = frames.history.examined
    revision, began = (examined.revision, examined.created_at) if examined else ("", frames.snapshot.as_of)
    timeout = frames.target_groups["timeout_seconds"].min()
    classes = answers["asked_by"].map(_CLASSES).astype("string")
    if pd.notna(timeout):
        slow = (answers["request_seconds"] > float(timeout)).fillna(value=False).astype(bool)
        classes = classes.mask(slow & (answers["asked_by"] == "the load balancer"), SLOW)
    other = (answers["revision"] != revision) & (answers["revision"] != "")
    older = answers["logged_at"] < pd.Timestamp(began)
    return classes.mask(older, OLDER).mask(other, "another revision's").mask(answers["revision"] == "", "nobody knows")


SLOW, OLDER = "slower than the time-out", "older than the failure"
_CLASSES = {
    "the load balancer": "the load balancer's",
    "the container's own check": "the container's own",
    "somebody else": "a customer's",
}
