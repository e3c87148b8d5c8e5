"""Collectors over the simulated world: they only read, ask each thing once, and turn refusals into gaps."""

import itertools
import json
import subprocess
import sys
import threading
from collections import Counter

import boto3
import botocore.session
import orjson
import pytest

from benchmarks.dependencies import calls_of, fewest
from benchmarks.recorder import moto
from ecs_notebook_lib.collect import Access, Caller, Clients, collect_incident, open_clients
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.errors import AccessError, NotFoundError
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.incident import Incident, simulated_clients
from ecs_notebook_lib.knowledge.metrics import metric_queries
from ecs_notebook_lib.knowledge.operations import least_policy, operations
from ecs_notebook_lib.report import words
from ecs_notebook_lib.simulate import build, install, serve
from ecs_notebook_lib.source import LiveSource

from .conftest import FAILING, collect, environment, incident_of

SERVICES = sorted({name.partition(":")[0] for name in operations()})
WRITING = (
    "Create",
    "Put",
    "Delete",
    "Update",
    "Attach",
    "Detach",
    "Start",
    "Stop",
    "Run",
    "Register",
    "Tag",
    "Set",
    "Add",
)


def test_nothing_in_the_table_of_operations_writes():
    for name, operation in operations().items():
        model = botocore.session.Session().get_service_model(operation.service).operation_model(operation.action)

        assert not operation.action.startswith(WRITING), name
        assert operation.action.startswith(("BatchGet", "Describe", "Get", "List", "Lookup", "Filter", "Simulate")), (
            name
        )
        assert model.name == operation.action
        assert operation.hides
        if operation.batch:
            assert operation.batch in model.input_shape.members


def test_the_policy_allows_exactly_the_table():
    [statement] = least_policy()["Statement"]

    assert set(statement["Action"]) == {operation.iam for operation in operations().values()}
    assert not any("*" in action for action in statement["Action"])


@pytest.mark.parametrize("name", FAILING)
def test_collectors_call_only_what_is_in_the_table(name, clients):
    world = build(name)
    called = Counter()
    plain = world.operations
    world.operations = {op: (lambda call, op=op: called.update([op]) or plain[op](call)) for op in plain}

    collect_incident(clients(world), LiveSource(world.cluster, world.service))

    assert set(called) <= set(operations())


@pytest.mark.parametrize("name", FAILING)
def test_each_fact_is_asked_for_once(name):
    snapshot = incident_of(name).snapshot
    for operation in snapshot.operations:
        asked = [(json.dumps(page["params"], sort_keys=True), page["page"]) for page in snapshot.records(operation)]

        assert len(asked) == len(set(asked)), operation


@pytest.mark.parametrize("name", FAILING)
def test_batches_are_full_and_nothing_is_asked_in_vain(name):
    calls = calls_of(incident_of(name).snapshot)

    assert len(calls) <= 1.1 * sum(fewest(calls).values())


def test_a_branch_does_not_wait_for_what_it_does_not_need():
    """Tasks and logs come only once everything has been asked for that needs neither."""
    world, asked = build("clarity-backend"), set()
    late = ("ecs:DescribeTasks", "logs:GetLogEvents", "logs:FilterLogEvents")
    early = {
        "ec2:DescribeSecurityGroups",
        "ecr:BatchGetImage",
        "elbv2:DescribeRules",
        "iam:GetPolicyVersion",
        "cloudwatch:GetMetricData",
        "s3:GetBucketPolicy",
        "ecs:DescribeClusters",
    }
    plain, all_asked = dict(world.operations), threading.Event()

    def recorded(name):
        def answer(call):
            asked.add(name)
            if early <= asked:
                all_asked.set()
            if name in late:
                assert all_asked.wait(60), f"not asked before tasks and logs are in: {early - asked}"
            return plain[name](call)

        return answer

    world.operations = {name: recorded(name) for name in plain}
    session = simulated_session(world.region)
    install(session, world._wire.respond)  # without the world's lock: one call waits for another
    snapshot = collect_incident(Clients(session), LiveSource(world.cluster, world.service))

    assert early <= set(snapshot.operations)


def test_the_threads_of_a_run_end_with_it(clients):
    world = build("clarity-backend")
    before = set(threading.enumerate())
    caller = Caller(clients(world))
    caller.call("ecs:DescribeServices", cluster=world.cluster, services=[world.service])
    [worker] = set(threading.enumerate()) - before
    del caller
    worker.join(60)

    assert not worker.is_alive()


def test_logs_keep_to_their_budget():
    incident = incident_of("clarity-backend")
    streams = [page["params"]["logStreamName"] for page in incident.snapshot.records("logs:GetLogEvents")]
    by_revision = incident.frames.log_streams.groupby("revision").size()

    assert by_revision.max() <= 6
    assert "clarity-backend:140" in by_revision.index
    assert all(len(page["response"]["events"]) <= 400 for page in incident.snapshot.records("logs:GetLogEvents"))
    assert max(Counter(streams).values()) <= 2
    left_out = incident.coverage.set_index("operation").loc["logs:GetLogEvents", "left_out"]
    assert left_out.startswith("the logs of ")
    assert "logs:GetLogEvents" not in incident.frames.gaps


@pytest.mark.parametrize("name", FAILING)
def test_there_is_none_is_an_answer_and_no_gap(name):
    incident = incident_of(name)
    repository = incident.coverage.set_index("operation").loc["ecr:GetRepositoryPolicy"]

    assert (repository["status"], repository["calls"]) == ("ok", 1)
    assert incident.frames.gaps == {}


@pytest.mark.parametrize("name", FAILING)
def test_no_value_of_the_environment_reaches_the_disk(name):
    members = incident_of(name).snapshot.members

    assert not any(b"correct-horse-battery" in lines for lines in members.values())
    assert b"hmac:" in members["ecs:DescribeTaskDefinition"]
    assert b'"8000"' in members["ecs:DescribeTaskDefinition"]


@pytest.mark.parametrize(
    "operation", [name for name in operations() if name not in ("ecs:ListServices", "ecs:ListClusters")]
)
def test_each_operation_refused_alone_is_a_gap_that_is_told(operation):
    for name in ("clarity-backend", "clarity-permissions-execution"):
        incident = incident_of(name, 0, frozenset({operation}))
        rows = incident.coverage.set_index("operation").loc[operation]
        asked = operation in incident_of(name).snapshot.operations

        document = incident.diagnosis.to_json()

        if asked:
            assert rows["status"] == "denied"
            assert rows["hides"] == operations()[operation].hides
            assert operations()[operation].hides in list(words.gaps_table(incident)["hides"])
        assert abs(sum(document["families"].values()) - 1) < 1e-4


@pytest.mark.parametrize("pair", list(itertools.combinations(SERVICES, 2)), ids="+".join)
def test_every_pair_of_services_refused_ends_the_run_with_its_gaps_told(pair):
    refused = frozenset(name for name in build("clarity-healthy").operations if name.partition(":")[0] in pair)
    incident = incident_of("clarity-backend", 0, refused)
    hidden = incident.coverage[incident.coverage["hides"] != ""]
    asked = {name.partition(":")[0] for name in incident_of("clarity-backend").snapshot.operations}

    status = incident.diagnosis.state.status

    assert set(pair) & {name.partition(":")[0] for name in hidden["operation"]} or not set(pair) & asked
    assert status == ("unknown" if "ecs" in pair else "failing")


@pytest.mark.parametrize("name", [*FAILING, "clarity-healthy"])
def test_the_network_takes_eight_calls_of_ec2_at_most(name):
    snapshot = incident_of(name).snapshot
    calls = sum(len(snapshot.records(one)) for one in snapshot.operations if one.startswith("ec2:"))

    assert 0 < calls <= 8
    assert len(snapshot.records("elbv2:DescribeLoadBalancers")) == 1


def test_a_throttle_past_the_retries_is_a_gap(clients):
    world = build("clarity-backend")
    world.throttled |= {"iam:SimulatePrincipalPolicy"}
    opened = clients(world)
    opened._config = opened._config.merge(type(opened._config)(retries={"total_max_attempts": 1}))

    frames = Frames(collect_incident(opened, LiveSource(world.cluster, world.service)))

    row = frames.coverage.set_index("operation").loc["iam:SimulatePrincipalPolicy"]
    assert (row["status"], row["error"]) == ("throttled", "Throttling: SimulatePrincipalPolicy")


def test_a_time_out_is_a_gap(session):
    from botocore.exceptions import ReadTimeoutError

    def never_answers(request, **_):
        raise ReadTimeoutError(endpoint_url=request.url)

    world = build("clarity-backend")
    made = session(world)
    made.events.register_first("before-send.iam.SimulatePrincipalPolicy", never_answers)
    clients = Clients(made)
    clients._config = clients._config.merge(type(clients._config)(retries={"total_max_attempts": 1}))

    frames = Frames(collect_incident(clients, LiveSource(world.cluster, world.service)))

    row = frames.coverage.set_index("operation").loc["iam:SimulatePrincipalPolicy"]
    assert (row["status"], row["error"]) == ("failed", "ReadTimeoutError: SimulatePrincipalPolicy")
    assert frames.gaps["access"] == "ReadTimeoutError: SimulatePrincipalPolicy"


@pytest.mark.parametrize(
    ("cluster", "service", "words_"),
    [
        ("clarity-backend-cluster", "clarity-backed", "Did you mean: clarity-backend"),
        ("clarity-cluster", "clarity-backend", "Did you mean: clarity-backend-cluster"),
        ("clarity-backend-cluster", "zzz", "Did you mean: clarity-backend"),
    ],
)
def test_a_wrong_name_ends_the_run_with_near_misses(cluster, service, words_):
    with pytest.raises(NotFoundError) as missing:
        collect_incident(simulated_clients(build("clarity-backend")), LiveSource(cluster, service))

    assert words_ in str(missing.value)
    assert "\n" not in str(missing.value)


@pytest.mark.parametrize("name", FAILING)
def test_live_over_http_equals_the_demo_but_for_the_coverage(name):
    world = build(name)
    command = [sys.executable, "-c", "import sys; from ecs_notebook_lib.cli import main; sys.exit(main())"]
    arguments = ["diagnose", f"live:{world.cluster}/{world.service}", "--format", "json", "--quiet"]

    with serve(world.respond, "127.0.0.1") as server:
        live = subprocess.run(
            [*command, *arguments], env=environment(server.url), capture_output=True, text=True, check=False
        )

    assert live.returncode == 3, live.stderr
    document, demo = json.loads(live.stdout), orjson.loads(orjson.dumps(incident_of(name).diagnosis.to_json()))
    document.pop("coverage")
    demo.pop("coverage")
    assert document == demo


def test_without_credentials_or_region_one_line_says_what_to_do(monkeypatch):
    with pytest.raises(AccessError, match="No region is set"):
        open_clients(Access())
    with pytest.raises(AccessError, match="profile"):
        open_clients(Access(profile="nobody", region="us-east-1"))


def test_an_endpoint_that_nobody_answers_ends_the_run_in_one_line():
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
    clients = Clients(session, endpoint_url="http://127.0.0.1:9")
    clients._config = clients._config.merge(type(clients._config)(retries={"total_max_attempts": 1}))

    with pytest.raises(AccessError, match="cannot be reached"):
        collect_incident(clients, LiveSource("c", "s"))


MOTO_ANSWERS = 43
"""Pinned: of the table's operations, those that moto's server answers without an error of its own."""


def test_the_collectors_also_run_against_motos_server(record_property):
    with moto() as url:
        session = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
        made = prepare_moto(session, url)
        answered = {name for name in operations() if answers(session, url, name, made)}
        snapshot = collect_incident(Clients(session, endpoint_url=url), LiveSource("demo", "web"))

    record_property("moto's server answers", f"{len(answered)} of {len(operations())} operations")
    assert len(answered) == MOTO_ANSWERS, sorted(set(operations()) - answered)
    assert Frames(snapshot).services["service_arn"].notna().all()
    assert {"ecs:DescribeServices", "ecs:DescribeTaskDefinition", "iam:GetRole"} <= set(snapshot.operations)
    assert Incident(snapshot).diagnosis.state.status in ("failing", "stabilizing", "unknown", "stable")


def prepare_moto(session, url):
    """Return the names of a service, a role, a bucket and the like that were made in moto."""
    client = {name: session.client(name, endpoint_url=url) for name in (*SERVICES, "ec2")}
    trust = {"Version": "2012-10-17", "Statement": []}
    role = client["iam"].create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    client["iam"].put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=json.dumps(document))
    managed = client["iam"].create_policy(PolicyName="m", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    client["iam"].attach_role_policy(RoleName="web", PolicyArn=managed)
    client["s3"].create_bucket(Bucket="uploads")
    client["s3"].put_bucket_policy(Bucket="uploads", Policy=json.dumps(document))
    secret = client["secretsmanager"].create_secret(Name="s", SecretString="x")["ARN"]
    client["secretsmanager"].put_resource_policy(SecretId=secret, ResourcePolicy=json.dumps(document))
    key = client["kms"].create_key()["KeyMetadata"]["KeyId"]
    client["ecr"].create_repository(repositoryName="web")
    client["ecr"].set_repository_policy(repositoryName="web", policyText=json.dumps(document))
    vpc = client["ec2"].create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = client["elbv2"].create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    group = group["TargetGroups"][0]["TargetGroupArn"]
    subnets = [
        client["ec2"].create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")
        for n, zone in enumerate("ab")
    ]
    subnets = [subnet["Subnet"]["SubnetId"] for subnet in subnets]
    balancer = client["elbv2"].create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    listener = client["elbv2"].create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward
    )["Listeners"][0]["ListenerArn"]
    client["logs"].create_log_group(logGroupName="/ecs/web")
    client["logs"].create_log_stream(logGroupName="/ecs/web", logStreamName="s")
    client["ecs"].create_cluster(clusterName="demo")
    container = {"name": "web", "image": "web:1", "memory": 128, "essential": True}
    definition = client["ecs"].register_task_definition(
        family="web", taskRoleArn=role, executionRoleArn=role, containerDefinitions=[container]
    )["taskDefinition"]["taskDefinitionArn"]
    balancers = [{"targetGroupArn": group, "containerName": "web", "containerPort": 80}]
    client["ecs"].create_service(
        cluster="demo", serviceName="web", taskDefinition=definition, desiredCount=1, loadBalancers=balancers
    )
    made = {
        "role": role,
        "managed": managed,
        "secret": secret,
        "key": key,
        "group": group,
        "definition": definition,
        "balancer": balancer,
        "listener": listener,
        "vpc": vpc,
    }
    file_system = client["efs"].create_file_system(CreationToken="web")["FileSystemId"]
    client["servicediscovery"].create_http_namespace(Name="web")
    [namespace] = client["servicediscovery"].list_namespaces()["Namespaces"]
    discovery = client["servicediscovery"].create_service(Name="web", NamespaceId=namespace["Id"])["Service"]["Id"]
    return made | {"file_system": file_system, "discovery": discovery}


def answers(session, url, name, made):
    """Say whether moto answers this operation without an error."""
    service, _, action = name.partition(":")
    parameters = {
        "ecs:DescribeServices": {"cluster": "demo", "services": ["web"]},
        "ecs:ListServices": {"cluster": "demo"},
        "ecs:ListTasks": {"cluster": "demo", "serviceName": "web"},
        "ecs:DescribeTasks": {"cluster": "demo", "tasks": ["x"]},
        "ecs:DescribeTaskDefinition": {"taskDefinition": made["definition"]},
        "ecs:ListServiceDeployments": {"cluster": "demo", "service": "web"},
        "ecs:DescribeServiceDeployments": {
            "serviceDeploymentArns": ["arn:aws:ecs:us-east-1:1:service-deployment/a/b/c"]
        },
        "ecs:DescribeServiceRevisions": {"serviceRevisionArns": ["arn:aws:ecs:us-east-1:1:service-revision/a/b/1"]},
        "elbv2:DescribeTargetGroups": {"TargetGroupArns": [made["group"]]},
        "elbv2:DescribeTargetHealth": {"TargetGroupArn": made["group"]},
        "elbv2:DescribeTargetGroupAttributes": {"TargetGroupArn": made["group"]},
        "elbv2:DescribeListeners": {"LoadBalancerArn": made["balancer"]},
        "elbv2:DescribeRules": {"ListenerArn": made["listener"]},
        "cloudwatch:GetMetricData": {
            "MetricDataQueries": metric_queries(cluster="demo", service="web", target_groups=[], period=60),
            "StartTime": "2025-07-12T00:00:00Z",
            "EndTime": "2025-07-12T01:00:00Z",
        },
        "elbv2:DescribeLoadBalancers": {},
        "ec2:DescribeVpcAttribute": {"VpcId": made["vpc"], "Attribute": "enableDnsSupport"},
        "logs:GetLogEvents": {"logGroupName": "/ecs/web", "logStreamName": "s"},
        "logs:FilterLogEvents": {"logGroupName": "/ecs/web"},
        "iam:GetRole": {"RoleName": "web"},
        "iam:ListAttachedRolePolicies": {"RoleName": "web"},
        "iam:ListRolePolicies": {"RoleName": "web"},
        "iam:GetRolePolicy": {"RoleName": "web", "PolicyName": "p"},
        "iam:GetPolicy": {"PolicyArn": made["managed"]},
        "iam:GetPolicyVersion": {"PolicyArn": made["managed"], "VersionId": "v1"},
        "iam:SimulatePrincipalPolicy": {"PolicySourceArn": made["role"], "ActionNames": ["s3:GetObject"]},
        "s3:GetBucketPolicy": {"Bucket": "uploads"},
        "secretsmanager:DescribeSecret": {"SecretId": made["secret"]},
        "secretsmanager:GetResourcePolicy": {"SecretId": made["secret"]},
        "kms:GetKeyPolicy": {"KeyId": made["key"], "PolicyName": "default"},
        "ecr:GetRepositoryPolicy": {"repositoryName": "web"},
        "ecr:DescribeImages": {"repositoryName": "web"},
        "ecr:BatchGetImage": {"repositoryName": "web", "imageIds": [{"imageTag": "1"}]},
        "ecs:DescribeClusters": {"clusters": ["demo"], "include": ["SETTINGS", "CONFIGURATIONS"]},
        "ecs:ListContainerInstances": {"cluster": "demo"},
        "ecs:DescribeContainerInstances": {"cluster": "demo", "containerInstances": ["x"]},
        "efs:DescribeMountTargets": {"FileSystemId": made["file_system"]},
        "servicediscovery:GetService": {"Id": made["discovery"]},
        "service-quotas:ListServiceQuotas": {"ServiceCode": "vpc"},
    }
    client = session.client(service, endpoint_url=url)
    try:
        getattr(client, botocore.xform_name(action))(**parameters.get(name, {}))
    except Exception:
        return False
    return True


def test_two_worlds_of_one_seed_are_collected_to_the_same_bytes_but_for_the_mask():
    first, second = (collect(build("clarity-backend", 1)) for _ in range(2))
    masked = {"ecs:DescribeTaskDefinition", "cloudtrail:LookupEvents"}

    assert {n: m for n, m in first.members.items() if n not in masked} == {
        n: m for n, m in second.members.items() if n not in masked
    }


def test_what_a_listener_rule_compares_headers_with_may_be_a_secret_and_is_masked():
    header = {
        "Field": "http-header",
        "HttpHeaderConfig": {"HttpHeaderName": "X-Origin", "Values": ["s3cret", "s3cret"]},
    }
    query = {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "token", "Value": "s3cret"}]}}
    host = {"Field": "host-header", "HostHeaderConfig": {"Values": ["example.com"]}, "Values": ["example.com"]}
    kept = Masker().mask("elbv2:DescribeRules", {"Rules": [{"Conditions": [header, query, host]}]})
    values = kept["Rules"][0]["Conditions"][0]["HttpHeaderConfig"]["Values"]

    assert "s3cret" not in json.dumps(kept)
    assert len(set(values)) == 1
    assert kept["Rules"][0]["Conditions"][2] == host
