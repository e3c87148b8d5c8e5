"""What the running revision has, or was seen to use, and the candidate has not."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.checks.resources import utilization_since
from ecs_notebook_lib.diagnosis.findings import listing
from ecs_notebook_lib.diagnosis.preflight.row import Answer, Row
from ecs_notebook_lib.examined import Deployment
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.preflight import Question, likeliest_cause

_NOTHING_RUNS = "no revision is known that was deployed well: there is nothing to compare with"


def variables(question: Question, frames: Frames) -> Iterator[Row]:
    """Yield which variables and secrets the running revision has and the candidate lacks, by name."""
    good = frames.history.last_good
    if good is None or not _known(frames, good.task_definition):
        yield Row(question, Answer.NOT_CHECKED, _NOTHING_RUNS)
        return
    lacking = sorted(_names(frames, good.task_definition) - _names(frames, frames.candidate))
    if lacking:
        said = f"It lacks {listing(pd.Series(lacking), limit=8)}, which {good.revision} has."
        yield Row(question, Answer.WARNING, said, likeliest_cause("variable_changed"))
    else:
        yield Row(question, Answer.OK, f"It has every variable and secret of {good.revision}.")


def _known(frames: Frames, task_definition: str) -> bool:
    return bool((frames.task_definitions["task_definition"] == task_definition).any())


def _names(frames: Frames, task_definition: str) -> set[str]:
    rows = pd.concat([frames.environment, frames.secrets])
    return set(rows.loc[rows["task_definition"] == task_definition, "name"].dropna())


def _while_alone(frames: Frames, good: Deployment, points: pd.DataFrame) -> pd.Series:
    """Return the values of the time before the next deployment began: what its tasks used is not the good one's."""
    later = [row.created_at for row in frames.made.deployments if row.created_at > good.created_at]
    return points["value"] if not later else points.loc[points["began_at"] < pd.Timestamp(min(later)), "value"]


_METRICS = (("memory", "MemoryUtilization", "MiB"), ("cpu", "CPUUtilization", "CPU units"))


def resources(question: Question, frames: Frames) -> Iterator[Row]:
    """Yield where the candidate has less memory or CPU than the running revision's tasks were seen to use.

    CloudWatch tells the share of what was reserved, of the fullest task, by the minute: a shorter peak does not show.
    """
    good = frames.history.last_good
    rows = frames.task_definitions.drop_duplicates("task_definition").set_index("task_definition")
    if good is None or good.task_definition not in rows.index:
        yield Row(question, Answer.NOT_CHECKED, _NOTHING_RUNS)
        return
    found: list[tuple[str, str]] = []
    seen: list[tuple[str, str]] = []
    sizes = rows[["memory", "cpu"]].apply(pd.to_numeric)
    for member, metric, unit in _METRICS:
        had, has = (sizes.loc[arn, member] for arn in (good.task_definition, frames.candidate))
        points = _while_alone(frames, good, utilization_since(frames, metric, pd.Timestamp(good.created_at)))
        if pd.isna(had) or pd.isna(has) or not len(points):
            continue
        used = float(points.max()) * float(had) / 100
        said = f"{member} {int(has)} {unit}; up to {used:.0f} were used"
        (found if float(has) < used else seen).append((member, said))
    for member, said in found:
        yield Row(
            question, Answer.WARNING, f"Less than {good.revision} was seen to use: {said}.", f"resources.{member}"
        )
    if not found and seen:
        yield Row(question, Answer.OK, f"As much as {good.revision} was seen to use: {'; '.join(s for _, s in seen)}.")
    elif not found:
        reason = frames.gaps.get("metrics", "CloudWatch has no data point of it, or the definition names no size")
        yield Row(question, Answer.NOT_CHECKED, reason, refused="metrics" in frames.gaps)
