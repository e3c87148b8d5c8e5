"""How each service words a refusal and a throttle."""

from ecs_notebook_lib.simulate.wire import AWSError, Call

_DENIED = {"ec2": "UnauthorizedOperation"}
_PLAIN = {"elbv2", "iam", "sts", "s3", "cloudwatch", "autoscaling"}
_THROTTLED = {"ec2": "RequestLimitExceeded", "s3": "SlowDown"}
_PREFIXES = {"elbv2": "elasticloadbalancing", "logs": "logs"}


def refused(call: Call, caller: str) -> AWSError:
    """Return the error that a caller without the permission gets."""
    action = f"{_PREFIXES.get(call.service, call.service)}:{call.operation}"
    code = _DENIED.get(call.service, "AccessDenied" if call.service in _PLAIN else "AccessDeniedException")
    text = (
        f"User: {caller} is not authorized to perform: {action} on resource: * "
        f"because no identity-based policy allows the {action} action"
    )
    return AWSError(code, text, status=400 if code == "AccessDeniedException" else 403)


def throttled(call: Call) -> AWSError:
    """Return the error that a caller gets who asks too often."""
    code = _THROTTLED.get(call.service, "Throttling" if call.service in _PLAIN else "ThrottlingException")
    return AWSError(code, "Rate exceeded", status=503 if call.service == "s3" else 400)
