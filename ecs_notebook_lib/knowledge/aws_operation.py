"""The name of an operation of AWS, taken apart."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AwsOperation:
    """An operation by botocore's name, `service:Operation`."""

    name: str

    @property
    def service(self) -> str:
        """Return botocore's name of the service."""
        return self.name.partition(":")[0]

    @property
    def action(self) -> str:
        """Return botocore's name of the operation, without the service."""
        return self.name.partition(":")[2]
