"""Who makes a call that AWS refused: the table `callers.toml`."""

from ecs_notebook_lib.knowledge.tables import read_table


def is_call_of_ecs(action: str) -> bool:
    """Say whether ECS makes this call with its own role, e.g. `elasticloadbalancing:RegisterTargets`."""
    return action.partition(":")[0] in read_table("callers")["ecs"]


def is_call_of_deployer(action: str, principal: str = "") -> bool:
    """Say whether whoever deploys makes this call, e.g. `ecs:UpdateService`; a session named after a task is a task's.

    ECS gives the credentials of a task a session whose name is the task's id.
    """
    session = principal.rpartition("/")[2]
    of_task = len(session) == 32 and session.isalnum()
    return action in read_table("callers")["deployer"] and not of_task
