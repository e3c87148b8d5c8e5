"""The service, its deployments, its events and what each revision runs: frames of Amazon ECS's configuration."""

from ecs_notebook_lib.frames.columns import COUNT, TEXT, TRUTH, UTC_TIME, Column, FrameSchema

_SERVICE = "services[]."
_DEPLOYMENT = "services[].deployments[]."

SERVICES = FrameSchema(
    "services",
    "ecs:DescribeServices",
    rows="One row: the service as last seen. Empty means that DescribeServices was refused.",
    key=("service_arn",),
    columns=(
        Column("service_arn", TEXT, f"{_SERVICE}serviceArn", "Full ARN of the service."),
        Column("status", TEXT, f"{_SERVICE}status", "ACTIVE, DRAINING or INACTIVE."),
        Column("task_definition", TEXT, f"{_SERVICE}taskDefinition", "ARN that the service is to run."),
        Column("desired_count", COUNT, f"{_SERVICE}desiredCount", "Tasks that should run."),
        Column("running_count", COUNT, f"{_SERVICE}runningCount", "Tasks in RUNNING, of any revision."),
        Column("pending_count", COUNT, f"{_SERVICE}pendingCount", "Tasks on their way to RUNNING."),
        Column(
            "launch_type", TEXT, f"{_SERVICE}launchType", "FARGATE, EC2 or EXTERNAL; missing with capacity providers."
        ),
        Column(
            "minimum_healthy_percent",
            COUNT,
            f"{_SERVICE}deploymentConfiguration.minimumHealthyPercent",
            "Of the desired count, must stay healthy in a rolling update, rounded up. [%]",
        ),
        Column(
            "maximum_percent",
            COUNT,
            f"{_SERVICE}deploymentConfiguration.maximumPercent",
            "Of the desired count, may run or be pending in a rolling update, rounded down. [%]",
        ),
        Column(
            "circuit_breaker_enabled",
            TRUTH,
            f"{_SERVICE}deploymentConfiguration.deploymentCircuitBreaker.enable",
            "Whether ECS ends a rollout whose tasks keep failing; missing reads as off.",
        ),
        Column(
            "circuit_breaker_rollback",
            TRUTH,
            f"{_SERVICE}deploymentConfiguration.deploymentCircuitBreaker.rollback",
            "Whether it then returns to the last completed deployment.",
        ),
        Column(
            "strategy", TEXT, f"{_SERVICE}deploymentConfiguration.strategy", "ROLLING, BLUE_GREEN, LINEAR or CANARY."
        ),
        Column(
            "bake_time_minutes",
            COUNT,
            f"{_SERVICE}deploymentConfiguration.bakeTimeInMinutes",
            "How long both revisions run once the traffic has moved. [min]",
        ),
        Column(
            "alarms_enabled", TRUTH, f"{_SERVICE}deploymentConfiguration.alarms.enable", "Whether alarms end a rollout."
        ),
        Column("scheduling_strategy", TEXT, f"{_SERVICE}schedulingStrategy", "REPLICA or DAEMON."),
        Column("deployment_controller", TEXT, f"{_SERVICE}deploymentController.type", "ECS, CODE_DEPLOY or EXTERNAL."),
        Column(
            "health_check_grace_period_seconds",
            COUNT,
            f"{_SERVICE}healthCheckGracePeriodSeconds",
            "How long unhealthy checks are ignored after a task first started. [s]",
        ),
    ),
)

SERVICE_LOAD_BALANCERS = FrameSchema(
    "service_load_balancers",
    "ecs:DescribeServices",
    rows="One row a target group of the service, with the container that answers it. Empty: refused, or there is none.",
    columns=(
        Column("service_arn", TEXT, f"{_SERVICE}serviceArn", "Full ARN of the service."),
        Column("target_group_arn", TEXT, f"{_SERVICE}loadBalancers[].targetGroupArn", "ARN of the target group."),
        Column("container", TEXT, f"{_SERVICE}loadBalancers[].containerName", "Container that takes the requests."),
        Column("container_port", COUNT, f"{_SERVICE}loadBalancers[].containerPort", "Port that it takes them on."),
    ),
)

DEPLOYMENTS = FrameSchema(
    "deployments",
    "ecs:DescribeServices",
    rows="One row a deployment that the service still lists, newest first. Empty means refused, or another controller.",
    key=("deployment_id",),
    columns=(
        Column("deployment_id", TEXT, f"{_DEPLOYMENT}id", "`ecs-svc/…`; what its tasks carry in `started_by`."),
        Column("status", TEXT, f"{_DEPLOYMENT}status", "PRIMARY (newest), ACTIVE (being replaced) or INACTIVE."),
        Column("rollout_state", TEXT, f"{_DEPLOYMENT}rolloutState", "IN_PROGRESS, COMPLETED or FAILED."),
        Column("rollout_state_reason", TEXT, f"{_DEPLOYMENT}rolloutStateReason", "ECS's own sentence on the state."),
        Column("task_definition", TEXT, f"{_DEPLOYMENT}taskDefinition", "ARN of the revision that it rolls out."),
        Column("revision", TEXT, "", "`family:number` of the task definition."),
        Column("desired_count", COUNT, f"{_DEPLOYMENT}desiredCount", "Tasks that this deployment should run."),
        Column("pending_count", COUNT, f"{_DEPLOYMENT}pendingCount", "Its tasks on their way to RUNNING."),
        Column("running_count", COUNT, f"{_DEPLOYMENT}runningCount", "Its tasks in RUNNING."),
        Column(
            "failed_tasks",
            COUNT,
            f"{_DEPLOYMENT}failedTasks",
            "Consecutive failures; back to 0 once a task runs, so 0 does not prove that nothing failed.",
        ),
        Column("created_at", UTC_TIME, f"{_DEPLOYMENT}createdAt", "When the rollout began."),
        Column("updated_at", UTC_TIME, f"{_DEPLOYMENT}updatedAt", "When it last changed."),
    ),
)

EVENTS = FrameSchema(
    "events",
    "ecs:DescribeServices",
    rows="One row a service event, newest first. ECS keeps 100 and hides repeats for 6 hours: silence is no recovery.",
    key=("event_id",),
    remembers=True,
    columns=(
        Column("event_id", TEXT, f"{_SERVICE}events[].id", "Id of the event."),
        Column("created_at", UTC_TIME, f"{_SERVICE}events[].createdAt", "When ECS wrote it."),
        Column("message", TEXT, f"{_SERVICE}events[].message", "ECS's own sentence, verbatim."),
        Column("kind", TEXT, "", "What the sentence means, by `knowledge/messages`; missing if it is not known."),
        Column("deployment_id", TEXT, "", "The deployment that it names; missing if it names none."),
        Column("target_group", TEXT, "", "The target group that it names; missing if it names none."),
        Column("reason", TEXT, "", "The reason that it quotes, e.g. the load balancer's; missing if it quotes none."),
        Column("origin", TEXT, "@origin", "Where this was told: live, store (of history), or event."),
    ),
)

_PAST = "serviceDeployments[]."

SERVICE_DEPLOYMENTS = FrameSchema(
    "service_deployments",
    "ecs:DescribeServiceDeployments",
    needs=("ecs:ListServiceDeployments", "ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions"),
    rows="One row a service deployment of the last 90 days, newest first. Empty: refused, or none was made since then.",
    key=("service_deployment_arn",),
    columns=(
        Column("service_deployment_arn", TEXT, f"{_PAST}serviceDeploymentArn", "Full ARN."),
        Column("status", TEXT, f"{_PAST}status", "SUCCESSFUL, STOPPED, ROLLBACK_SUCCESSFUL, IN_PROGRESS, …"),
        Column("status_reason", TEXT, f"{_PAST}statusReason", "ECS's own sentence on the status."),
        Column("created_at", UTC_TIME, f"{_PAST}createdAt", "When it was asked for."),
        Column("started_at", UTC_TIME, f"{_PAST}startedAt", "When it began."),
        Column("finished_at", UTC_TIME, f"{_PAST}finishedAt", "When it ended; missing while it goes on."),
        Column("service_revision_arn", TEXT, f"{_PAST}targetServiceRevision.arn", "The service revision it rolls out."),
        Column("revision", TEXT, "", "`family:number` of its task definition; missing if revisions were refused."),
        Column(
            "minimum_healthy_percent",
            COUNT,
            f"{_PAST}deploymentConfiguration.minimumHealthyPercent",
            "As it was for this deployment. [%]",
        ),
        Column("maximum_percent", COUNT, f"{_PAST}deploymentConfiguration.maximumPercent", "As it was then. [%]"),
        Column("circuit_breaker_status", TEXT, f"{_PAST}deploymentCircuitBreaker.status", "MONITORING, TRIGGERED, …"),
        Column("failure_count", COUNT, f"{_PAST}deploymentCircuitBreaker.failureCount", "Failures counted."),
        Column("threshold", COUNT, f"{_PAST}deploymentCircuitBreaker.threshold", "Failures at which it opens."),
    ),
)

SERVICE_REVISIONS = FrameSchema(
    "service_revisions",
    "ecs:DescribeServiceRevisions",
    needs=("ecs:ListServiceDeployments", "ecs:DescribeServiceRevisions"),
    rows="One row a service revision that a service deployment rolled out.",
    key=("service_revision_arn",),
    columns=(
        Column("service_revision_arn", TEXT, "serviceRevisions[].serviceRevisionArn", "Full ARN."),
        Column("task_definition", TEXT, "serviceRevisions[].taskDefinition", "ARN of its task definition."),
        Column("created_at", UTC_TIME, "serviceRevisions[].createdAt", "When it was made."),
    ),
)

_TASK_DEFINITION = "taskDefinition."
_CONTAINER = "taskDefinition.containerDefinitions[]."

TASK_DEFINITIONS = FrameSchema(
    "task_definitions",
    "ecs:DescribeTaskDefinition",
    rows="One row a revision that the service's deployments or tasks name.",
    key=("task_definition",),
    columns=(
        Column("task_definition", TEXT, f"{_TASK_DEFINITION}taskDefinitionArn", "Full ARN."),
        Column("revision", TEXT, "", "`family:number`."),
        Column("status", TEXT, f"{_TASK_DEFINITION}status", "ACTIVE, or INACTIVE once deregistered."),
        Column("registered_at", UTC_TIME, f"{_TASK_DEFINITION}registeredAt", "When it was registered."),
        Column("task_role_arn", TEXT, f"{_TASK_DEFINITION}taskRoleArn", "Role of the application."),
        Column("execution_role_arn", TEXT, f"{_TASK_DEFINITION}executionRoleArn", "Role of ECS before the container."),
        Column("network_mode", TEXT, f"{_TASK_DEFINITION}networkMode", "awsvpc, bridge, host or none."),
        Column("cpu", TEXT, f"{_TASK_DEFINITION}cpu", "CPU of the task. [units of 1/1024 vCPU]"),
        Column("memory", TEXT, f"{_TASK_DEFINITION}memory", "Memory of the task. [MiB]"),
        Column(
            "cpu_architecture",
            TEXT,
            f"{_TASK_DEFINITION}runtimePlatform.cpuArchitecture",
            "X86_64 or ARM64; missing reads as X86_64 on Fargate.",
        ),
        Column(
            "operating_system_family",
            TEXT,
            f"{_TASK_DEFINITION}runtimePlatform.operatingSystemFamily",
            "LINUX, WINDOWS_SERVER_…; missing reads as LINUX.",
        ),
    ),
)

CONTAINER_DEFINITIONS = FrameSchema(
    "container_definitions",
    "ecs:DescribeTaskDefinition",
    rows="One row a container of a revision.",
    key=("task_definition", "container"),
    columns=(
        Column("task_definition", TEXT, f"{_TASK_DEFINITION}taskDefinitionArn", "ARN of the revision."),
        Column("container", TEXT, f"{_CONTAINER}name", "Name of the container."),
        Column("image", TEXT, f"{_CONTAINER}image", "Image reference."),
        Column("essential", TRUTH, f"{_CONTAINER}essential", "Whether the task stops when it stops."),
        Column("memory", COUNT, f"{_CONTAINER}memory", "Hard limit; missing means the task's. [MiB]"),
        Column("log_driver", TEXT, f"{_CONTAINER}logConfiguration.logDriver", "awslogs, awsfirelens, …"),
        Column("log_group", TEXT, f"{_CONTAINER}logConfiguration.options.awslogs-group", "Log group of awslogs."),
        Column(
            "log_stream_prefix",
            TEXT,
            f"{_CONTAINER}logConfiguration.options.awslogs-stream-prefix",
            "Its stream prefix.",
        ),
        Column("start_period", COUNT, f"{_CONTAINER}healthCheck.startPeriod", "Grace of its own check. [s]"),
        Column("check_interval", COUNT, f"{_CONTAINER}healthCheck.interval", "Between two of its own checks. [s]"),
    ),
)

PORT_MAPPINGS = FrameSchema(
    "port_mappings",
    "ecs:DescribeTaskDefinition",
    rows="One row a port that a container of a revision opens.",
    columns=(
        Column("task_definition", TEXT, f"{_TASK_DEFINITION}taskDefinitionArn", "ARN of the revision."),
        Column("container", TEXT, f"{_CONTAINER}name", "Name of the container."),
        Column("container_port", COUNT, f"{_CONTAINER}portMappings[].containerPort", "Port inside the container."),
        Column("host_port", COUNT, f"{_CONTAINER}portMappings[].hostPort", "Port of the host; 0 or missing is any."),
    ),
)

HEALTH_CHECK_COMMANDS = FrameSchema(
    "health_check_commands",
    "ecs:DescribeTaskDefinition",
    rows="One row a word of a container's own health check; empty if no container of a revision has one.",
    columns=(
        Column("task_definition", TEXT, f"{_TASK_DEFINITION}taskDefinitionArn", "ARN of the revision."),
        Column("container", TEXT, f"{_CONTAINER}name", "Name of the container."),
        Column("word", TEXT, f"{_CONTAINER}healthCheck.command[]", "CMD or CMD-SHELL, then the command."),
    ),
)

SECRETS = FrameSchema(
    "secrets",
    "ecs:DescribeTaskDefinition",
    rows="One row a secret or parameter that ECS injects into a container of a revision.",
    key=("task_definition", "container", "name"),
    columns=(
        Column("task_definition", TEXT, f"{_TASK_DEFINITION}taskDefinitionArn", "ARN of the revision."),
        Column("container", TEXT, f"{_CONTAINER}name", "Name of the container."),
        Column("name", TEXT, f"{_CONTAINER}secrets[].name", "Environment variable."),
        Column("value_from", TEXT, f"{_CONTAINER}secrets[].valueFrom", "ARN or name of the secret or parameter."),
    ),
)

ENVIRONMENT = FrameSchema(
    "environment",
    "ecs:DescribeTaskDefinition",
    rows="One row an environment variable of a container of a revision.",
    key=("task_definition", "container", "name"),
    columns=(
        Column("task_definition", TEXT, f"{_TASK_DEFINITION}taskDefinitionArn", "ARN of the revision."),
        Column("container", TEXT, f"{_CONTAINER}name", "Name of the container."),
        Column("name", TEXT, f"{_CONTAINER}environment[].name", "Name of the variable."),
        Column(
            "value", TEXT, f"{_CONTAINER}environment[].value", "`hmac:…`, equal where values are equal; ARNs plain."
        ),
    ),
)

SERVICE_ACTIONS = FrameSchema(
    "service_actions",
    "eventbridge:Event",
    rows="One row an event that ECS sent to EventBridge about the service or a deployment of it, oldest first. Only a "
    "store that such events were read into has them: empty says nothing.",
    key=("event_id",),
    needs=("ecs:DescribeServices",),
    remembers=True,
    columns=(
        Column("event_id", TEXT, "events[].id", "Id of the event."),
        Column("at", UTC_TIME, "events[].time", "When it happened."),
        Column("kind", TEXT, "events[].kind", "service_action or deployment_event."),
        Column("level", TEXT, "events[].detail.eventType", "INFO, WARN or ERROR."),
        Column("name", TEXT, "events[].detail.eventName", "SERVICE_STEADY_STATE, SERVICE_DEPLOYMENT_FAILED, …"),
        Column("deployment_id", TEXT, "events[].detail.deploymentId", "The deployment, `ecs-svc/…`, if it names one."),
        Column("reason", TEXT, "events[].detail.reason", "ECS's own reason, if it gives one."),
    ),
)
