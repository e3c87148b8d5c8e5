"""Time that passes while a world is served."""

import time
from datetime import timedelta

from ecs_notebook_lib.simulate.door import Respond
from ecs_notebook_lib.simulate.wire import HTTPRequest, HTTPResponse
from ecs_notebook_lib.simulate.world import World


def paced(world: World, speed: float) -> Respond:
    """Return the world's door behind which time passes `speed` times as fast as ours, from the first request on."""
    began: list[float] = []
    start = world.now

    def respond(request: HTTPRequest) -> HTTPResponse:
        if speed > 0:
            if not began:
                began.append(time.monotonic())
            world.run_until(start + timedelta(seconds=(time.monotonic() - began[0]) * speed))
        return world.respond(request)

    return respond
