"""Faults of what a task definition names: secrets, parameters, log groups, files. No container runs."""

from ecs_notebook_lib.simulate.account import allow, policy
from ecs_notebook_lib.simulate.conditions import (
    log_group_is_absent,
    mounts_directory,
    names_secret,
    parameter_is_absent,
    reads_file,
    secret_is_absent,
)
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.varied_account import logging_to, resource
from ecs_notebook_lib.simulate.world import World

_PULL = "ResourceInitializationError: unable to pull secrets or registry auth: "
_ASM = f"{_PULL}execution resource retrieval failed: unable to retrieve secret from asm: "
_ONCE = "service call has been retried 1 time(s): "
_CODE = "status code: 400, request id: {request}"
_LOGGER = "ResourceInitializationError: failed to validate logger args: "


def _inject(plan: Plan, name: str, value: str) -> None:
    plan.new.container["secrets"] = [{"name": name, "valueFrom": value}]


def _may_read_all(plan: Plan) -> None:
    """Let the execution role read every secret of the account: it is not permissions."""

    def edit(world: World) -> None:
        on = world.arn("secretsmanager", "secret:*")
        world.access.roles[f"{plan.name}-execution"].inline["application"] = policy(
            allow("secretsmanager:GetSecretValue", on=on),
            allow("ssm:GetParameters", on=world.arn("ssm", "parameter/*")),
        )

    plan.edits.append(edit)


def _secret(plan: Plan, name: str) -> str:
    return f"arn:{plan.partition}:secretsmanager:{plan.region}:{plan.account}:secret:{name}"


def _not_fetched(arn: str, why: str) -> str:
    return f"{_ASM}{_ONCE}failed to fetch secret {arn} from secrets manager: {why}"


def secret_absent(plan: Plan) -> None:
    """Let the new revision name a secret that nobody created, in either of AWS's wordings."""
    arn = _secret(plan, f"{plan.name}/payments-k2Jd9L")
    _inject(plan, "PAYMENTS", arn)
    _may_read_all(plan)
    text = plan.pick(
        [_not_fetched(arn, f"ResourceNotFoundException: Secrets Manager can't find the specified secret. {_CODE}")],
        [
            f"{_ASM}ResourceNotFoundException: The task can't retrieve the secret with ARN '{arn}' from AWS Secrets "
            f"Manager. Check whether the secret exists in the specified Region. {_CODE}"
        ],
    )
    plan.hitch("prepare", text, seconds=(1, 8), given=secret_is_absent(arn))


def secret_empty(plan: Plan) -> None:
    """Let the secret exist without ever having got a value."""
    _may_read_all(plan)
    arn = _secret(plan, f"{plan.name}/settings-x7Kq2P")
    _inject(plan, "SETTINGS", arn)
    text = _not_fetched(
        arn,
        "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: "
        f"AWSCURRENT {_CODE}",
    )
    plan.hitch("prepare", text, seconds=(1, 8), given=names_secret(arn))


def parameter_absent(plan: Plan) -> None:
    """Let the new revision name a parameter that does not exist."""
    name = f"/{plan.name}/{plan.rng.choice(['api-key', 'smtp-password', 'jwt-secret'])}"
    arn = f"arn:{plan.partition}:ssm:{plan.region}:{plan.account}:parameter{name}"
    _inject(plan, "API_KEY", arn)
    _may_read_all(plan)
    where = f"{_PULL}execution resource retrieval failed: unable to retrieve secrets from ssm:"
    text = f"{where} {_ONCE}invalid parameters: {name}"
    text = plan.pick([text], [text.replace(_ONCE, "")])
    plan.hitch("prepare", text, seconds=(1, 8), given=parameter_is_absent(arn, name))


def json_key_absent(plan: Plan) -> None:
    """Let the new revision ask for a key that the secret does not have."""
    key = plan.rng.choice(["STRIPE_KEY", "DB_PASSWORD", "SMTP_URL"])
    ask_for_key(plan, _secret(plan, f"{plan.name}/settings-x7Kq2P"), key)


def ask_for_key(plan: Plan, secret: str, key: str) -> None:
    """Let the new revision ask for a key that a secret, named by its ARN, does not have."""
    reference = f"{secret}:{key}::"
    _inject(plan, key, reference)
    _may_read_all(plan)
    text = f"{_ASM}retrieved secret from Secrets Manager did not contain json key {key}"
    plan.hitch("prepare", text, seconds=(1, 6), given=names_secret(reference))


def not_json(plan: Plan) -> None:
    """Let the new revision ask for a key of a secret that is not JSON."""
    reference = f"{_secret(plan, f'{plan.name}/settings-x7Kq2P')}:TOKEN::"
    _inject(plan, "TOKEN", reference)
    _may_read_all(plan)
    bad = plan.rng.choice(["'p' in literal true (expecting 'r')", "'h' looking for beginning of value"])
    plan.hitch("prepare", f"{_ASM}invalid character {bad}", seconds=(1, 6), given=names_secret(reference))


def version_malformed(plan: Plan) -> None:
    """Let something that is no version stand in the reference's field of the version."""
    arn = _secret(plan, f"{plan.name}/settings-x7Kq2P")
    reference = f"{arn}:TOKEN:AWSCURRENT:1"
    _inject(plan, "TOKEN", reference)
    _may_read_all(plan)
    text = _not_fetched(
        arn, "InvalidParameter: 1 validation error(s) found. - minimum field size of 32, GetSecretValueInput.VersionId."
    )
    plan.hitch("prepare", text, seconds=(1, 6), given=names_secret(reference))


def partial_arn(plan: Plan) -> None:
    """Let the reference lack the six-character suffix, which the role's policy asks for."""
    arn = _secret(plan, f"{plan.name}/settings")
    _inject(plan, "SETTINGS", arn)
    text = _not_fetched(
        arn,
        "AccessDeniedException: User: {execution_session} is not authorized to perform: "
        f"secretsmanager:GetSecretValue on resource: {arn} because no identity-based policy allows the "
        f"secretsmanager:GetSecretValue action {_CODE}",
    )
    plan.hitch("prepare", text, seconds=(1, 6), given=names_secret(arn))

    def suffixed(world: World) -> None:
        granted = allow("secretsmanager:GetSecretValue", on=f"{resource(world, plan, 'secret')[:-6]}??????")
        world.access.roles[f"{plan.name}-execution"].inline["application"] = policy(granted)

    plan.edits.append(suffixed)


def log_group_missing(plan: Plan) -> None:
    """Let the new revision log to a group that does not exist."""
    group = f"/ecs/{plan.name}-{plan.rng.choice(['v2', 'next', 'app'])}"
    plan.prepare.append(lambda world: _log_to(world, plan, group))
    missing = "ResourceNotFoundException: The specified log group does not exist."
    daemon = f"failed to initialize logging driver: failed to create Cloudwatch log stream: {missing} {_CODE}"
    form = plan.rng.random()
    if plan.place == "ec2" or form > 1 - plan.dialect.other / 2:
        text = f"CannotStartContainerError: Error response from daemon: {daemon}"
        plan.hitch("start", text, in_container=True, given=log_group_is_absent)
        return
    once = "create stream has been retried 1 times: failed to create Cloudwatch log stream:"
    text = f"{_LOGGER}{once} {missing} : exit status 1"
    plan.hitch("prepare", text, seconds=(2, 9), given=log_group_is_absent)


def _log_to(world: World, plan: Plan, group: str) -> None:
    plan.new.container["logConfiguration"] = logging_to(world, group)


def env_file_absent(plan: Plan) -> None:
    """Let the new revision name an environment file that is not in its bucket."""
    bucket = f"{plan.name}-{plan.account}-data"
    value = f"arn:{plan.partition}:s3:::{bucket}/{plan.name}.env"
    plan.new.container["environmentFiles"] = [{"value": value, "type": "s3"}]
    text = (
        "ResourceInitializationError: failed to download env files: file download command: non empty error stream: "
        f"{_ONCE}operation error S3: HeadObject, https response error StatusCode: 404, RequestID: 8F4QK2, HostID: 1p0, "
        "api error NotFound: Not Found"
    )
    plan.hitch("prepare", text, seconds=(2, 8), given=reads_file(value))


def directory_absent(plan: Plan) -> None:
    """Let the new revision mount a directory that the file system does not have."""
    file_system = f"fs-0{plan.rng.randrange(16**8, 16**9):x}"
    root = "/exports/media"
    mount(plan, file_system, root)
    plan.prepare.append(lambda world: add_file_system(world, file_system, list(world.zones)))
    text = (
        "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: b'mount.nfs4: "
        "mounting 127.0.0.1:/exports/media failed, reason given by server: No such file or directory' : unsuccessful "
        "EFS utils command execution; code: 32"
    )
    plan.hitch("prepare", text, seconds=(8, 25), given=mounts_directory(file_system, root))


def mount(plan: Plan, file_system: str, root: str = "/") -> None:
    """Let the new revision mount a file system."""
    volume = {"fileSystemId": file_system, "rootDirectory": root, "transitEncryption": "ENABLED"}
    plan.new.definition["volumes"] = [{"name": "media", "efsVolumeConfiguration": volume}]
    plan.new.container["mountPoints"] = [{"sourceVolume": "media", "containerPath": "/media", "readOnly": False}]


def add_file_system(world: World, file_system: str, subnets: list[str]) -> None:
    """Add a file system with mount targets in some subnets."""
    world.holdings.file_systems[file_system] = {
        "OwnerId": world.account,
        "CreationToken": file_system,
        "FileSystemId": file_system,
        "FileSystemArn": world.arn("elasticfilesystem", f"file-system/{file_system}"),
        "CreationTime": world.now,
        "LifeCycleState": "available",
        "NumberOfMountTargets": len(subnets),
        "SizeInBytes": {"Value": 6144},
        "PerformanceMode": "generalPurpose",
        "Tags": [],
    }
    for number, subnet in enumerate(subnets):
        world.holdings.mount_targets.append(
            {
                "OwnerId": world.account,
                "MountTargetId": f"fsmt-0{world.engine.hexadecimal(16)}",
                "FileSystemId": file_system,
                "SubnetId": subnet,
                "LifeCycleState": "available",
                "IpAddress": f"{world.slots['net']}.{number + 1}.250",
                "AvailabilityZoneName": world.zones[subnet],
                "VpcId": world.slots["vpc"],
            }
        )


_MISSING, _MALFORMED, _VOLUME = "secrets_config.missing", "secrets_config.malformed", "secrets_config.volume"
RECIPES = (
    Recipe("secret-absent", _MISSING, "a secret that the revision names does not exist", secret_absent),
    Recipe("secret-empty", _MISSING, "a secret never got a value", secret_empty),
    Recipe("parameter-absent", _MISSING, "a parameter that the revision names does not exist", parameter_absent),
    Recipe("json-key-absent", _MALFORMED, "the secret has no such key", json_key_absent),
    Recipe("secret-not-json", _MALFORMED, "a key is asked of a secret that is not JSON", not_json),
    Recipe("secret-version-malformed", _MALFORMED, "the reference's version is none", version_malformed),
    Recipe("partial-secret-arn", _MALFORMED, "the reference lacks the secret's suffix", partial_arn),
    Recipe("log-group-missing", "secrets_config.log_group", "the log group does not exist", log_group_missing),
    Recipe("env-file-absent", _VOLUME, "an environment file does not exist", env_file_absent, "fargate"),
    Recipe("directory-absent", _VOLUME, "the mounted directory does not exist", directory_absent, "fargate"),
)
