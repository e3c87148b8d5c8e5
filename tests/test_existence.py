"""Whether what a revision names exists: asked only if named, told only if AWS says so, and never by reading a value."""

from datetime import timedelta

import pytest

from ecs_notebook_lib.diagnosis import Outcome
from ecs_notebook_lib.diagnosis.checks import run_checks
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report.existence_tables import named_things_table
from ecs_notebook_lib.simulate import build
from ecs_notebook_lib.simulate.account import SERVICE, TASK_ROLE, register
from ecs_notebook_lib.simulate.model import Program

from .conftest import FAILING, collect, incident_of

ACCOUNT, REGION = "111122223333", "us-east-1"
PROGRAM = Program((2.0, 4.0), {"/health": 200, "/": 200})
MISSING = {
    "image_does_not_exist",
    "secret_does_not_exist",
    "log_group_does_not_exist",
    "file_system_does_not_exist",
    "image_lacks_platform",
    "role_cannot_be_assumed",
    "mount_target_missing",
    "service_discovery_missing",
}
CAPACITY = {
    "capacity_provider_empty",
    "no_container_instances",
    "instance_agents_disconnected",
    "no_instance_has_room",
}
ONLY_IF_NAMED = {
    "autoscaling:DescribeAutoScalingGroups",
    "ecr:DescribePullThroughCacheRules",
    "ecs:DescribeCapacityProviders",
    "ecs:DescribeContainerInstances",
    "ecs:ListContainerInstances",
    "efs:DescribeFileSystems",
    "efs:DescribeMountTargets",
    "service-quotas:ListServiceQuotas",
    "servicediscovery:GetService",
    "ssm:DescribeParameters",
}


def definition_of(world):
    """Return the definition of the examined revision, to be edited."""
    return world.task_definitions[world.scheduler.services[SERVICE].shape["taskDefinition"]]


def container_of(world):
    return definition_of(world)["containerDefinitions"][0]


def image_of(world):
    return container_of(world)["image"]


def inject(world, value_from):
    container_of(world)["secrets"] = [{"name": "SETTINGS", "valueFrom": value_from}]


def look(*changes, refused=()):
    """Return the frames of a healthy world after these edits, and the kinds that the two checks find in it."""
    world = build("clarity-healthy")
    for change in changes:
        change(world)
    world.refused |= set(refused)
    frames = Frames(collect(world))
    results = {row.check: row for row in run_checks(frames)}
    checks = [results["named_things"], results["service_capacity"]]
    return frames, {finding.kind for row in checks for finding in row.findings} - {"image_has_platform"}


def launched_on(world, launch_type):
    world.scheduler.services[SERVICE].shape["launchType"] = launch_type


def state(frames, kind):
    """Return (exists, reason) of the only thing of a kind."""
    [row] = frames.named_things[frames.named_things["kind"] == kind].astype(object).to_dict("records")
    return (None if row["exists"] is not True and row["exists"] is not False else row["exists"]), row["reason"]


# What is gone before the deployment.


def without_image(world):
    world.programs.pop(image_of(world))


def without_secret(world):
    world.access.secrets.clear()


def without_log_group(world):
    container_of(world)["logConfiguration"]["options"]["awslogs-group"] = "/ecs/other"


def for_arm(world):
    world.holdings.platforms[image_of(world)] = ("linux/arm64",)


def trusting(*statements):
    def change(world):
        world.access.roles[TASK_ROLE].trust = {"Version": "2012-10-17", "Statement": list(statements)}

    return change


def allow(service="ecs-tasks.amazonaws.com", **condition):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return statement | ({"Condition": condition} if condition else {})


@pytest.mark.parametrize(
    ("change", "kind", "family"),
    [
        pytest.param(without_image, "image_does_not_exist", "image", id="image"),
        pytest.param(without_secret, "secret_does_not_exist", "secrets_config", id="secret"),
        pytest.param(without_log_group, "log_group_does_not_exist", "secrets_config", id="log-group"),
        pytest.param(for_arm, "image_lacks_platform", "image", id="platform"),
        pytest.param(trusting(allow("ecs.amazonaws.com")), "role_cannot_be_assumed", "permissions", id="trust"),
    ],
)
def test_a_deployment_of_what_is_not_there_is_found_and_its_family_comes_first(change, kind, family):
    world = build("clarity-healthy")
    service = world.scheduler.services[SERVICE]
    service.shape["taskDefinition"] = register(world, SERVICE, 150, PROGRAM, secrets=True)
    change(world)
    world.scheduler.rollout.begin(service, service.shape["taskDefinition"])
    world.run_until(world.now + timedelta(minutes=20))

    diagnosis = Incident(collect(world)).diagnosis

    assert {f.kind for _, f in diagnosis.findings} & MISSING == {kind}
    assert diagnosis.state.status == "failing"
    assert diagnosis.differential[0].family == family
    assert diagnosis.families[family] > 0.8


@pytest.mark.parametrize("name", [*FAILING, "clarity-healthy"])
def test_where_all_is_there_that_is_told_and_nothing_is_missing(name):
    frames = incident_of(name).frames
    [result] = [row for row in run_checks(frames) if row.check == "named_things"]

    assert [finding.kind for finding in result.findings] == ["image_has_platform", "named_things_exist"]
    assert frames.named_things["exists"].all()
    assert list(frames.image_platforms["architecture"]) == ["amd64"]
    assert list(frames.clusters["container_insights"]) == ["disabled"]


# Calls.


@pytest.mark.parametrize("name", [*FAILING, "clarity-healthy"])
def test_nothing_is_asked_that_nobody_names_and_no_value_is_read(name):
    snapshot = incident_of(name).snapshot
    asked = set(snapshot.operations)

    assert not asked & ONLY_IF_NAMED
    assert not [operation for operation in asked if operation.endswith(("GetParameters", "GetSecretValue"))]
    assert [len(snapshot.records(operation)) for operation in ("ecs:DescribeClusters", "ecr:BatchGetImage")] == [1, 1]
    assert len(snapshot.records("ecr:DescribeImages")) <= 2


def test_the_quotas_are_asked_for_once_ecs_says_that_one_is_reached():
    def full(world):
        text = "was unable to place a task. Reason: You\u2019ve reached the limit on the number of vCPUs you can run "
        world.scheduler.tell(world.scheduler.services[SERVICE], text + "concurrently")

    frames, _ = look(full)

    assert list(frames.quotas["value"]) == [6.0, 6.0]


# Images.


def image(reference):
    return lambda world: container_of(world).update(image=reference)


def rule(prefix):
    row = {"ecrRepositoryPrefix": prefix, "upstreamRegistryUrl": "registry-1.docker.io", "registryId": ACCOUNT}
    return lambda world: world.holdings.pull_through_rules.append(row)


def ecr(path, account=ACCOUNT, region=REGION):
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{path}"


@pytest.mark.parametrize(
    ("changes", "exists", "reason"),
    [
        pytest.param([], True, None, id="there"),
        pytest.param([without_image], False, None, id="tag-gone"),
        pytest.param([image(ecr("nothing:1"))], False, None, id="repository-gone"),
        pytest.param([image(ecr("hub/nginx:1")), rule("hub")], None, "pull-through cache rule", id="pulled-through"),
        pytest.param([image(ecr("hubs/nginx:1")), rule("hub")], False, None, id="another-prefix"),
        pytest.param([image("nginx:1")], None, "registry is not one", id="docker-hub"),
        pytest.param([image("public.ecr.aws/nginx/nginx:1")], None, "registry is not one", id="public-ecr"),
        pytest.param([image(ecr("web:1", account="444455556666"))], None, "444455556666", id="another-account"),
        pytest.param([image(ecr("web:1", region="eu-west-1"))], None, "eu-west-1", id="another-region"),
    ],
)
def test_an_image_is_missing_only_if_ecr_says_so(changes, exists, reason):
    frames, kinds = look(*changes)
    told = state(frames, "image")

    assert told[0] is exists
    assert reason is None or reason in told[1]
    assert ("image_does_not_exist" in kinds) == (exists is False)
    assert ("named_things_exist" in kinds) == (exists is True)


def platform(**runtime):
    return lambda world: definition_of(world).update(runtimePlatform=runtime)


def built_for(*platforms):
    return lambda world: world.holdings.platforms.update({image_of(world): platforms})


@pytest.mark.parametrize(
    ("changes", "fires"),
    [
        pytest.param([for_arm], True, id="arm-only-and-no-runtime-platform"),
        pytest.param([for_arm, platform(cpuArchitecture="ARM64")], False, id="arm-on-arm"),
        pytest.param([built_for("linux/amd64"), platform(cpuArchitecture="ARM64")], True, id="amd-on-arm"),
        pytest.param([built_for("linux/amd64", "linux/arm64"), platform(cpuArchitecture="ARM64")], False, id="both"),
        pytest.param([built_for(), platform(cpuArchitecture="ARM64")], False, id="a-single-manifest-does-not-say"),
        pytest.param([platform(operatingSystemFamily="WINDOWS_SERVER_2022_CORE")], True, id="linux-on-windows"),
        pytest.param([for_arm, lambda world: launched_on(world, "EC2")], False, id="the-instances-decide"),
    ],
)
def test_a_platform_is_lacking_only_if_an_index_says_so(changes, fires):
    frames, kinds = look(*changes)

    assert ("image_lacks_platform" in kinds) == fires
    assert len(frames.image_platforms) >= 1


# Secrets, parameters, log groups.

PARAMETER = {"Name": "/web/key", "Type": "SecureString", "Version": 1, "Description": "the key is correct-horse"}


def parameter(world):
    world.holdings.parameters["/web/key"] = PARAMETER


@pytest.mark.parametrize(
    ("value_from", "changes", "exists"),
    [
        pytest.param("/web/key", [parameter], True, id="by-name"),
        pytest.param(f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/web/key", [parameter], True, id="by-arn"),
        pytest.param("/web/key", [], False, id="gone"),
        pytest.param(f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/other", [parameter], False, id="another-one"),
        pytest.param(f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/web/key", [parameter], None, id="another-region"),
        pytest.param("/aws/reference/secretsmanager/x", [], None, id="a-reference-to-a-secret"),
    ],
)
def test_a_parameter_is_looked_for_by_its_name_and_never_read(value_from, changes, exists):
    frames, kinds = look(lambda world: inject(world, value_from), *changes)

    assert state(frames, "parameter")[0] is exists
    assert ("secret_does_not_exist" in kinds) == (exists is False)
    assert not any(b"correct-horse" in lines for lines in frames.snapshot.members.values())


def test_fifty_parameters_are_asked_for_in_one_call():
    rows = [{"name": f"V{n}", "valueFrom": f"/web/{n}"} for n in range(60)]
    frames, kinds = look(lambda world: container_of(world).update(secrets=rows))

    assert len(frames.snapshot.records("ssm:DescribeParameters")) == 2
    assert "secret_does_not_exist" in kinds
    assert (~frames.named_things.set_index("kind").loc["parameter", "exists"]).sum() == 60


def test_a_secret_that_is_about_to_be_deleted_counts_as_gone():
    def deleted(world):
        [secret] = world.access.secrets.values()
        inject(world, secret.arn)
        world.operations["secretsmanager:DescribeSecret"] = lambda _call: {
            "ARN": secret.arn,
            "Name": secret.name,
            "DeletedDate": world.now,
        }

    frames, kinds = look(deleted)

    assert state(frames, "secret")[0] is False
    assert "its deletion is scheduled: 2025-07-12" in frames.named_things.set_index("kind").loc["secret", "detail"]
    assert "secret_does_not_exist" in kinds


def test_a_log_group_that_ecs_makes_itself_is_not_missing():
    def made_at_the_start(world):
        without_log_group(world)
        container_of(world)["logConfiguration"]["options"]["awslogs-create-group"] = "true"

    frames, kinds = look(made_at_the_start)

    assert state(frames, "log_group")[0] is None
    assert not kinds


@pytest.mark.parametrize(
    ("operation", "kind", "change"),
    [
        ("ecr:DescribeImages", "image", without_image),
        ("ecr:DescribePullThroughCacheRules", "image", without_image),
        ("secretsmanager:DescribeSecret", "secret", lambda w: (inject(w, next(iter(w.access.secrets))), w)),
        ("ssm:DescribeParameters", "parameter", lambda w: inject(w, "/web/key")),
        ("efs:DescribeFileSystems", "file_system", lambda w: mounts(w)),
        ("servicediscovery:GetService", "service_discovery_service", lambda w: registered(w)),
        ("ecs:ListContainerInstances", "container_instance", lambda w: launched_on(w, "EC2")),
    ],
)
def test_a_refused_call_leaves_it_open_with_awss_reason(operation, kind, change):
    frames, kinds = look(change, refused=[operation])
    results = {row.check: row for row in run_checks(frames)}
    check = results["service_capacity" if kind == "container_instance" else "named_things"]

    exists, reason = state(frames, kind)
    assert exists is None
    assert "AccessDenied" in reason
    assert not kinds & (MISSING | CAPACITY)
    assert "AccessDenied" in check.reason or check.outcome is Outcome.CLEAR


def test_the_plan_asks_for_the_image_by_its_name():
    world = build("clarity-healthy")
    world.refused |= {"ecr:DescribeImages"}
    plan = {row.check: row.command for row in Incident(collect(world)).diagnosis.plan}

    assert plan["named_things"].endswith("--repository-name clarity-backend --image-ids imageTag=build-141")


def test_an_image_that_is_not_there_is_not_asked_for_by_a_call_that_could_fetch_it():
    frames, _ = look(image(ecr("hub/nginx:1")), rule("hub"))

    assert not frames.snapshot.records("ecr:BatchGetImage")


def test_platforms_that_may_not_be_read_do_not_hide_that_the_image_exists():
    frames, kinds = look(refused=["ecr:BatchGetImage"])

    assert state(frames, "image")[0] is True
    assert kinds == {"named_things_exist"}
    assert frames.gaps["image_platforms"].startswith("AccessDenied")


# File systems, service discovery.


def mounts(world):
    volume = {"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-0123456789abcdef0"}}
    definition_of(world)["volumes"] = [volume]


def file_system(world):
    world.holdings.file_systems["fs-0123456789abcdef0"] = {
        "OwnerId": ACCOUNT,
        "CreationToken": "data",
        "FileSystemId": "fs-0123456789abcdef0",
        "CreationTime": world.now,
        "LifeCycleState": "available",
        "NumberOfMountTargets": 1,
        "SizeInBytes": {"Value": 6144},
        "PerformanceMode": "generalPurpose",
        "Tags": [],
    }


def target(zone, life="available"):
    row = {
        "OwnerId": ACCOUNT,
        "MountTargetId": f"fsmt-{zone}",
        "FileSystemId": "fs-0123456789abcdef0",
        "SubnetId": f"subnet-{zone}",
        "LifeCycleState": life,
        "AvailabilityZoneName": zone,
    }
    return lambda world: world.holdings.mount_targets.append(row)


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        pytest.param([], {"file_system_does_not_exist"}, id="no-file-system"),
        pytest.param([file_system], {"mount_target_missing", "named_things_exist"}, id="no-mount-target"),
        pytest.param(
            [file_system, target("us-east-1a")], {"mount_target_missing", "named_things_exist"}, id="one-zone-lacks-it"
        ),
        pytest.param(
            [file_system, target("us-east-1a"), target("us-east-1b", "creating")],
            {"mount_target_missing", "named_things_exist"},
            id="not-available-yet",
        ),
        pytest.param(
            [file_system, target("us-east-1a"), target("us-east-1b")], {"named_things_exist"}, id="one-in-each-zone"
        ),
    ],
)
def test_a_file_system_needs_a_mount_target_in_each_zone_of_the_tasks(changes, kinds):
    assert look(mounts, *changes)[1] == kinds


def registered(world):
    arn = f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:service/srv-abc"
    world.scheduler.services[SERVICE].shape["serviceRegistries"] = [{"registryArn": arn}]


def test_a_service_discovery_service_that_is_gone_is_found():
    def there(world):
        world.holdings.discovery_services["srv-abc"] = {"Id": "srv-abc", "Name": "web", "Type": "HTTP"}

    assert look(registered)[1] == {"service_discovery_missing", "named_things_exist"}
    assert look(registered, there)[1] == {"named_things_exist"}


# Roles.


def test_what_is_missing_comes_first_in_the_table():
    frames, _ = look(without_image, lambda world: inject(world, f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/a/b"))

    assert list(dict.fromkeys(named_things_table(frames)["exists"])) == ["no", "not known", "yes"]
