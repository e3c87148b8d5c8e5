"""How requests reach a target group: its attributes, the listeners, and their rules: frames of ELB v2."""

from ecs_notebook_lib.frames.columns import COUNT, TEXT, Column, FrameSchema

TARGET_GROUP_ATTRIBUTES = FrameSchema(
    "target_group_attributes",
    "elbv2:DescribeTargetGroupAttributes",
    needs=("ecs:DescribeServices", "elbv2:DescribeTargetGroupAttributes"),
    rows="One row an attribute of a target group of the service. Empty: refused, or no target group.",
    key=("target_group_arn", "attribute"),
    columns=(
        Column("target_group_arn", TEXT, "@params.TargetGroupArn", "ARN of the target group."),
        Column("attribute", TEXT, "Attributes[].Key", "Name, e.g. deregistration_delay.timeout_seconds."),
        Column("value", TEXT, "Attributes[].Value", "Value, as text."),
    ),
)

_NEEDS = ("ecs:DescribeServices", "elbv2:DescribeTargetGroups", "elbv2:DescribeListeners")

LISTENERS = FrameSchema(
    "listeners",
    "elbv2:DescribeListeners",
    needs=_NEEDS,
    rows="One row a listener of a load balancer in front of the service.",
    key=("listener_arn",),
    columns=(
        Column("listener_arn", TEXT, "Listeners[].ListenerArn", "Full ARN."),
        Column("load_balancer_arn", TEXT, "Listeners[].LoadBalancerArn", "ARN of its load balancer."),
        Column("port", COUNT, "Listeners[].Port", "Port that it listens on."),
        Column("protocol", TEXT, "Listeners[].Protocol", "HTTP, HTTPS, TCP, TLS, …"),
    ),
)

LISTENER_RULES = FrameSchema(
    "listener_rules",
    "elbv2:DescribeRules",
    needs=(*_NEEDS, "elbv2:DescribeRules"),
    rows="One row an action of a rule of such a listener, the default rule included.",
    columns=(
        Column("listener_arn", TEXT, "@params.ListenerArn", "ARN of the listener."),
        Column("rule_arn", TEXT, "Rules[].RuleArn", "Full ARN."),
        Column("priority", TEXT, "Rules[].Priority", "A number, or `default`."),
        Column("action", TEXT, "Rules[].Actions[].Type", "forward, redirect, fixed-response, …"),
        Column("target_group_arn", TEXT, "Rules[].Actions[].TargetGroupArn", "Where it forwards; missing if to many."),
    ),
)

FORWARDED_GROUPS = FrameSchema(
    "forwarded_groups",
    "elbv2:DescribeRules",
    needs=(*_NEEDS, "elbv2:DescribeRules"),
    rows="One row a target group that a rule forwards to with a weight.",
    columns=(
        Column("rule_arn", TEXT, "Rules[].RuleArn", "Full ARN of the rule."),
        Column(
            "target_group_arn",
            TEXT,
            "Rules[].Actions[].ForwardConfig.TargetGroups[].TargetGroupArn",
            "ARN of the target group.",
        ),
        Column("weight", COUNT, "Rules[].Actions[].ForwardConfig.TargetGroups[].Weight", "Share of the requests."),
    ),
)
