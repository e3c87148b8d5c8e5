"""What is told while waiting: plain lines, one per change, as a CI log takes them."""

from collections.abc import Iterator

from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.wait.attempts import failures_of
from ecs_notebook_lib.wait.judging import Followed
from ecs_notebook_lib.wait.seen import Seen
from ecs_notebook_lib.wait.waiting import Result

_FIRST_EVENTS = 10
"""Events that are told at the first look: those since the deployment began, the newest of them."""

_LONGEST = 500


class Teller:
    """Remembers what was told of one service, and yields what is new."""

    def __init__(self, *, timeout: float) -> None:
        self._timeout = timeout
        self._following = ""
        self._counts = ""
        self._error = ""
        self._events: set[str] = set()
        self._ways: set[tuple[object, ...]] = set()

    @property
    def counts(self) -> str:
        """Return how the deployment stood at the last look; empty if it was not seen yet."""
        return self._counts

    def lines(self, result: Result) -> Iterator[str]:
        """Yield a line for each change since the last look, oldest first."""
        seen, followed = result.seen, result.followed
        if seen is None:
            return
        if seen.service is None:
            yield from self._refusal(result, seen)
        elif followed is None:
            yield from self._new(result, "waiting for the deployment to be seen")
        else:
            yield from self._beginning(result, seen, followed)
            yield from self._occurred(result, seen, followed)
            yield from self._moved(result, seen, followed)
            yield from self._failed(result, seen, followed)
        if result.verdict.settled:
            yield _line(result, f"{result.verdict.outcome}: {result.verdict.reason}")

    def _refusal(self, result: Result, seen: Seen) -> Iterator[str]:
        error = seen.error
        told = f"did not answer: {error.get('code')}: {error.get('message')}" if error else "tells nothing of it"
        text = f"AWS {told}; asking again"
        if text != self._error and not result.verdict.settled:
            self._error = text
            yield _line(result, text)

    def _new(self, result: Result, text: str) -> Iterator[str]:
        if text != self._following:
            self._following = text
            yield _line(result, text)

    def _beginning(self, result: Result, seen: Seen, followed: Followed) -> Iterator[str]:
        if self._following == followed.deployment:
            return
        self._following = followed.deployment
        yield _line(result, f"following {followed.deployment} with {followed.revision}")
        if seen.controller != "ECS":
            text = f"{seen.controller} deploys this service: `aws ecs wait services-stable` can never succeed on it"
            yield _line(result, text)
        if result.shortest:
            yield _line(result, f"this rollout takes at least {_span(result.shortest)} from its beginning")
            over = result.shortest - (result.elapsed or 0.0) - self._timeout
            if over > 0:
                yield _line(result, f"the time limit of {_span(self._timeout)} is too short for it by {_span(over)}")

    def _occurred(self, result: Result, seen: Seen, followed: Followed) -> Iterator[str]:
        events = [row for row in (seen.service or {}).get("events") or () if row.get("id") not in self._events]
        if not self._events:
            since = parse_instant(followed.created_at) if followed.created_at else seen.at
            events = [row for row in events if parse_instant(str(row["createdAt"])) >= since][:_FIRST_EVENTS]
        self._events |= {str(row.get("id")) for row in (seen.service or {}).get("events") or ()} | {""}
        for row in reversed(events):
            yield _line(result, f"event: {row.get('message')}")

    def _moved(self, result: Result, seen: Seen, followed: Followed) -> Iterator[str]:
        own = seen.deployment(followed.deployment)
        if own is None:
            return
        desired = own.get("desiredCount", own.get("computedDesiredCount"))
        counts = f"desired {desired}, pending {own.get('pendingCount')}, running {own.get('runningCount')}"
        if own.get("failedTasks"):
            counts += f", failed {own['failedTasks']}"
        healthy = seen.healthy_targets(followed.deployment)
        if healthy is not None:
            counts += f", healthy targets {healthy}"
        old = [row for row in seen.deployments if row.get("id") != followed.deployment]
        if old:
            counts += f"; {sum(int(row.get('runningCount') or 0) for row in old)} old ones run"
        counts += _stage(seen)
        if counts != self._counts:
            self._counts = counts
            yield _line(result, counts)

    def _failed(self, result: Result, seen: Seen, followed: Followed) -> Iterator[str]:
        for failure in failures_of(seen, followed.deployment):
            if failure.way not in self._ways:
                self._ways.add(failure.way)
                yield _line(result, f"task {failure.task} stopped: {failure.told}")
                yield from (f"          | {visible(line, limit=_LONGEST)}" for line in failure.lines)


def _stage(seen: Seen) -> str:
    record = seen.service_deployment or {}
    waits = [row for row in record.get("lifecycleHookDetails") or () if row.get("status") == "AWAITING_ACTION"]
    stage = f"; stage {record['lifecycleStage']}" if record.get("lifecycleStage") else ""
    return stage + ("; a lifecycle hook waits for somebody to continue it" if waits else "")


def _line(result: Result, text: str) -> str:
    return f"{clock_text(result.elapsed)} {result.name}  {visible(text, limit=_LONGEST)}"


def clock_text(seconds: float | None) -> str:
    """Return seconds as minutes and seconds, `--:--` if they are not known."""
    return "--:--" if seconds is None else "{:02}:{:02}".format(*divmod(max(0, int(seconds)), 60))


def _span(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60:02} s"
