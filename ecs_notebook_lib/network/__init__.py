"""Whether a connection gets through a VPC: pure rules over EC2's own rows (ECS_FACTS 6)."""

from ecs_notebook_lib.network.acls import evaluate_acl
from ecs_notebook_lib.network.addresses import Peer
from ecs_notebook_lib.network.endpoints import evaluate_policy
from ecs_notebook_lib.network.groups import EGRESS, INGRESS, evaluate_groups, sources_of
from ecs_notebook_lib.network.path import Balancer, Destination, Hop, Tasks, Vpc, balancer_path, endpoint_path
from ecs_notebook_lib.network.routes import evaluate_exit, route_to
from ecs_notebook_lib.network.verdict import Decision, Verdict, all_of

__all__ = [
    "EGRESS",
    "INGRESS",
    "Balancer",
    "Decision",
    "Destination",
    "Hop",
    "Peer",
    "Tasks",
    "Verdict",
    "Vpc",
    "all_of",
    "balancer_path",
    "endpoint_path",
    "evaluate_acl",
    "evaluate_exit",
    "evaluate_groups",
    "evaluate_policy",
    "route_to",
    "sources_of",
]
