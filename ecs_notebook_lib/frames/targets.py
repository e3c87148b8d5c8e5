"""Target groups and the health of their targets: frames of Elastic Load Balancing v2."""

from ecs_notebook_lib.frames.columns import COUNT, TEXT, UTC_TIME, Column, FrameSchema

TARGET_GROUPS = FrameSchema(
    "target_groups",
    "elbv2:DescribeTargetGroups",
    needs=("ecs:DescribeServices", "elbv2:DescribeTargetGroups"),
    rows="One row a target group of the service. Empty: refused, or the service has no load balancer of this kind.",
    key=("target_group_arn",),
    columns=(
        Column("target_group_arn", TEXT, "TargetGroups[].TargetGroupArn", "Full ARN."),
        Column("name", TEXT, "TargetGroups[].TargetGroupName", "Name."),
        Column("target_type", TEXT, "TargetGroups[].TargetType", "ip, instance, lambda or alb; awsvpc tasks need ip."),
        Column("protocol", TEXT, "TargetGroups[].Protocol", "HTTP, HTTPS, TCP, …"),
        Column("port", COUNT, "TargetGroups[].Port", "Default port; tasks register with their own."),
        Column("health_check_path", TEXT, "TargetGroups[].HealthCheckPath", "Path that is asked for."),
        Column("health_check_port", TEXT, "TargetGroups[].HealthCheckPort", "`traffic-port` or a number."),
        Column("health_check_protocol", TEXT, "TargetGroups[].HealthCheckProtocol", "HTTP, HTTPS or TCP."),
        Column("matcher", TEXT, "TargetGroups[].Matcher.HttpCode", "Status codes that count as healthy."),
        Column("interval_seconds", COUNT, "TargetGroups[].HealthCheckIntervalSeconds", "Between two checks. [s]"),
        Column("timeout_seconds", COUNT, "TargetGroups[].HealthCheckTimeoutSeconds", "An answer must come within. [s]"),
        Column(
            "healthy_threshold", COUNT, "TargetGroups[].HealthyThresholdCount", "Passes that make it healthy again."
        ),
        Column(
            "unhealthy_threshold", COUNT, "TargetGroups[].UnhealthyThresholdCount", "Failures that make it unhealthy."
        ),
    ),
)

TARGETS = FrameSchema(
    "targets",
    "elbv2:DescribeTargetHealth",
    needs=("ecs:DescribeServices", "elbv2:DescribeTargetHealth"),
    rows="One row a target as last seen. A deregistered one vanishes after draining: empty says nothing of the past.",
    key=("target_group_arn", "address", "port"),
    remembers=True,
    columns=(
        Column("target_group_arn", TEXT, "@params.TargetGroupArn", "ARN of its target group."),
        Column("address", TEXT, "TargetHealthDescriptions[].Target.Id", "IP address or instance id."),
        Column("port", COUNT, "TargetHealthDescriptions[].Target.Port", "Port that takes traffic."),
        Column("zone", TEXT, "TargetHealthDescriptions[].Target.AvailabilityZone", "Availability zone."),
        Column(
            "state", TEXT, "TargetHealthDescriptions[].TargetHealth.State", "initial, healthy, unhealthy, draining, …"
        ),
        Column("reason", TEXT, "TargetHealthDescriptions[].TargetHealth.Reason", "ELB's enum; missing when healthy."),
        Column("description", TEXT, "TargetHealthDescriptions[].TargetHealth.Description", "ELB's own sentence."),
        Column("revision", TEXT, "", "`family:number` of the newest task with this address; missing if none is known."),
        Column("seen_at", UTC_TIME, "@at", "When it was last observed."),
        Column("origin", TEXT, "@origin", "Where this was told: live, store (of history), or event."),
    ),
)
