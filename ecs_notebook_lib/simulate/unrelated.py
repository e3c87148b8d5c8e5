"""Changes that harm nothing, of the same kinds of things as those that do: what else people do to an account."""

import json
from collections.abc import Callable, Mapping
from random import Random

from ecs_notebook_lib.simulate.access import Secret
from ecs_notebook_lib.simulate.account import allow, policy, role_arn
from ecs_notebook_lib.simulate.network import rule
from ecs_notebook_lib.simulate.plan import Plan
from ecs_notebook_lib.simulate.trail_tables import ApiCall
from ecs_notebook_lib.simulate.varied_account import add_role
from ecs_notebook_lib.simulate.varied_network import group
from ecs_notebook_lib.simulate.world import World

Change = Callable[[World, Plan], None]


def _same_role(world: World, plan: Plan) -> None:
    """Let the same task role do one thing more, by a policy of its own."""
    granted = allow("cloudwatch:PutMetricData")
    world.access.roles[f"{plan.name}-task"].inline["metrics"] = policy(granted)


def _other_role(world: World, plan: Plan) -> None:
    world.access.roles[f"{plan.name}-reports"].inline["read-reports"] = policy(
        allow("s3:GetObject", on=f"arn:{world.partition}:s3:::{plan.name}-{world.account}-reports/*")
    )


def _office_rule(world: World, plan: Plan) -> None:
    office = next(row for row in world.network.security_groups if row["GroupName"] == "office-vpn")
    office["IpPermissions"].append(rule(22, cidr=f"198.51.100.{world.trail.random.randint(1, 60) * 4}/30"))
    del plan


def _retention(world: World, plan: Plan) -> None:
    world.log_groups[f"/ecs/{plan.name}"].retention_days = world.trail.random.choice([14, 60, 90])


def _service_tag(world: World, plan: Plan) -> None:
    arn = world.arn("ecs", f"service/{world.cluster}/{plan.name}")
    world.holdings.tags[arn] = [{"key": "cost-center", "value": str(world.trail.random.randint(1000, 9999))}]


def _maximum(world: World, plan: Plan) -> None:
    limits = {"minCapacity": 1, "maxCapacity": world.trail.random.choice([20, 30, 40])}
    world.holdings.scalable_targets[f"service/{world.cluster}/{plan.name}"] = limits


def _other_service(world: World, plan: Plan) -> None:
    number = world.trail.random.randint(10, 90)
    params = {
        "cluster": world.cluster,
        "service": f"{plan.name}-reports",
        "taskDefinition": world.arn("ecs", f"task-definition/{plan.name}-reports:{number}"),
    }
    world.trail.write(ApiCall("UpdateService", "ecs", params), who=("Deployer", "pipeline"))


def _other_bucket(world: World, plan: Plan) -> None:
    bucket = f"{plan.name}-{world.account}-reports"
    granted = allow("s3:GetObject", on=f"arn:{world.partition}:s3:::{bucket}/*")
    world.access.buckets[bucket] = policy(granted | {"Principal": {"AWS": role_arn(world, "Auditor")}})


def _other_host(world: World, plan: Plan) -> None:
    for listener in world.listeners:
        arn = listener["ListenerArn"].replace(":listener/", ":listener-rule/") + "/5d1ba47e0c9f2a36"
        fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain"}}
        host = f"reports.{plan.name}.example.com"
        row = {
            "RuleArn": arn,
            "Priority": "40",
            "Conditions": [{"Field": "host-header", "Values": [host], "HostHeaderConfig": {"Values": [host]}}],
            "Actions": [fixed],
            "IsDefault": False,
        }
        world.listener_rules.setdefault(listener["ListenerArn"], []).append(row)


def _other_secret(world: World, plan: Plan) -> None:
    arn = world.arn("secretsmanager", f"secret:{plan.name}/reports-b4Tz8W")
    world.trail.write(ApiCall("PutSecretValue", "secretsmanager", {"secretId": arn, "clientRequestToken": "0"}))


def _other_repository(world: World, plan: Plan) -> None:
    name = f"{plan.name}-reports"
    text = json.dumps({"rules": [{"rulePriority": 1, "action": {"type": "expire"}}]})
    world.trail.write(
        ApiCall("PutLifecyclePolicy", "ecr", {"repositoryName": name, "lifecyclePolicyText": text}),
    )


def _other_table(world: World, plan: Plan) -> None:
    """Let a route table that no task uses get a way to a partner's network."""
    params = {"routeTableId": "rtb-0c4d5e6f708192a3b", "destinationCidrBlock": "172.31.0.0/16"}
    peer = {"vpcPeeringConnectionId": "pcx-0a1b2c3d4e5f60718"}
    world.trail.write(ApiCall("CreateRoute", "ec2", params | peer, (("AWS::EC2::RouteTable", params["routeTableId"]),)))
    del plan


IN_ACCOUNT: Mapping[str, Change] = {
    "an extra allow in the same task role": _same_role,
    "a policy of another role": _other_role,
    "a rule for the office in another group": _office_rule,
    "another retention of the log group": _retention,
    "a tag on the service": _service_tag,
    "a higher maximum of scaling": _maximum,
    "another service's deployment": _other_service,
    "another bucket's policy": _other_bucket,
    "a listener rule of another host": _other_host,
    "a new value of another secret": _other_secret,
    "another repository's lifecycle": _other_repository,
    "a route in another table": _other_table,
}
"""What somebody does to the account while the good revision runs."""


def _variable(name: str, *values: str) -> Callable[[Plan, Random], None]:
    def change(plan: Plan, rng: Random) -> None:
        plan.new.environment = [*plan.new.environment, {"name": name, "value": rng.choice(values)}]

    return change


def _label(plan: Plan, rng: Random) -> None:
    plan.new.container["dockerLabels"] = {"build": str(rng.randint(1000, 9999))}


IN_REVISION: Mapping[str, Callable[[Plan, Random], None]] = {
    "another log level": _variable("LOG_LEVEL", "debug", "warning"),
    "one variable more": _variable("FEATURE_SEARCH", "on", "beta"),
    "a label": _label,
}
"""What comes with the same new task definition as the fault."""


def choose(plan: Plan, rng: Random, number: int) -> list[Change]:
    """Return so many changes, no two the same; those of the revision are made in the plan, and not returned."""
    chosen = rng.sample([*IN_ACCOUNT, *IN_REVISION], number)
    for name in chosen:
        if name in IN_REVISION:
            IN_REVISION[name](plan, rng)
    return [IN_ACCOUNT[name] for name in chosen if name in IN_ACCOUNT]


def furnish(world: World, plan: Plan) -> None:
    """Give the account what some of these change: it was there before."""
    add_role(world, f"{plan.name}-reports")
    world.access.buckets[f"{plan.name}-{world.account}-reports"] = None
    arn = world.arn("secretsmanager", f"secret:{plan.name}/reports-b4Tz8W")
    world.access.secrets[arn] = Secret(arn, f"{plan.name}/reports", world.now)
    office = group(world, "sg-0b5e3f9a17c2d4860", "office-vpn", str(world.slots["vpc"]), [])
    world.network.security_groups.append(office)
