"""What a resource's own policy says about a task: SimulatePrincipalPolicy cannot tell for roles (ECS_FACTS 7.4)."""

from ecs_notebook_lib.policy.evaluate import (
    Decision,
    Principal,
    Verdict,
    combine,
    evaluate_resource_policy,
    identity_decision,
)
from ecs_notebook_lib.policy.trust import evaluate_trust

__all__ = [
    "Decision",
    "Principal",
    "Verdict",
    "combine",
    "evaluate_resource_policy",
    "evaluate_trust",
    "identity_decision",
]
