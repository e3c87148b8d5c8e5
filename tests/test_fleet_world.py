"""A simulated fleet: one door before many worlds, of which some fail for shared causes."""

import json
from collections import Counter, defaultdict
from datetime import timedelta
from functools import cache

import boto3
import pytest
from botocore.exceptions import ClientError

from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.collect.incident import collect_incident
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.simulate import build_fleet, install, serve
from ecs_notebook_lib.simulate.fleet_causes import SHARED
from ecs_notebook_lib.simulate.fleet_worlds import KINDS
from ecs_notebook_lib.source import LiveSource

SERVICES, CLUSTERS, FAILING = 48, 8, 18
MERGED = {"cloudtrail:LookupEvents", "ecs:DescribeClusters", "ec2:DescribeSubnets"}
"""Operations that tell of more than one service: others' events and tasks, and addresses that others have."""


@cache
def fleet_of(seed=0):
    return build_fleet(seed, services=SERVICES, clusters=CLUSTERS, failing=FAILING / SERVICES)


def clients_of(respond, account, region):
    key = next(place.access_key for place in fleet_of().places if place.account == account)
    session = simulated_session(region, key)
    install(session, respond)
    return Clients(session)


@cache
def healthy_fleet():
    return build_fleet(5, services=60, clusters=2, failing=0.0)


@cache
def fleet_clients(fleet, account, region):
    return clients_of(fleet.respond, account, region)


def client_of(fleet, service, account, region):
    return fleet_clients(fleet, account, region)._session.client(service)


def collected(clients, key):
    return collect_incident(clients, LiveSource(key[2], key[3]), masker=Masker(b"the same for all"))


def places(fleet):
    return [(place.account, place.region, cluster) for place in fleet.places for cluster in place.clusters]


def rows_of(client, operation, member, **params):
    return [row for page in client.get_paginator(operation).paginate(**params) for row in page[member]]


def first_of(fleet, group, number=0):
    return [key for key, truth in fleet.truth.items() if truth.group == group][number]


def code_of(call, **params):
    with pytest.raises(ClientError) as refused:
        call(**params)
    return refused.value.response["Error"]["Code"]


def test_a_fleet_is_as_large_and_as_ill_as_asked():
    fleet = fleet_of()

    assert len(fleet.worlds) == SERVICES == len(fleet.truth) + len(fleet.kinds)
    assert Counter(truth.group for truth in fleet.truth.values()) == dict.fromkeys(SHARED, FAILING // len(SHARED))
    assert Counter(key[:3] for key in fleet.worlds) == dict.fromkeys(places(fleet), SERVICES // CLUSTERS)
    assert len({key[3] for key in fleet.worlds}) == SERVICES
    assert len({place.account for place in fleet.places}) == 2
    assert {world.now for world in fleet.worlds.values()} == {fleet.now}


@pytest.mark.parametrize(("services", "clusters", "failing"), [(4, 0, 0.0), (2, 4, 0.0), (8, 2, 0.6), (8, 2, -0.1)])
def test_a_fleet_that_cannot_be_is_refused(services, clusters, failing):
    with pytest.raises(ValueError, match="cannot be"):
        build_fleet(services=services, clusters=clusters, failing=failing)


def test_equal_seeds_give_equal_fleets_and_others_do_not():
    def told(seed):
        fleet = build_fleet(seed, services=8, clusters=2, failing=0.25)
        ecs = client_of(fleet, "ecs", fleet.places[0].account, fleet.places[0].region)
        answers = [
            ecs.describe_services(cluster=cluster, services=[key[3] for key in fleet.worlds if key[2] == cluster])
            for cluster in fleet.places[0].clusters
        ]
        return [row["services"] for row in answers], fleet.truth, fleet.kinds

    assert told(3) == told(3)
    assert told(3) != told(4)


# The door.


@pytest.mark.parametrize("size", [100, 5])
def test_pages_of_a_cluster_have_every_service_once(size):
    fleet = fleet_of()
    for account, region, cluster in places(fleet):
        ecs = client_of(fleet, "ecs", account, region)
        arns = rows_of(ecs, "list_services", "serviceArns", cluster=cluster, maxResults=size)

        assert sorted(arn.rpartition("/")[2] for arn in arns) == sorted(
            key[3] for key in fleet.worlds if key[:3] == (account, region, cluster)
        )


def test_tasks_of_a_cluster_are_listed_once_and_described_together():
    fleet = fleet_of()
    account, region, cluster = places(fleet)[0]
    ecs = client_of(fleet, "ecs", account, region)
    worlds = [world for key, world in fleet.worlds.items() if key[:3] == (account, region, cluster)]
    for status in ("RUNNING", "STOPPED"):
        arns = rows_of(ecs, "list_tasks", "taskArns", cluster=cluster, desiredStatus=status, maxResults=40)

        known = [task.shape for world in worlds for task in world.tasks.by_arn.values()]
        assert Counter(arns) == Counter(row["taskArn"] for row in known if row["desiredStatus"] == status)

        some = arns[::-1][:99]
        answer = ecs.describe_tasks(cluster=cluster, tasks=[*some, "0" * 32])
        assert sorted(row["taskArn"] for row in answer["tasks"]) == sorted(some)
        assert [row["reason"] for row in answer["failures"]] == ["MISSING"]
        assert len({row["group"] for row in answer["tasks"]}) > 1


def test_services_are_described_ten_at_a_time_and_what_is_not_there_is_missing():
    fleet = fleet_of()
    account, region, cluster = places(fleet)[3]
    ecs = client_of(fleet, "ecs", account, region)
    here = [key[3] for key in fleet.worlds if key[:3] == (account, region, cluster)]
    elsewhere = next(key[3] for key in fleet.worlds if key[:3] != (account, region, cluster))

    answer = ecs.describe_services(cluster=cluster, services=[*here, elsewhere])

    assert sorted(row["serviceName"] for row in answer["services"]) == sorted(here)
    assert [row["arn"].rpartition("/")[2] for row in answer["failures"]] == [elsewhere]
    assert code_of(ecs.describe_services, cluster=cluster, services=["a"] * 11) == "InvalidParameterException"


def test_limits_of_pages_are_kept_and_unknown_clusters_and_services_are_not_found():
    fleet = fleet_of()
    account, region, cluster = places(fleet)[0]
    ecs = client_of(fleet, "ecs", account, region)

    assert code_of(ecs.list_services, cluster=cluster, maxResults=101) == "InvalidParameterException"
    assert len(ecs.list_services(cluster=cluster)["serviceArns"]) <= 10
    assert code_of(ecs.describe_tasks, cluster=cluster, tasks=["a"] * 101) == "InvalidParameterException"
    assert code_of(ecs.list_services, cluster="nowhere") == "ClusterNotFoundException"
    assert code_of(ecs.list_tasks, cluster=cluster, serviceName="nobody") == "ServiceNotFoundException"
    assert client_of(fleet, "ecs", account, "ap-south-1").list_clusters()["clusterArns"] == []


def test_a_cluster_counts_what_all_its_services_have():
    fleet = fleet_of()
    account, region, cluster = places(fleet)[0]
    answer = client_of(fleet, "ecs", account, region).describe_clusters(clusters=[cluster, "nowhere"])

    shapes = [
        world.scheduler.services[world.service].shape
        for key, world in fleet.worlds.items()
        if key[:3] == (account, region, cluster)
    ]
    [row] = answer["clusters"]
    assert row["activeServicesCount"] == len(shapes)
    assert row["runningTasksCount"] == sum(shape["runningCount"] for shape in shapes)
    assert [row["reason"] for row in answer["failures"]] == ["MISSING"]


def test_a_role_leads_to_the_account_that_it_is_of():
    fleet = fleet_of()
    first, last = fleet.places[0], fleet.places[-1]
    sts = client_of(fleet, "sts", first.account, first.region)
    credentials = sts.assume_role(RoleArn=f"arn:aws:iam::{last.account}:role/Reader", RoleSessionName="night")

    assert sts.get_caller_identity()["Account"] == first.account
    assert credentials["Credentials"]["AccessKeyId"] == last.access_key
    assert client_of(fleet, "sts", last.account, last.region).get_caller_identity()["Account"] == last.account
    elsewhere = {"RoleArn": "arn:aws:iam::999999999999:role/Reader", "RoleSessionName": "night"}
    assert code_of(sts.assume_role, **elsewhere) == "AccessDenied"


def test_batches_over_services_come_back_whole():
    fleet = fleet_of()
    account, region, _ = places(fleet)[0]
    worlds = [world for key, world in fleet.worlds.items() if key[:2] == (account, region)]
    groups = [arn for world in worlds for arn in world.balancer.groups][:20]
    balancers = [row["LoadBalancerArn"] for world in worlds for row in world.load_balancers][:20]
    elbv2 = client_of(fleet, "elbv2", account, region)

    told = elbv2.describe_target_groups(TargetGroupArns=groups)["TargetGroups"]
    assert sorted(row["TargetGroupArn"] for row in told) == sorted(groups)
    assert len(elbv2.describe_load_balancers(LoadBalancerArns=balancers)["LoadBalancers"]) == len(balancers)

    def query(number, world):
        names = {"ClusterName": world.cluster, "ServiceName": world.service}
        dimensions = [{"Name": name, "Value": value} for name, value in names.items()]
        metric = {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Dimensions": dimensions}
        return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}}

    queries = [query(number, world) for number, world in enumerate(worlds)]
    span = {"StartTime": fleet.now - timedelta(hours=1), "EndTime": fleet.now}
    cloudwatch = client_of(fleet, "cloudwatch", account, region)
    results = cloudwatch.get_metric_data(MetricDataQueries=queries, **span)["MetricDataResults"]
    alone = cloudwatch.get_metric_data(MetricDataQueries=queries[-1:], **span)["MetricDataResults"]
    assert sorted(row["Id"] for row in results) == sorted(row["Id"] for row in queries)
    assert alone[0] in results


def test_calls_are_counted_and_those_about_one_service_are_its_own():
    fleet = build_fleet(services=4, clusters=2, failing=0.0)
    account, region, cluster, service = next(iter(fleet.worlds))
    ecs = client_of(fleet, "ecs", account, region)
    everybody = [key[3] for key in fleet.worlds if key[2] == cluster]
    ecs.describe_services(cluster=cluster, services=everybody)
    ecs.list_tasks(cluster=cluster)
    ecs.list_tasks(cluster=cluster, serviceName=service)

    assert fleet.calls == {"ecs:DescribeServices": 1, "ecs:ListTasks": 2}
    assert fleet.calls_by_service == {(account, region, cluster, service): {"ecs:ListTasks": 1}}


def test_a_fleet_is_served_over_http():
    fleet = fleet_of()
    place = fleet.places[-1]
    with serve(fleet.respond, "127.0.0.1") as server:
        key = {"aws_access_key_id": place.access_key, "aws_secret_access_key": "x"}
        ecs = boto3.client("ecs", region_name=place.region, endpoint_url=server.url, **key)
        arns = ecs.list_clusters()["clusterArns"]

    assert [arn.split(":")[4] for arn in arns] == [place.account] * len(place.clusters)


# The failing ones.


@pytest.mark.parametrize("group", SHARED)
def test_a_failing_service_is_told_through_the_fleet_as_by_its_own_world(group):
    fleet = fleet_of()
    key = first_of(fleet, group)
    through = collected(fleet_clients(fleet, *key[:2]), key)
    alone = collected(clients_of(fleet.worlds[key].respond, *key[:2]), key)

    assert through.members.keys() >= alone.members.keys()
    differ = {name for name in alone.members if through.members[name] != alone.members[name]}
    assert differ <= MERGED


@pytest.mark.parametrize("number", range(FAILING // len(SHARED)))
@pytest.mark.parametrize("group", SHARED)
def test_the_kit_finds_the_family_of_each_failing_service(group, number, seed):
    fleet = fleet_of(seed)
    key = first_of(fleet, group, number)
    families = Incident(collected(fleet_clients(fleet, *key[:2]), key)).diagnosis.families

    assert max(families, key=families.get) == fleet.truth[key].cause_family


def shared_thing(fleet, key, group):
    """Return, as AWS tells it, what a service has in common with the others of its group."""
    account, region, _, service = key

    def ask(name):
        return client_of(fleet, name, account, region)

    world = fleet.worlds[key]
    arn = world.scheduler.services[service].past[-1].shape["taskDefinition"]
    definition = ask("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    main = definition["containerDefinitions"][0]
    if group == "nat_gateway":
        subnets = world.scheduler.services[service].past[-1].network["subnets"]
        tables = ask("ec2").describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": subnets}])
        [table] = tables["RouteTables"]
        return next(row["NatGatewayId"] for row in table["Routes"] if row["State"] == "blackhole")
    if group == "rotated_secret":
        return main["secrets"][0]["valueFrom"]
    if group == "base_image":
        repository, _, tag = main["image"].partition("/")[2].partition(":")
        [image] = ask("ecr").batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])["images"]
        return json.loads(image["imageManifest"])["layers"][0]["digest"]
    if group == "shared_role":
        return definition["taskRoleArn"]
    if group == "security_group":
        [name] = world.scheduler.services[service].past[-1].network["securityGroups"]
        [row] = ask("ec2").describe_security_groups(GroupIds=[name])["SecurityGroups"]
        return None if row["IpPermissions"] else name
    events = ask("logs").filter_log_events(logGroupName=f"/ecs/{service}")["events"]
    text = "\n".join(row["message"] for row in events)
    return "platform-db.internal:5432" if "platform-db.internal" in text and "refused" in text.lower() else None


@pytest.mark.parametrize("group", SHARED)
def test_services_of_a_group_share_one_thing_across_clusters(group):
    fleet = fleet_of()
    keys = [key for key, truth in fleet.truth.items() if truth.group == group]
    things = {shared_thing(fleet, key, group) for key in keys}

    assert len(things) == 1
    assert None not in things
    assert len({key[:3] for key in keys}) > 1
    reach = {"region": 2, "account": 1, "all": 0}[SHARED[group].reach]
    assert len({key[:reach] for key in keys}) == 1


def test_the_rollouts_of_failing_services_have_gone_different_ways():
    fleet = fleet_of()
    ways = defaultdict(set)
    for key, truth in fleet.truth.items():
        world = fleet.worlds[key]
        ways[truth.group].add(world.scheduler.services[world.service].past[-1].record["status"])

    assert ways["dependency"] == {"IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "STOPPED"}
    assert all(len(seen) > 1 for seen in ways.values()), ways


@pytest.mark.parametrize(
    ("group", "event"),
    [
        ("nat_gateway", "DeleteNatGateway"),
        ("rotated_secret", "PutSecretValue"),
        ("shared_role", "DeleteRolePolicy"),
        ("security_group", "RevokeSecurityGroupIngress"),
    ],
)
def test_what_broke_a_shared_thing_was_done_once(group, event):
    fleet = fleet_of()
    account, region, _, _ = first_of(fleet, group)
    trail = client_of(fleet, "cloudtrail", account, "us-east-1" if group == "shared_role" else region)
    attribute = [{"AttributeKey": "EventName", "AttributeValue": event}]
    [told] = rows_of(trail, "lookup_events", "Events", LookupAttributes=attribute)
    begun = [
        fleet.worlds[key].scheduler.services[key[3]].past[-1].record["createdAt"]
        for key, truth in fleet.truth.items()
        if truth.group == group
    ]

    assert told["EventTime"] < min(begun)


# The healthy ones.


@pytest.mark.parametrize("kind", KINDS)
def test_healthy_services_of_each_kind_are_well(kind):
    fleet = healthy_fleet()
    keys = [key for key, known in fleet.kinds.items() if known == kind]
    assert keys
    for account, region, cluster, service in keys:
        ecs = client_of(fleet, "ecs", account, region)
        [row] = ecs.describe_services(cluster=cluster, services=[service])["services"]
        young = fleet.now - row["deployments"][0]["createdAt"] < timedelta(minutes=3)

        assert sum(one.get("failedTasks", 0) for one in row["deployments"]) == 0
        assert row["deployments"][0]["rolloutState"] == "COMPLETED" or (kind == "deploying" and young)
        assert row["runningCount"] >= row["desiredCount"] or kind == "deploying"
        assert (row["desiredCount"] == 0) == (kind == "scaled_to_zero")
