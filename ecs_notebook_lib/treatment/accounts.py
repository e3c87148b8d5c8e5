"""Proposals beside the service: what the account lacks, or what of it refuses."""

from ecs_notebook_lib.treatment.action import Action, Call, Change
from ecs_notebook_lib.treatment.making import action
from ecs_notebook_lib.treatment.situation import Situation


def log_group(s: Situation) -> Action | None:
    """Create the log groups that the task definition names and that do not exist."""
    named = s.frames.named_things
    absent = named[(named["kind"] == "log_group") & (named["exists"] == False)]  # noqa: E712  a nullable column
    names = [str(name) for name in dict.fromkeys(absent["name"].dropna())]
    if not names:
        return None
    calls = tuple(Call("logs:CreateLogGroup", {"logGroupName": name}) for name in names)
    changes = tuple(Change(f"log group {name}", "exists", False, True) for name in names)
    return action(s, "log_group", f"{names[0]} does not exist in this region.", calls=calls, changes=changes)
