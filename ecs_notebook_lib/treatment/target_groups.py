"""Proposals that change how the load balancer checks and drains: they touch all targets, of whatever revision."""

from typing import Any

from ecs_notebook_lib.diagnosis.health_budget import health_budget_of
from ecs_notebook_lib.treatment import texts
from ecs_notebook_lib.treatment.action import Action, Call, Change, Fragment
from ecs_notebook_lib.treatment.making import action
from ecs_notebook_lib.treatment.situation import Object, Situation

_SLOWER = 2
"""An answer that did not come in time is taken to need so many times as long, and gets twice that."""

_SHORT_DRAIN = 30


def _modifying(
    s: Situation, name: str, because: str, group: Object, *, fragment: Fragment | None = None, **members: Any
) -> Action | None:
    """Return ModifyTargetGroup with the members that differ; None if none does."""
    differing = {member: value for member, value in members.items() if group.get(member) != value}
    if not differing:
        return None
    call = Call("elbv2:ModifyTargetGroup", {"TargetGroupArn": group["TargetGroupArn"], **differing})
    resource = f"target group {group.get('TargetGroupName', '')}"
    changes = tuple(Change(resource, member, group.get(member), value) for member, value in differing.items())
    fragments = (fragment,) if fragment else ()
    return action(s, name, because, calls=(call,), changes=changes, fragments=fragments)


def _serves_others(s: Situation) -> bool:
    """Say whether healthy targets are of another revision than the examined one: a wrong check would take them out."""
    healthy = s.frames.targets[s.frames.targets["state"] == "healthy"]
    examined = s.examined.revision if s.examined else ""
    return bool((healthy["revision"].fillna("") != examined).any())


def _answers(s: Situation, revision: str) -> dict[str, set[int]]:
    """Return the codes with which a revision answered, by path."""
    rows = s.frames.log_events
    rows = rows[(rows["revision"].fillna("") == revision) & rows["status"].notna() & rows["path"].notna()]
    found: dict[str, set[int]] = {}
    for path, status in zip(rows["path"], rows["status"], strict=True):
        found.setdefault(str(path), set()).add(int(status))
    return found


def health_check_path(s: Situation) -> Action | None:
    """Ask for a path that the examined revision answers with 200, and the serving one, too, where one serves."""
    if not (s.target_groups and s.examined):
        return None
    [group, *_] = s.target_groups
    good = {path for path, codes in _answers(s, s.examined.revision).items() if codes <= set(range(200, 300))}
    if _serves_others(s):
        serving = _answers(s, (s.diagnosis.state.serving or "").rpartition("/")[2])
        good &= {path for path, codes in serving.items() if codes <= set(range(200, 300))}
    named = sorted(good, key=lambda path: (not any(word in path for word in _HEALTH_WORDS), len(path), path))
    if not named:
        return None
    because = f"{s.examined.revision} answers {named[0]} with success, as its log shows."
    return _modifying(s, "health_check_path", because, group, HealthCheckPath=named[0])


_HEALTH_WORDS = ("health", "ready", "alive", "live", "status", "ping")


def health_check_matcher(s: Situation) -> Action | None:
    """Accept the redirect or the refusal that the examined revision answers the check with."""
    if not (s.target_groups and s.examined):
        return None
    [group, *_] = s.target_groups
    told = {code for row in s.diagnosis.findings for code in row[1].parts.get("codes", "").split() if code.isdecimal()}
    probes = _answers(s, s.examined.revision).get(str(group.get("HealthCheckPath")), set())
    codes = sorted({int(code) for code in told} | probes)
    wanted = [code for code in codes if 300 <= code < 400 or code in (400, 401, 403, 405, 421)]
    present = str((group.get("Matcher") or {}).get("HttpCode", ""))
    if not wanted or not present:
        return None
    because = f"{s.examined.revision} answers the check with {wanted[0]}."
    return _modifying(
        s, "health_check_matcher", because, group, Matcher={"HttpCode": ",".join([present, *map(str, wanted)])}
    )


def health_check_port(s: Situation) -> Action | None:
    """Ask on the port of the traffic where the check has a port of its own, on which nothing answers."""
    if not s.target_groups or _serves_others(s):
        return None
    [group, *_] = s.target_groups
    because = f"It asks port {group.get('HealthCheckPort')}, and the container takes requests elsewhere."
    return _modifying(s, "health_check_port", because, group, HealthCheckPort="traffic-port")


def health_check_protocol(s: Situation) -> Action | None:
    """Ask in the other protocol where nothing serves that speaks the present one."""
    if not s.target_groups or _serves_others(s):
        return None
    [group, *_] = s.target_groups
    other = {"HTTP": "HTTPS", "HTTPS": "HTTP"}.get(str(group.get("HealthCheckProtocol")))
    if other is None:
        return None
    return _modifying(s, "health_check_protocol", f"The application speaks {other}.", group, HealthCheckProtocol=other)


def health_check_patience(s: Situation) -> Action | None:
    """Wait longer for an answer where the application started in time and answers later than the check waits."""
    budget = health_budget_of(s.frames)
    timed_out = any("time" in row.parts.get("reason", "").lower() for _, row in s.diagnosis.findings)
    if not s.target_groups or budget is None or budget.too_short or not timed_out:
        return None
    [group, *_] = s.target_groups
    advice = texts.check_advice(s.diagnosis, slowest_seconds=_SLOWER * int(group.get("HealthCheckTimeoutSeconds") or 5))
    if advice is None:
        return None
    because = "It starts in time, and its answer comes later than the check waits; how much later nothing tells."
    members = {name: value for name, value in advice.params.items() if name != "TargetGroupArn"}
    return _modifying(s, "health_check_patience", because, group, fragment=advice.fragment, **members)


def deregistration_delay(s: Situation) -> Action | None:
    """Drain faster where draining takes the most of the waiter's time."""
    rows = s.frames.target_group_attributes
    rows = rows[rows["attribute"] == "deregistration_delay.timeout_seconds"]
    long = [(arn, value) for arn, value in zip(rows["target_group_arn"], rows["value"], strict=True) if _is_long(value)]
    if not long:
        return None
    attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": str(_SHORT_DRAIN)}]
    calls = tuple(
        Call("elbv2:ModifyTargetGroupAttributes", {"TargetGroupArn": str(arn), "Attributes": attributes})
        for arn, _ in long
    )
    changes = tuple(
        Change(
            f"target group {'/'.join(str(arn).split('/')[1:2]) or arn}",
            "deregistration_delay.timeout_seconds",
            value,
            "30",
        )
        for arn, value in long
    )
    because = f"Old tasks drain for {long[0][1]} s each."
    return action(s, "deregistration_delay", because, calls=calls, changes=changes)


def _is_long(value: object) -> bool:
    return str(value).isdecimal() and int(str(value)) > _SHORT_DRAIN
