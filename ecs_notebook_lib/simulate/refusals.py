"""How each service words a refusal, a throttle, and what else can become of a call."""

from datetime import datetime, timedelta

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


def failed(call: Call) -> AWSError:
    """Return the error of a service that has trouble of its own."""
    code = "InternalError" if call.service in ("ec2", "s3") else "InternalFailure"
    return AWSError(code, "An internal error has occurred.", status=500)


def expired(call: Call) -> AWSError:
    """Return the error that a caller gets whose temporary credentials have expired."""
    if call.service == "ec2":
        return AWSError("RequestExpired", "Request has expired.")
    code = "ExpiredToken" if call.service in _PLAIN else "ExpiredTokenException"
    return AWSError(
        code, "The security token included in the request is expired", status=403 if code[-1] == "n" else 400
    )


def skewed(call: Call, now: datetime) -> AWSError:
    """Return the error that a caller gets whose clock is an hour behind AWS's, which is `now`."""
    signed, late = (f"{when:%Y%m%dT%H%M%SZ}" for when in (now - timedelta(hours=1), now - timedelta(minutes=5)))
    text = f"Signature expired: {signed} is now earlier than {late} ({now:%Y%m%dT%H%M%SZ} - 5 min.)"
    if call.service == "s3":
        text = "The difference between the request time and the current time is too large."
        return AWSError("RequestTimeTooSkewed", text, status=403)
    if call.service == "ec2":
        return AWSError("RequestExpired", f"Request has expired. {text}")
    if call.service in _PLAIN:
        return AWSError("SignatureDoesNotMatch", text, status=403)
    return AWSError("InvalidSignatureException", text, status=400)
