"""Answers about what keeps events: EventBridge's rules and their targets, delivery streams, deliveries of logs."""

from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler, page
from ecs_notebook_lib.simulate.model import Shape
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_MAX_ROWS = 100
_MAX_DELIVERIES = 50


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations about the keeping of events that this world answers."""
    api = _Keeping(world)
    return {
        "events:ListRules": api.list_rules,
        "events:ListTargetsByRule": api.list_targets_by_rule,
        "firehose:DescribeDeliveryStream": api.describe_delivery_stream,
        "logs:DescribeDeliverySources": api.describe_delivery_sources,
        "logs:DescribeDeliveries": api.describe_deliveries,
        "logs:DescribeDeliveryDestinations": api.describe_delivery_destinations,
    }


class _Keeping:
    def __init__(self, world: "World") -> None:
        self._tables = world.holdings

    def list_rules(self, call: Call) -> dict[str, Any]:
        prefix = call.params.get("NamePrefix", "")
        return _named_page(call, "Rules", [row for name, row in sorted(self._rules.items()) if name.startswith(prefix)])

    def list_targets_by_rule(self, call: Call) -> dict[str, Any]:
        name = call.params["Rule"]
        if name not in self._rules:
            raise AWSError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus default.")
        return _named_page(call, "Targets", self._tables.rule_targets.get(name, []))

    @property
    def _rules(self) -> dict[str, Shape]:
        return self._tables.rules

    def describe_delivery_stream(self, call: Call) -> dict[str, Any]:
        name = call.params["DeliveryStreamName"]
        if name not in self._tables.delivery_streams:
            raise AWSError("ResourceNotFoundException", f"Firehose {name} not found.")
        return {"DeliveryStreamDescription": self._tables.delivery_streams[name]}

    def describe_delivery_sources(self, call: Call) -> dict[str, Any]:
        return _delivery_page(call, "deliverySources", self._tables.delivery_sources)

    def describe_deliveries(self, call: Call) -> dict[str, Any]:
        return _delivery_page(call, "deliveries", self._tables.deliveries)

    def describe_delivery_destinations(self, call: Call) -> dict[str, Any]:
        return _delivery_page(call, "deliveryDestinations", self._tables.delivery_destinations)


def _delivery_page(call: Call, member: str, rows: list[Shape]) -> dict[str, Any]:
    some, more = page(call, rows, limit=call.params.get("limit", _MAX_DELIVERIES))
    return {member: some, **more}


def _named_page(call: Call, member: str, rows: list[Shape]) -> dict[str, Any]:
    """Return a page as EventBridge has it: its tokens are `NextToken`, and each is the offset."""
    start = call.params.get("NextToken", "0")
    if not start.isdecimal():
        raise AWSError("ValidationException", "The token is invalid.")
    end = int(start) + call.params.get("Limit", _MAX_ROWS)
    more = {"NextToken": str(end)} if end < len(rows) else {}
    return {member: rows[int(start) : end], **more}
