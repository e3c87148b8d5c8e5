"""AWS's wire, both directions, against botocore's own serializers and parsers."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from ecs_notebook_lib.simulate import HTTPRequest, build, install, serve
from ecs_notebook_lib.simulate.wire import AWSError, Wire

NOW = datetime(2025, 7, 12, 9, 15, tzinfo=UTC)
SERVICES = (
    "ecs",
    "elbv2",
    "logs",
    "iam",
    "sts",
    "secretsmanager",
    "kms",
    "ecr",
    "ssm",
    "ec2",
    "cloudwatch",
    "cloudtrail",
    "efs",
    "autoscaling",
    "service-quotas",
    "servicediscovery",
    "events",
    "firehose",
    "cloudformation",
)
NOT_IDENTICAL = {"ec2:GetConsoleOutput": "boto3 itself decodes it"}
NOT_SENT_AS_GIVEN = {
    "ec2:RunInstances": "boto3 itself encodes UserData",
    "events:PutEvents": "an EndpointId changes the host that boto3 calls",
    "autoscaling:CreateLaunchConfiguration": "boto3 itself encodes UserData",
}
S3 = ("GetBucketPolicy", "GetBucketLocation", "ListBuckets", "GetBucketAcl", "GetBucketVersioning")


def sample(shape, depth=0, *, sent=False):
    """Return a value of a shape with every member filled, as a caller sends or receives it; depth ends recursion."""
    kind = shape.type_name
    if kind == "structure":
        closed = ("list", "map") if depth < 12 else ("structure", "list", "map")
        flat = [name for name, member in shape.members.items() if member.type_name not in closed]
        names = list(shape.members) if depth < 7 else flat
        if getattr(shape, "is_tagged_union", False):
            names = (flat or names)[:1]
        return {name: sample(shape.members[name], depth + 1, sent=sent) for name in names}
    if kind == "list":
        return [sample(shape.member, depth + 1, sent=sent) for _ in range(2 if depth < 4 else 1)]
    if kind == "map":
        key = shape.key.enum[0] if getattr(shape.key, "enum", None) else "key"
        return {key: sample(shape.value, depth + 1, sent=sent)}
    values = {
        "string": "<text> & \u00fc",
        "integer": 7,
        "long": 1_752_311_700_123,
        "double": 1.5,
        "float": 2.5,
        "boolean": True,
        "timestamp": NOW,
        "blob": b"\x00\x01bytes",
    }
    if kind == "string" and getattr(shape, "enum", None):
        return shape.enum[0]
    if kind == "string" and "olicyDocument" in shape.name and not sent:
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*"}]}
    return values[kind]


def required(shape):
    """Return the members without which a call is refused."""
    return {name: sample(shape.members[name], sent=True) for name in shape.required_members} if shape else {}


def client_for(service, dispatch):
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="AKIA", aws_secret_access_key="x")  # noqa: S106
    install(session, Wire(dispatch, lambda: NOW).respond)
    return session.client(service, config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))


def same(left, right):
    """Compare outputs; an empty list in XML cannot be told from a missing one."""
    return {k: v for k, v in left.items() if v not in ([], {})} == {k: v for k, v in right.items() if v not in ([], {})}


def without_empty(value):
    """Leave out empty structures, which a form cannot carry; the sample has some where it ends a recursion."""
    if isinstance(value, dict):
        kept = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ({}, [])}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("service", SERVICES)
def test_a_sample_of_every_output_shape_comes_back_identical(service):
    model = botocore.session.Session().get_service_model(service)
    outputs = {}
    client = client_for(service, lambda call: outputs[call.operation])
    different = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        if f"{service}:{name}" in NOT_IDENTICAL or operation.auth_type == "none":
            continue
        if operation.has_event_stream_output:
            continue
        outputs[name] = sample(operation.output_shape) if operation.output_shape else {}
        answer = getattr(client, xform_name(name))(**required(operation.input_shape))
        answer.pop("ResponseMetadata")
        if not same(answer, outputs[name]):
            different.append(name)

    assert different == []


@pytest.mark.parametrize("name", S3)
def test_a_sample_of_s3_output_shapes_comes_back_identical(name):
    shape = botocore.session.Session().get_service_model("s3").operation_model(name).output_shape
    output = sample(shape)
    client = client_for("s3", lambda _call: output)

    answer = getattr(client, xform_name(name))(**({} if name == "ListBuckets" else {"Bucket": "uploads"}))
    answer.pop("ResponseMetadata")

    assert answer == output


def test_a_bucket_can_be_asked_for_by_its_head():
    seen = []
    client = client_for("s3", lambda call: seen.append(call) or {"BucketRegion": "eu-central-1"})

    answer = client.head_bucket(Bucket="uploads")

    assert answer["BucketRegion"] == "eu-central-1"
    assert (seen[0].operation, seen[0].params) == ("HeadBucket", {"Bucket": "uploads"})


def test_every_operation_that_the_world_serves_is_in_a_sampled_service():
    served = {name.partition(":")[0] for name in build("clarity-healthy").operations}

    assert served <= {*SERVICES, "s3"}


@pytest.mark.parametrize("service", SERVICES)
def test_what_boto3_sends_arrives_as_it_was_given(service):
    model = botocore.session.Session().get_service_model(service)
    seen = {}
    client = client_for(service, lambda call: seen.update(params=call.params) or {})
    different = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        if f"{service}:{name}" in NOT_SENT_AS_GIVEN or operation.auth_type == "none":
            continue
        if operation.has_event_stream_output:
            continue
        given = sample(operation.input_shape, sent=True) if operation.input_shape else {}
        seen.clear()
        getattr(client, xform_name(name))(**given)
        if without_empty(seen["params"]) != without_empty(given):
            different.append(name)

    assert different == []


def test_an_error_arrives_with_code_message_and_status():
    def refuse(_call):
        raise AWSError("AccessDeniedException", "User: x is not authorized", status=400)

    for service, method in (("ecs", "list_clusters"), ("iam", "list_roles"), ("ec2", "describe_vpcs")):
        with pytest.raises(ClientError) as caught:
            getattr(client_for(service, refuse), method)()

        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
        assert caught.value.response["Error"]["Message"] == "User: x is not authorized"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("service", "method", "code"),
    [("ecs", "list_clusters", "ThrottlingException"), ("elbv2", "describe_load_balancers", "Throttling")],
)
def test_a_throttled_call_is_made_again_by_boto3(service, method, code, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    answers = iter([AWSError(code, "Rate exceeded"), {}])

    def throttle_once(_call):
        answer = next(answers)
        if isinstance(answer, AWSError):
            raise answer
        return answer

    session = boto3.Session(region_name="us-east-1", aws_access_key_id="AKIA", aws_secret_access_key="x")  # noqa: S106
    install(session, Wire(throttle_once, lambda: NOW).respond)

    answer = getattr(session.client(service), method)()

    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


@pytest.mark.parametrize(
    ("service", "method"),
    [("ecs", "list_clusters"), ("iam", "list_roles"), ("ec2", "describe_vpcs"), ("efs", "describe_file_systems")],
)
def test_a_member_that_aws_does_not_have_is_a_bug_of_the_world(service, method):
    client = client_for(service, lambda _call: {"clusterNames": []})

    with pytest.raises(ValueError, match="has no member 'clusterNames'"):
        getattr(client, method)()


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(HTTPRequest("POST", "/", {}, b""), id="not-signed"),
        pytest.param(
            HTTPRequest("GET", "/?Action=x", {"Authorization": "Credential=a/b"}, b"\xff" * 99), id="nonsense"
        ),
        pytest.param(
            HTTPRequest("POST", "/", {"Authorization": "Credential=A/20250712/us-east-1/ecs/aws4_request"}, b"{"),
            id="no-operation",
        ),
        pytest.param(
            HTTPRequest(
                "POST",
                "/",
                {
                    "Authorization": "Credential=A/20250712/us-east-1/ecs/aws4_request",
                    "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListTasks",
                },
                b"[" * 100_000,
            ),
            id="deep-json",
        ),
        pytest.param(
            HTTPRequest("PATCH", "/a/b", {"Authorization": "Credential=A/1/us-east-1/s3/aws4_request"}, b""), id="verb"
        ),
    ],
)
def test_a_bad_request_gets_an_answer_of_awss_own(request_):
    response = build("clarity-healthy").respond(request_)

    assert 400 <= response.status < 500
    assert b"Traceback" not in response.body


def signed(signing_name, **headers):
    scope = f"AWS4-HMAC-SHA256 Credential=A/20250712/us-east-1/{signing_name}/aws4_request"
    return {"Authorization": scope, **{name.replace("_", "-"): value for name, value in headers.items()}}


def form(signing_name, body):
    return HTTPRequest("POST", "/", signed(signing_name, Content_Type="application/x-www-form-urlencoded"), body)


def target(signing_name, operation, body):
    return HTTPRequest("POST", "/", signed(signing_name, X_Amz_Target=f"X.{operation}"), body)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        pytest.param(HTTPRequest("GET", "http://[", signed("s3"), b""), b"InvalidURI", id="url"),
        pytest.param(form("iam", b""), b"MissingAction", id="form-without-action"),
        pytest.param(form("ec2", b"Action=Nope"), b"InvalidAction", id="unknown-action"),
        pytest.param(form("iam", b"Action=GetRole"), b"MissingParameter", id="form-without-required"),
        pytest.param(form("ec2", b"Action=DescribeVpcs&Filter.1=Name"), b"MalformedInput", id="text-for-structure"),
        pytest.param(form("ec2", b"Action=DescribeVpcs&MaxResults=z"), b"MalformedInput", id="text-for-number"),
        pytest.param(form("iam", b"Action=GetRole&RoleName.a=1"), b"MalformedInput", id="structure-for-text"),
        pytest.param(form("iam", b"Action=CreateRole&Tags=Key"), b"MalformedInput", id="text-for-list"),
        pytest.param(form("iam", b"Action=CreateRole&Tags.member=Key"), b"MalformedInput", id="text-for-elements"),
        pytest.param(target("ecs", "DescribeTasks", b'{"tasks": "abc"}'), b"SerializationException", id="json-list"),
        pytest.param(target("ecs", "DescribeTasks", b'{"tasks": [{}]}'), b"SerializationException", id="json-text"),
        pytest.param(target("ecs", "DescribeTasks", b'{"tasks": null}'), b"ValidationException", id="json-null"),
        pytest.param(
            target("cloudtrail", "LookupEvents", b'{"StartTime": 1e17}'), b"SerializationException", id="year"
        ),
        pytest.param(HTTPRequest("GET", "/?max-buckets=z", signed("s3"), b""), b"InvalidArgument", id="query-number"),
        pytest.param(
            HTTPRequest("GET", "/b/k", signed("s3", If_Modified_Since="z"), b""), b"InvalidArgument", id="date"
        ),
        pytest.param(HTTPRequest("PUT", "/b?tagging", signed("s3"), b"<a>"), b"MalformedXML", id="xml"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_in_awss_words_and_never_raises(request_, code):
    response = Wire(lambda _call: {}, lambda: NOW).respond(request_)

    assert response.status == 400
    assert code in response.body


def test_a_list_in_a_form_with_an_absurd_number_is_read():
    seen = []
    wire = Wire(lambda call: seen.append(call.params) or {}, lambda: NOW)

    wire.respond(form("ec2", b"Action=DescribeVpcs&VpcId." + b"9" * 5000 + b"=vpc-1"))

    assert seen == [{"VpcIds": ["vpc-1"]}]


@contextmanager
def connected():
    with (
        serve(Wire(lambda _call: {}, lambda: NOW).respond, "127.0.0.1") as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection,
    ):
        yield connection


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        pytest.param(b"POST / HTTP/1.1\r\nX-Big: " + b"a" * 65_530, 431, b"RequestHeaderSectionTooLarge", id="header"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 99999999999", 413, b"RequestEntityTooLarge", id="body"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: -5", 411, b"MissingContentLength", id="negative-length"),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked", 411, b"MissingContentLength", id="chunked"),
        pytest.param(b"\x16\x03\x01", 400, b"BadRequest", id="not-http"),
        pytest.param(b"POST / HTTP/1.1", 403, b"MissingAuthenticationToken", id="not-signed"),
    ],
)
def test_what_is_no_request_for_the_server_gets_an_answer_of_awss_shape(lines, status, code):
    with connected() as connection:
        connection.sendall(lines + b"\r\n\r\n")
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/x-amz-json-1.1" in answer
    assert code in answer


def test_a_connection_is_kept_and_a_client_may_wait_for_a_go_ahead():
    ask = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
    with connected() as connection:
        answers = connection.makefile("rb")
        for _ in range(2):
            connection.sendall(ask)
            assert answers.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert answers.readline() == b"\r\n"
            assert answers.readline().startswith(b"HTTP/1.1 403 ")
            headers = dict(line.split(b": ") for line in iter(answers.readline, b"\r\n"))
            assert len(answers.read(int(headers[b"Content-Length"]))) > 0


@pytest.fixture(scope="module")
def served():
    world = build("clarity-backend")
    with serve(world.respond, "127.0.0.1") as server:
        yield world, server.url


def aws(url, *arguments):
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
    }
    command = str(Path(sys.executable).parent / "aws")
    return subprocess.run([command, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_the_aws_command_prints_what_the_story_asked_for(served):
    world, url = served
    where = ("--cluster", world.cluster)
    tasks = aws(url, "ecs", "list-tasks", *where, "--service-name", world.service, "--output", "text").stdout.split()
    group = next(arn for arn in world.balancer.groups if world.service in arn)
    role = f"arn:aws:iam::{world.account}:role/clarity-backend-task"

    services = aws(url, "ecs", "describe-services", *where, "--services", world.service)
    described = aws(url, "ecs", "describe-tasks", *where, "--tasks", tasks[1])
    health = aws(url, "elbv2", "describe-target-health", "--target-group-arn", group)
    group_name, since = "/ecs/clarity-backend", str(int((world.now - timedelta(minutes=3)).timestamp() * 1000))
    logs = aws(url, "logs", "filter-log-events", "--log-group-name", group_name, "--start-time", since)
    simulated = aws(
        url, "iam", "simulate-principal-policy", "--policy-source-arn", role, "--action-names", "dynamodb:GetItem"
    )

    assert '"rolloutState": "IN_PROGRESS"' in services.stdout
    assert '"lastStatus":' in described.stdout
    assert '"State": "draining"' in health.stdout
    assert "Uvicorn running on" in logs.stdout
    assert '"EvalDecision": "implicitDeny"' in simulated.stdout


def test_the_waiter_fails_with_the_chief_complaint_word_for_word(served):
    from botocore.exceptions import WaiterError

    world, url = served
    client = boto3.client(
        "ecs",
        region_name=world.region,
        endpoint_url=url,
        aws_access_key_id="simulated",
        aws_secret_access_key="simulated",  # noqa: S106
    )

    with pytest.raises(WaiterError) as failed:
        client.get_waiter("services_stable").wait(
            cluster=world.cluster, services=[world.service], WaiterConfig={"Delay": 0, "MaxAttempts": 40}
        )

    assert str(failed.value).startswith("Waiter ServicesStable failed: Max attempts exceeded")


def test_time_passes_as_fast_as_it_is_asked_to(monkeypatch):
    from ecs_notebook_lib.simulate import pace

    world = build("clarity-backend")
    start, clock = world.now, iter([100.0, 100.0, 101.5])
    monkeypatch.setattr(pace.time, "monotonic", lambda: next(clock))
    respond = pace.paced(world, 20)

    respond(HTTPRequest("POST", "/", {}, b""))
    respond(HTTPRequest("POST", "/", {}, b""))

    assert world.now - start == timedelta(seconds=30)
