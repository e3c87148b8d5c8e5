"""What a line of Container Insights' performance log tells of a task (CloudWatch user guide; ECS_FACTS 9.6)."""

import orjson

PERFORMANCE_GROUP = "/aws/ecs/containerinsights/"


def task_revision(line: str, *, service: str) -> tuple[str, str] | None:
    """Return the id and the revision (`family:number`) of a task of this service; None if the line tells of none."""
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(told, dict) or told.get("ServiceName") != service:
        return None
    if not (told.get("TaskId") and told.get("TaskDefinitionRevision")):
        return None
    return str(told["TaskId"]), f"{told.get('TaskDefinitionFamily')}:{told['TaskDefinitionRevision']}"
