"""A service that AWS does not show: the run goes on, and the first thing to read is what to do about it."""

from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.snapshot import Snapshot
from ecs_notebook_lib.untrusted import plain

_SERVICE = "ecs:DescribeServices"


def refusal_of_service(snapshot: Snapshot) -> str:
    """Return AWS's own words with which it refused to describe the service; empty if it did not refuse."""
    refusals = [page["error"] for page in snapshot.records(_SERVICE) if page["error"]]
    answered = any(page["response"] for page in snapshot.records(_SERVICE))
    return "" if answered or not refusals else f"{refusals[-1]['code']}: {refusals[-1]['message']}"


def show_refusal(incident: Incident) -> str:
    """Return Markdown that stands out: what was refused, and the next step; empty if the service was described."""
    refusal = refusal_of_service(incident.snapshot)
    if not refusal:
        return ""
    return (
        f"> **AWS does not show this service.** {plain(refusal)}\n>\n"
        "> **Next:** choose a `profile` that may read it, or have the policy attached that `ecs-notebook policy` "
        "prints (it only reads); then run the parameters cell and this one again. Until then the cells below show "
        "what else could be read, and that is no sign of health."
    )
