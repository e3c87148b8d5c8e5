"""What the containers printed, told apart by revision; and whose 200 it is."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address

import pandas as pd

from ecs_notebook_lib.diagnosis.containers import application_names, sidecar_names
from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, counted, keys_of, listing
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.comparing import beginning
from ecs_notebook_lib.frames.logs import told_kinds
from ecs_notebook_lib.knowledge.health_codes import kind_of_code
from ecs_notebook_lib.knowledge.weights import finding_kinds, reading_of
from ecs_notebook_lib.network.addresses import parsed

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
    yield from _known_errors(_by_who_printed(_that_speak(events), frames), frames)
    if frames.history.examined is not None and not _has_spoken(frames, events):
        raise NothingToExamineError("no log line of the examined revision's application was read")


def _has_spoken(frames: Frames, events: pd.DataFrame) -> bool:
    """Say whether a line of the examined revision's application was read, or one that may be: a sidecar's is none."""
    examined = frames.history.examined
    own = events["revision"].fillna("").isin(["", examined.revision if examined else ""])
    main = application_names(frames)
    return bool((own & (events["container"].isin(main) if main else True)).any())


def _that_speak(events: pd.DataFrame) -> pd.DataFrame:
    """Return the lines whose kind comes to a finding, with that as `error`; denials have findings of their own."""
    kinds = [reading_of(kind, where="log_line") for kind in told_kinds(events).fillna("")]
    speaking = events.assign(error=pd.Series([kind or None for kind in kinds], index=events.index, dtype="string"))
    denied = (speaking["error"] == "access_denied_in_log").fillna(value=False) & speaking["action"].notna()
    survived = (speaking["error"] == "dependency_error_in_log").fillna(value=False) & speaking["message"].str.contains(
        _TRIED_AGAIN, case=False, na=False
    )
    return speaking[speaking["error"].notna() & ~denied & ~survived]


def _by_who_printed(lines: pd.DataFrame, frames: Frames) -> pd.DataFrame:
    """Return the lines with an application's own error as a sidecar's, where it was a sidecar that printed it."""
    own = lines["error"].map(lambda kind: _is_of_application(str(kind))).astype(bool)
    by_sidecar = own & lines["container"].isin(sidecar_names(frames))
    return lines.assign(error=lines["error"].mask(by_sidecar, "sidecar_error_in_log"))


def _is_of_application(kind: str) -> bool:
    """Say whether a finding speaks for a cause within the application more than for any other."""
    weights = finding_kinds()[kind].weights
    return max(weights, key=lambda cause: weights[cause]).startswith("application.")


_TRIED_AGAIN = r"\bwill (?:retry|be retried|try again)\b"
"""A program that puts a call off does not depend on it."""


def _known_errors(lines: pd.DataFrame, frames: Frames) -> Iterator[Finding]:
    """Yield what the lines come to; what was printed before the examined deployment began as well weighs nothing."""
    before = _printed_before(lines, frames)
    for (revision, error), rows in lines.groupby([lines["revision"].fillna(""), "error"], sort=True):
        kind = str(error)
        usual = kind in before
        statement = (
            f"Containers of {revision or 'an unknown revision'} {finding_kinds()[kind].says}: "
            f"{beginning(rows['message'].iloc[-1], 200)}"
            f"{' The last good revision printed the same before.' if usual else ''}"
        )
        keys = keys_of(rows, "log_stream")
        weighs = bool(revision) and not usual
        yield Finding(kind, "log_errors", statement, "log_events", keys, str(revision), weighs=weighs)


def _printed_before(lines: pd.DataFrame, frames: Frames) -> set[str]:
    """Return the errors that another revision printed while all was well, before the trouble began."""
    history = frames.history
    if history.examined is None:
        return set()
    began = pd.Timestamp(history.troubled_since or history.examined.created_at)
    other = lines["revision"].notna() & (lines["revision"] != history.examined.revision)
    return set(lines.loc[other & (lines["logged_at"] < began), "error"])


def _denials(events: pd.DataFrame) -> pd.DataFrame:
    denials = events[(told_kinds(events) == "access_denied") & events["action"].notna()]
    return denials.assign(**{name: denials[name].fillna("") for name in ("revision", "resource")})


def health_answers(frames: Frames) -> Iterator[Finding]:
    """Who was answered on the health path, by which revision, and with what.

    A success of the old revision, or of the container's own check, does not prove that the load balancer gets one.
    """
    answers = health_path_answers(frames)
    yield from _probes(frames)
    yield from _errors_to_customers(frames)
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
    examined = frames.history.examined
    if examined is None or not (answers["revision"] == examined.revision).any():
        raise NothingToExamineError("no answer of the examined revision on the health path stands in its log")


def _probes(frames: Frames) -> Iterator[Finding]:
    """Yield whether the access log knows checks of the load balancer; that none came counts if it rejected tasks.

    A port on which another process, or nothing, listens looks the same.
    """
    examined = frames.history.examined
    name = examined.revision if examined else ""
    rejected = frames.tasks[(frames.tasks["revision"] == name) & (frames.tasks["reason_kind"] == _REJECTED)]
    lines = frames.log_events[(frames.log_events["kind"] == "http_access") & (frames.log_events["revision"] == name)]
    arrived = lines[_of_load_balancer(frames, lines)]
    if len(arrived):
        statement = f"{counted(len(arrived), 'check')} of the load balancer reached {name}: nothing drops them."
        keys = keys_of(arrived, "log_stream")
        yield Finding("probes_arrive", "health_answers", statement, "log_events", tuple(dict.fromkeys(keys)), name)
    elif len(rejected) and lines["user_agent"].notna().any():
        statement = (
            f"The load balancer rejected {counted(len(rejected), 'task')} of {name}, but none of the "
            f"{counted(len(lines), 'access line')} that were read is from {HEALTH_CHECKER}: its checks do not arrive."
        )
        keys = keys_of(lines.drop_duplicates("log_stream"), "log_stream")
        yield Finding("probes_do_not_arrive", "health_answers", statement, "log_events", keys, name)


_FEWEST_ERRORS, _SHARE_OF_ERRORS = 3, 0.1


def _errors_to_customers(frames: Frames) -> Iterator[Finding]:
    """Yield a finding if the examined revision answers much more often with 5xx than the last good one did."""
    examined = frames.history.examined
    if examined is None:
        return
    lines = frames.log_events[(frames.log_events["kind"] == "http_access") & frames.log_events["status"].notna()]
    checker = _of_load_balancer(frames, lines)
    local = lines["client"].str.startswith(("127.", "[::1]", "::1", "localhost"), na=False)
    on_health_path = lines["path"].isin(set(frames.target_groups["health_check_path"].dropna()))
    of_customers = lines[~checker & ~local & ~on_health_path]
    failed = of_customers["status"] >= 500
    share = failed.groupby(of_customers["revision"]).mean()
    is_own = of_customers["revision"].fillna("").eq(examined.revision)
    yield from _customers_are_answered(of_customers[is_own])
    own = of_customers[is_own & failed]
    if len(own) < _FEWEST_ERRORS:
        return
    before = share.get(frames.history.former_revision, 0.0)
    if share[examined.revision] >= _SHARE_OF_ERRORS and share[examined.revision] > 2 * before:
        statement = f"{examined.revision} answers {share[examined.revision]:.0%} of its requests with a 5xx."
        keys = tuple(dict.fromkeys(keys_of(own, "log_stream")))
        yield Finding("errors_to_customers", "health_answers", statement, "log_events", keys, examined.revision)


_MOST = 0.8


def _customers_are_answered(own: pd.DataFrame) -> Iterator[Finding]:
    """Yield a finding if most requests of customers to the examined revision are answered with success."""
    good = own[own["status"].between(200, 299)]
    if len(good) >= _FEWEST_ERRORS and len(good) >= _MOST * len(own):
        revision = str(own["revision"].iloc[0])
        statement = f"{revision} answers {counted(len(good), 'request')} of customers with success, of {len(own)}."
        keys = tuple(dict.fromkeys(keys_of(good, "log_stream")))
        yield Finding("customers_are_answered", "health_answers", statement, "log_events", keys, revision)


def _own_check_fails(status: pd.Series) -> str:
    last = int(status[~status.between(200, 299)].iloc[-1])
    return "own_health_check_gets_error" if last >= 500 else "own_health_check_not_answered"


_REJECTED = "failed_elb_health_checks"


def _answered(asker: str, status: pd.Series) -> str:
    """Return the kind of finding; `""` for what proves nothing either way."""
    passed = bool(status.between(200, 299).all())
    if asker == "the container's own check":
        return "own_health_check_passes" if passed else _own_check_fails(status)
    if asker != "the load balancer":
        return ""
    if passed:
        return "load_balancer_gets_200"
    rejected = status[~status.between(200, 299)]
    return kind_of_code(str(rejected.iloc[-1]))


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
    checker = _of_load_balancer(frames, events)
    paths = set(frames.target_groups["health_check_path"].dropna())
    on_path = events["path"].isin(paths) | checker | local
    asked_by = pd.Series("somebody else", index=events.index, dtype="string")
    asked_by = asked_by.mask(local, "the container's own check").mask(checker, "the load balancer")
    answers = events.assign(asked_by=asked_by, revision=events["revision"].fillna(""))[on_path]
    return answers.assign(**{"class": _classes(answers, frames)})


def _of_load_balancer(frames: Frames, lines: pd.DataFrame) -> pd.Series:
    """Say of each access line whether it is a check of the load balancer's.

    It names itself; where the log has no user agents, it is whoever asks the health path from the load balancer's
    subnets. Customers come through it as well, but they hardly ask for that path.
    """
    named = lines["user_agent"].str.startswith(HEALTH_CHECKER, na=False)
    asked = lines["user_agent"].isna() & lines["path"].isin(set(frames.target_groups["health_check_path"].dropna()))
    subnets = frames.subnets["subnet_id"].isin(frames.load_balancer_zones["subnet_id"])
    networks = [found for text in frames.subnets.loc[subnets, "cidr"].dropna().unique() if (found := parsed(text))]
    inside = {text for text in lines.loc[asked, "client"].dropna().unique() if _is_in(str(text), networks)}
    return named | (asked & lines["client"].isin(inside))


def _is_in(text: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in networks)


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
