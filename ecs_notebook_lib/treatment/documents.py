"""A treatment as the document of DESIGN 5.5 has it."""

from typing import Any

from ecs_notebook_lib.treatment.action import Action


def treatment_json(made: Action) -> dict[str, Any]:
    """Return one action for programs; `command` holds one command a line, empty where it is text for people."""
    return {
        "action": made.name,
        "title": made.kind.title,
        "stage": made.kind.stage,
        "command": command_of(made),
        "risk": made.kind.risk,
        "undo": made.undo or made.kind.undo,
        "treats": made.treats,
        "findings": list(made.findings),
        "what": made.kind.what,
        "because": made.because,
        "blast_radius": made.kind.radius,
        "outage": made.kind.outage,
        "verify": made.kind.verify,
        "needs_first": list(made.needs_first),
        "allow": list(made.flags),
        "iam": sorted({name for call in made.calls for name in call.iam}),
        "calls": [
            {"operation": call.operation, "params": dict(call.params), "edits": dict(call.edits), "python": call.code}
            for call in made.calls
        ],
        "changes": [
            {"resource": row.resource, "member": row.member, "before": row.before, "after": row.after}
            for row in made.changes
        ],
        "fragments": [
            {"title": row.title, "json": row.json, "terraform": row.terraform, "cloudformation": row.cloudformation}
            for row in made.fragments
        ],
    }


def command_of(made: Action) -> str:
    """Return the commands of an action, one a line."""
    return made.command or "\n".join(call.command for call in made.calls)
