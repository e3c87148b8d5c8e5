"""The parts of an ARN, `arn:partition:service:region:account:resource`; empty where a text is none."""


def partition_of(arn: object) -> str:
    """Return `aws`, `aws-cn`, …; empty if it names none."""
    return _part(arn, 1)


def service_of(arn: object) -> str:
    """Return the service that the ARN is of; empty if it names none."""
    return _part(arn, 2)


def account_of(arn: object) -> str:
    """Return the twelve digits of the account; empty if it names none."""
    return _part(arn, 4)


def _part(arn: object, number: int) -> str:
    parts = arn.split(":", 5) if isinstance(arn, str) else []
    return parts[number] if len(parts) == 6 and parts[0] == "arn" else ""
