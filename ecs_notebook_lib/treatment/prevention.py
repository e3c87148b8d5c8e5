"""What keeps the next deployment from ending like this one. Each is left out where it is in place already."""

import shlex

from ecs_notebook_lib.treatment.action import Action, Fragment
from ecs_notebook_lib.treatment.making import action, deployment_configuration, service_changes, update_service
from ecs_notebook_lib.treatment.situation import Situation
from ecs_notebook_lib.treatment.texts import READINESS

_BEHIND_AN_ENDPOINT = ("health_check", "permissions.task_role", "dependency", "application.error_response")
"""Causes, or families, of which a health endpoint that tests what requests need would have told."""


def careful_deployment(s: Situation) -> Action | None:
    """Let the pipeline's deploy line be followed by a wait that names the cause."""
    if not s.service:
        return None
    cluster, name, both = (shlex.quote(text) for text in (s.cluster, s.name, f"{s.cluster}/{s.name}"))
    deploy = f"aws ecs update-service --cluster {cluster} --service {name} --task-definition NEW"
    wait = f"ecs-notebook wait --cluster {cluster} --services {name} --report reports"
    before = f"ecs-notebook diagnose live:{both} --task-definition NEW"
    because = "AWS's waiter says nothing of the cause, and reports success after a rollback."
    command = f"{before} && {deploy} && {wait}"
    return action(s, "careful_deployment", because, findings=(), command=command)


def deployment_alarms(s: Situation) -> Action | None:
    """Name alarms on the target group that end a rollout; whether one is in ALARM now is asked first."""
    configuration = s.service.get("deploymentConfiguration") or {}
    if not s.service or (configuration.get("alarms") or {}).get("enable") or not s.target_groups:
        return None
    if (s.service.get("deploymentController") or {}).get("type", "ECS") != "ECS":
        return None
    name = f"{s.name}-unhealthy-targets"
    wanted = deployment_configuration(s, alarms={"alarmNames": [name], "enable": True, "rollback": True})
    dimensions = _dimensions(s)
    put = (
        f"aws cloudwatch put-metric-alarm --alarm-name {shlex.quote(name)} --namespace AWS/ApplicationELB "
        f"--metric-name UnHealthyHostCount --dimensions {dimensions} --statistic Maximum --period 60 "
        "--evaluation-periods 3 --threshold 0 --comparison-operator GreaterThanThreshold "
        "--treat-missing-data notBreaching"
    )
    look = shlex.join(["aws", "cloudwatch", "describe-alarms", "--alarm-names", name])
    look = f"{look} --query 'MetricAlarms[].StateValue' --output text"
    command = f'{put}; test "$({look})" = OK && {update_service(s, deploymentConfiguration=wanted).command}'
    changes = service_changes(s, {"deploymentConfiguration": wanted})
    first = (f"the alarm {name} exists, and is OK: one in ALARM makes ECS ignore alarms for the whole rollout",)
    return action(
        s, "deployment_alarms", "No alarm ends a rollout.", command=command, changes=changes, needs_first=first
    )


def _dimensions(s: Situation) -> str:
    [group, *_] = s.target_groups
    own = group["TargetGroupArn"].rpartition(":")[2]
    balancers = [str(arn).partition(":loadbalancer/")[2] for arn in group.get("LoadBalancerArns") or ()]
    given = [f"Name=TargetGroup,Value={own}", *(f"Name=LoadBalancer,Value={name}" for name in balancers[:1])]
    return shlex.join(given)


def readiness_endpoint(s: Situation) -> Action | None:
    """Tell liveness from readiness, where the cause is one that the health endpoint did not tell of."""
    if not any(s.cause == known or s.leading.family == known for known in _BEHIND_AN_ENDPOINT):
        return None
    because = "What requests need failed, and the health endpoint did not tell it apart from a process that is down."
    return action(s, "readiness_endpoint", because, fragments=(READINESS,))


def blue_green(s: Situation) -> Action | None:
    """Deploy blue/green, with what it needs first; where the rolling update is used behind an ALB."""
    configuration = s.service.get("deploymentConfiguration") or {}
    if not s.target_groups or configuration.get("strategy", "ROLLING") != "ROLLING":
        return None
    if (s.service.get("deploymentController") or {}).get("type", "ECS") != "ECS":
        return None
    first = (
        "a second target group of the same VPC and target type",
        "the production listener rule's ARN (of an NLB: the listener's), and one for test traffic if it is wanted",
        "an infrastructure role with AmazonECSInfrastructureRolePolicyForLoadBalancers that trusts ecs.amazonaws.com",
        f"room for {2 * max(1, s.desired)} tasks at once: addresses, capacity, quota",
    )
    wanted = deployment_configuration(s, strategy="BLUE_GREEN", bakeTimeInMinutes=10)
    fragment = Fragment(
        "deploymentConfiguration, and the advanced configuration of the load balancer", json=_advanced(s, wanted)
    )
    because = (
        "The old tasks stay until the new ones have served for a while; LINEAR and CANARY move the traffic in steps."
    )
    return action(s, "blue_green", because, findings=(), fragments=(fragment,), needs_first=first)


def _advanced(s: Situation, configuration: dict[str, object]) -> str:
    import json

    rows = [
        {
            **row,
            "advancedConfiguration": {
                "alternateTargetGroupArn": "ARN-OF-THE-SECOND-TARGET-GROUP",
                "productionListenerRule": "ARN-OF-THE-PRODUCTION-LISTENER-RULE",
                "roleArn": "ARN-OF-THE-INFRASTRUCTURE-ROLE",
            },
        }
        for row in s.service.get("loadBalancers") or ()
    ]
    linear = {
        **configuration,
        "strategy": "LINEAR",
        "linearConfiguration": {"stepPercent": 10.0, "stepBakeTimeInMinutes": 6},
    }
    canary = {
        **configuration,
        "strategy": "CANARY",
        "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10},
    }
    told = {"loadBalancers": rows, "blue/green": configuration, "linear": linear, "canary": canary}
    return json.dumps(told, indent=2, default=str)
