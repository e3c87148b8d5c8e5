"""In place of `aws ecs wait services-stable`: follow a deployment, and say early and exactly why it fails.

Nothing here needs pandas: a waiter that is to stand in a deploy script starts as fast as the `aws` command.
"""

from ecs_notebook_lib.wait.judging import Verdict, Wanted
from ecs_notebook_lib.wait.waiting import Result, wait_for
from ecs_notebook_lib.wait.watching import Watch

__all__ = ["Result", "Verdict", "Wanted", "Watch", "wait_for"]
