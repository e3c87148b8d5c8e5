"""Faults of the image: not there, for another processor, refused for being asked too often."""

from ecs_notebook_lib.simulate.conditions import image_is_from, image_is_unpushed, image_lacks_platform, is_amd64
from ecs_notebook_lib.simulate.plan import Plan, Recipe

_CANNOT = "CannotPullContainerError: "


def tag_missing(plan: Plan) -> None:
    """Let the new revision name a tag that was never pushed."""
    plan.new.pushed = False
    resolve = "failed to resolve ref {image}: {image}: not found"
    text = plan.pick(
        [f"{_CANNOT}pull image manifest has been retried 7 time(s): {resolve}"],
        [
            f"{_CANNOT}pull image manifest has been retried 1 time(s): {resolve}",
            f"{_CANNOT}Error response from daemon: manifest for {{image}} not found: manifest unknown: Requested "
            "image not "
            "found",
            f"{_CANNOT}inspect image has been retried 1 time(s): {resolve}",
        ],
    )
    plan.hitch("pull", text, seconds=(1, 8), given=image_is_unpushed)


def repository_missing(plan: Plan) -> None:
    """Let the new revision name a repository that does not exist, or that is private elsewhere."""
    plan.new.pushed = False
    if plan.chance(0.5):
        plan.new.image = f"{plan.account}.dkr.ecr.{plan.region}.{_suffix(plan)}/{plan.name}-svc:1.4.0"
        repository = "repository {registry}/{repository_name} not found: does not exist or no pull access"
        name = "name unknown: The repository with name '{repository_name}' does not exist in the registry"
        text = plan.pick([f"{_CANNOT}API error (404): {repository}"], [f"{_CANNOT}Error response from daemon: {name}"])
    else:
        plan.pull_from_docker_hub(f"example/{plan.name}:1.4.0")
        text = (
            f"{_CANNOT}pull image manifest has been retried 1 time(s): failed to resolve ref {{image}}: pull access "
            "denied, "
            "repository does not exist or may require authorization: server message: insufficient_scope: authorization "
            "failed"
        )
        old = (
            f"{_CANNOT}Error response from daemon: pull access denied for example/{plan.name}, repository does not "
            "exist or "
            "may require 'docker login': denied: requested access to the resource is denied"
        )
        text = plan.pick([text], [old])
    plan.hitch("pull", text, seconds=(1, 8), given=image_is_unpushed)


def _suffix(plan: Plan) -> str:
    return "amazonaws.com.cn" if plan.partition == "aws-cn" else "amazonaws.com"


def no_such_platform(plan: Plan) -> None:
    """Let the pull find no manifest for the task's processor."""
    plan.new.platforms = ("linux/arm64",)
    times = plan.rng.choice([1, 5, 7])
    text = (
        f"{_CANNOT}pull image manifest has been retried {times} time(s): image Manifest does not contain descriptor "
        "matching platform 'linux/amd64'"
    )
    plan.hitch("pull", text, seconds=(1, 8), given=image_lacks_platform)


def exec_format(plan: Plan) -> None:
    """Let the process not be executable on this processor, and say so in the log: exit code 1 or 255."""
    plan.new.platforms = ()
    program = plan.rng.choice(
        ["/usr/local/bin/start", "/bin/bash", "/app/server", "/usr/local/bin/docker-entrypoint.sh"]
    )
    line = plan.pick(
        [f"exec {program}: exec format error"],
        ["standard_init_linux.go:228: exec user process caused: exec format error"],
    )
    plan.dies(plan.rng.choice([1, 1, 255]), [line], seconds=(0.05, 0.3), mute=True, given=is_amd64)
    plan.new.container.pop("healthCheck", None)


def exec_format_unsaid(plan: Plan) -> None:
    """Let the process not be executable on this processor, and print nothing: exit code 255."""
    plan.new.definition["runtimePlatform"] = {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}
    plan.new.platforms = ()
    plan.dies(255, (), seconds=(0.05, 0.3), mute=True, given=is_amd64)
    plan.new.container.pop("healthCheck", None)


def too_many_pulls(plan: Plan) -> None:
    """Let Docker Hub refuse, for it was asked too often."""
    plan.pull_from_docker_hub(plan.rng.choice(["library/nginx", "example/web", "grafana/grafana"]) + ":1.25")
    limit = (
        "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and "
        "upgrading: https://www.docker.com/increase-rate-limit"
    )
    text = plan.pick(
        [
            f"{_CANNOT}inspect image has been retried 5 time(s): httpReaderSeeker: failed open: unexpected status code "
            "https://registry-1.docker.io/v2/library/nginx/manifests/sha256:2bb5: 429 Too Many Requests - Server "
            "message: "
            f"{limit}"
        ],
        [
            f"{_CANNOT}Error response from daemon: {limit}",
            f"{_CANNOT}pull image manifest has been retried 5 time(s): failed to resolve ref {{image}}: unexpected "
            "status "
            "code [manifests 1.25]: 429 Too Many Requests",
        ],
    )
    plan.hitch("pull", text, seconds=(15, 60), given=image_is_from("docker.io/"))


_MISSING, _PLATFORM = "image.missing", "image.platform"
RECIPES = (
    Recipe("tag-missing", _MISSING, "the image's tag was never pushed", tag_missing),
    Recipe("repository-missing", _MISSING, "the image's repository does not exist", repository_missing),
    Recipe("no-such-platform", _PLATFORM, "the image has no manifest for the platform", no_such_platform),
    Recipe("exec-format-error", _PLATFORM, "the program is for another processor, and the log says so", exec_format),
    Recipe("exec-format-unsaid", _PLATFORM, "the program is for another processor: exit code 255", exec_format_unsaid),
    Recipe("too-many-pulls", "image.rate_limit", "Docker Hub refuses further pulls", too_many_pulls),
)
