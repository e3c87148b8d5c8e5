"""Somebody else's AWS takes the calls that treatments make: moto's server, as far as it implements them."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from benchmarks.recorder import moto
from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.knowledge.treatments import write_operations
from ecs_notebook_lib.treatment.apply.registering import edited
from ecs_notebook_lib.treatment.apply.things import THINGS, comparable
from ecs_notebook_lib.treatment.apply.whole import Reader
from ecs_notebook_lib.treatment.apply.writer import Writer

NOT_IN_MOTO = {"ecs:StopServiceDeployment", "ecs:UpdateTaskProtection"}
"""Pinned: what moto's server of this lock answers with NotImplemented."""


@pytest.fixture(scope="module")
def account():
    with moto() as url:
        session = boto3.Session(region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
        yield Clients(session, endpoint_url=url), make(session, url)


def make(session, url):
    """Return the parameters of a call of each write operation, on things that were made in moto.

    In a region of their own: what other tests have made in this process is in moto, too.
    """
    client = {name: session.client(name, endpoint_url=url) for name in ("ecs", "elbv2", "ec2", "iam", "logs")}
    vpc = client["ec2"].create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = client["ec2"].create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    target = client["elbv2"].create_target_group(
        Name="web", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", HealthCheckPath="/old"
    )["TargetGroups"][0]["TargetGroupArn"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [allowing("sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"})],
    }
    client["iam"].create_role(RoleName="treated", AssumeRolePolicyDocument=json.dumps(trust))
    client["ecs"].create_cluster(clusterName="demo")
    container = {"name": "web", "image": "web:1", "memory": 128, "essential": True}
    definition = client["ecs"].register_task_definition(family="web", containerDefinitions=[container])
    arn = definition["taskDefinition"]["taskDefinitionArn"]
    client["ecs"].create_service(cluster="demo", serviceName="web", taskDefinition=arn, desiredCount=1)
    permission = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}
    rule = {"GroupId": group, "IpPermissions": [permission]}
    policy = {"RoleName": "treated", "PolicyName": "ecs-notebook-web"}
    document = {"Version": "2012-10-17", "Statement": [allowing("s3:GetObject", Resource="arn:aws:s3:::b/*")]}
    wider = {
        "Version": "2012-10-17",
        "Statement": [allowing("sts:AssumeRole", Principal={"Service": "ecs-tasks.amazonaws.com"})],
    }
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
    return {
        "ecs:UpdateService": {"cluster": "demo", "service": "web", "desiredCount": 2},
        "ecs:StopServiceDeployment": {"serviceDeploymentArn": "arn:aws:ecs:us-east-1:1:service-deployment/demo/web/x"},
        "ecs:RegisterTaskDefinition": {"taskDefinition": arn, "edits": {"containerDefinitions[web].memory": 256}},
        "ecs:UpdateTaskProtection": {"cluster": "demo", "tasks": ["t"], "protectionEnabled": False},
        "elbv2:ModifyTargetGroup": {"TargetGroupArn": target, "HealthCheckPath": "/new"},
        "elbv2:ModifyTargetGroupAttributes": {"TargetGroupArn": target, "Attributes": delay},
        "logs:CreateLogGroup": {"logGroupName": "/ecs/web"},
        "logs:DeleteLogGroup": {"logGroupName": "/ecs/web"},
        "ec2:AuthorizeSecurityGroupIngress": rule,
        "ec2:AuthorizeSecurityGroupEgress": rule,
        "ec2:RevokeSecurityGroupIngress": rule,
        "ec2:RevokeSecurityGroupEgress": rule,
        "iam:PutRolePolicy": {**policy, "PolicyDocument": json.dumps(document)},
        "iam:DeleteRolePolicy": policy,
        "iam:UpdateAssumeRolePolicy": {"RoleName": "treated", "PolicyDocument": json.dumps(wider)},
    }


def allowing(action, **members):
    return {"Effect": "Allow", "Action": action, **members}


def test_every_write_operation_is_asked():
    assert write_operations().keys() == THINGS.keys()


def test_motos_server_takes_the_calls_and_reading_back_shows_each(account):
    clients, params = account
    reader = Reader(clients)
    for operation in [name for name in write_operations() if name not in NOT_IN_MOTO]:
        thing, given = THINGS[operation], params[operation]
        before = thing.observe(reader, given)

        Writer(clients).call(operation, sent(reader, given) if "edits" in given else given)
        now = thing.observe(reader, given)

        assert thing.done(before, now, given), operation
        assert comparable(now) != comparable(before), operation


def sent(reader, params):
    return edited(reader, params["taskDefinition"], params["edits"])


@pytest.mark.parametrize("operation", sorted(NOT_IN_MOTO))
def test_what_moto_does_not_implement_is_pinned(account, operation):
    clients, params = account

    with pytest.raises(ClientError):
        Writer(clients).call(operation, params[operation])
