"""The plan of treatment: what stops the harm, what mends the leading cause, what prevents the next.

It is short, and specific: each action names the findings behind it, and what is in place already is left out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.diagnosis.differential import Ranked
from ecs_notebook_lib.knowledge.weights import NONE_OF_THESE, causes
from ecs_notebook_lib.rolling_update import Bounds, bounds_of
from ecs_notebook_lib.treatment import accounts, definitions, prevention, service_settings, target_groups
from ecs_notebook_lib.treatment.action import Action
from ecs_notebook_lib.treatment.documents import treatment_json
from ecs_notebook_lib.treatment.going_back import go_back
from ecs_notebook_lib.treatment.making import action
from ecs_notebook_lib.treatment.situation import Situation
from ecs_notebook_lib.treatment.under_way import Under

_SURE = 0.6
"""From this probability on the leading cause is treated; below it, the likeliest two are told apart first."""

_RIVAL = 0.2
_HARMLESS = 0.8
"""From this probability on a treatment in place comes before going back: it is quick, and touches nothing serving."""

Proposer = Callable[[Situation], Action | None]

PROPOSERS: Mapping[str, Proposer] = {
    function.__name__: function
    for function in (
        target_groups.health_check_path,
        target_groups.health_check_matcher,
        target_groups.health_check_port,
        target_groups.health_check_protocol,
        target_groups.health_check_patience,
        target_groups.deregistration_delay,
        definitions.former_container_check,
        definitions.former_command,
        definitions.container_health_check,
        definitions.former_roles,
        definitions.former_image,
        definitions.platform,
        definitions.memory,
        definitions.cpu,
        definitions.ephemeral_storage,
        definitions.open_files,
        definitions.secret_reference,
        service_settings.grace_period,
        service_settings.percentages,
        service_settings.desired_count,
        service_settings.former_network,
        service_settings.public_address,
        service_settings.fewer_subnets,
        service_settings.former_constraints,
        service_settings.task_protection,
        service_settings.wait_longer,
        service_settings.scale_out_and_in,
        service_settings.scale_to_zero_and_back,
        accounts.log_group,
        accounts.task_role_policy,
        accounts.execution_role_policy,
        accounts.role_trust,
        accounts.resource_policy,
        accounts.load_balancer_rule,
        accounts.outbound_rule,
        accounts.way_out,
        accounts.secret_missing,
    )
}
"""Treatments of causes, by the names that `knowledge/causes` uses."""

PREVENTING: tuple[Proposer, ...] = (
    service_settings.circuit_breaker,
    service_settings.minimum_healthy_percent,
    prevention.deployment_alarms,
    prevention.readiness_endpoint,
    prevention.careful_deployment,
    prevention.blue_green,
)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What to do, in order. `immediate` stops the harm and treats the cause, `long_term` prevents the next."""

    immediate: tuple[Action, ...]
    long_term: tuple[Action, ...]
    alternatives: tuple[Action, ...] = ()
    """What could be done instead of the immediate actions: each has calls, and none is part of the plan."""
    desired: int = 0
    """The service's desired count; 0 if it is not known."""

    def action(self, name: str) -> Action | None:
        """Return the action of this name; None if it is not proposed."""
        rows = (*self.immediate, *self.long_term, *self.alternatives)
        return next((row for row in rows if row.name == name), None)

    @property
    def under(self) -> Under | None:
        """Return what the prognosis is to suppose: the first thing that is to be done; None if there is nothing."""
        first = self.immediate[0] if self.immediate else None
        if first is None or first.name == "tell_apart":
            return None
        return _UNDER.get(first.name, Under.DEPLOY_AGAIN)

    @property
    def bounds(self) -> Bounds | None:
        """Return what the percentages will allow after the first thing that is to be done; None if it changes none."""
        for call in self.immediate[0].calls if self.immediate else ():
            wanted = call.params.get("deploymentConfiguration")
            if wanted and self.desired:
                return bounds_of(self.desired, wanted["minimumHealthyPercent"], wanted["maximumPercent"])
        return None

    def to_json(self) -> dict[str, Any]:
        """Return the `treatment` of DESIGN 5.5."""
        return {
            "immediate": [treatment_json(row) for row in self.immediate],
            "long_term": [treatment_json(row) for row in self.long_term],
            "alternatives": [treatment_json(row) for row in self.alternatives],
        }


def propose(diagnosis: Diagnosis) -> Treatment:
    """Return what to do about a diagnosis. The same diagnosis gives the same treatment, on any day."""
    leading, *others = diagnosis.differential
    if leading.cause == NONE_OF_THESE:
        leading = next((row for row in others if row.cause != NONE_OF_THESE), leading)
    s = Situation(diagnosis, leading)
    immediate = () if _nothing_to_treat(s) else tuple(_immediate(s))
    return Treatment(immediate, tuple(_long_term(s, immediate)), tuple(_alternatives(s, immediate)), s.desired)


def _nothing_to_treat(s: Situation) -> bool:
    """Say whether all is well; a service that is stable because it was set back, or to 0, still has its cause."""
    state = s.diagnosis.state
    if state.status == "unknown":
        return not s.frames.reported
    scaled_away = s.service and s.desired == 0 and s.cause == "deployment_config.desired_zero"
    return state.settled or (state.status == "stable" and state.outcome not in _GIVEN_UP and not scaled_away)


_GIVEN_UP = ("rolled_back", "superseded", "failed")


def propose_for(diagnosis: Diagnosis, cause: str) -> tuple[Action, ...]:
    """Return what would be done at once if this were the cause, whatever the differential says."""
    row = next(row for row in diagnosis.differential if row.cause == cause)
    return tuple(_treating(Situation(diagnosis, row)))


def _immediate(s: Situation) -> Iterator[Action]:
    if s.diagnosis.differential[0].cause == NONE_OF_THESE:
        yield from filter(None, [go_back(s)])
        return
    rival = _rival(s)
    if rival is not None:
        yield from filter(None, [go_back(s)])
        yield _tell_apart(s, rival)
        return
    yield from _treating(s)


def _treating(s: Situation) -> Iterator[Action]:
    """Yield going back, if that helps, and the treatment of the cause; one in place that is sure comes alone."""
    mending = list(_mending(s))
    if s.diagnosis.state.status in ("stable", "stabilizing"):
        yield from mending
        return
    in_place = bool(mending and mending[0].kind.in_place and mending[0].calls and not mending[0].flags)
    if not (in_place and s.leading.probability >= _HARMLESS and not s.customers_are_hurt):
        yield from filter(None, [go_back(s)])
    yield from mending


def _mending(s: Situation) -> Iterator[Action]:
    """Yield the best treatment of the cause that this situation allows: with calls, else in words; never an outage."""
    made = [row for row in (PROPOSERS[name](s) for name in causes()[s.cause].treatments) if row and not row.kind.outage]
    carried_out = [row for row in made if row.calls or row.command]
    chosen = (carried_out or made)[:1] or [_in_words(s)]
    yield from chosen
    if s.has_given_up and _only_changes(chosen[0]):
        yield from filter(None, [service_settings.new_deployment(s)])


def _only_changes(made: Action) -> bool:
    """Say whether an action changes something without beginning a deployment."""
    begins = {"taskDefinition", "networkConfiguration", "forceNewDeployment"}
    return bool(made.calls) and not any(begins & call.params.keys() for call in made.calls if not call.edits)


def _in_words(s: Situation) -> Action:
    remedies = causes()[s.cause].remedies
    return action(s, "mend", "; ".join(remedies) + ".")


def _rival(s: Situation) -> Ranked | None:
    """Return the second cause if it is near the first, and is treated otherwise."""
    first, second = s.leading, s.diagnosis.differential[1]
    if first.probability >= _SURE or second.probability < _RIVAL or second.cause == NONE_OF_THESE:
        return None
    return second if causes()[first.cause].treatments != causes()[second.cause].treatments else None


def _tell_apart(s: Situation, rival: Ranked) -> Action:
    names = {s.cause, rival.cause}
    telling = [row for row in s.diagnosis.plan if names <= set(row.separates)] or list(s.diagnosis.plan)
    command = telling[0].command if telling else ""
    told = f"{causes()[s.cause].told_apart}" if telling or rival.cause in causes()[s.cause].mistaken_for else ""
    because = f"{s.cause} ({s.leading.probability:.0%}) or {rival.cause} ({rival.probability:.0%}). {told}".strip()
    return action(s, "tell_apart", because, command=command)


_UNDER = {"stop_deployment": Under.STOP_DEPLOYMENT, "roll_back": Under.ROLL_BACK, "wait_longer": Under.WAIT}


def _alternatives(s: Situation, immediate: tuple[Action, ...]) -> Iterator[Action]:
    """Yield what else would stop the harm or mend the cause, where something is to be done at once."""
    if not immediate or s.diagnosis.differential[0].cause == NONE_OF_THESE:
        return
    taken = {row.name for row in immediate}
    others = (PROPOSERS[name](s) for name in causes()[s.cause].treatments)
    back = [go_back(s)] if s.diagnosis.state.status == "failing" else []
    anew = [service_settings.new_deployment(s)] if s.has_given_up else []  # once somebody has mended the cause
    yield from (row for row in (*back, *others, *anew) if row and row.calls and row.name not in taken)


def _long_term(s: Situation, immediate: tuple[Action, ...]) -> Iterator[Action]:
    if not s.service:
        return
    taken = {row.name for row in immediate}
    yield from (made for made in (propose_one(s) for propose_one in PREVENTING) if made and made.name not in taken)
