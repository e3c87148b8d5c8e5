"""`ecs-notebook policy`: print the least IAM policy."""

import argparse

from ecs_notebook_lib.cli.documents import print_json
from ecs_notebook_lib.knowledge.operations import least_policy


def run(options: argparse.Namespace) -> int:
    """Print the policy as JSON."""
    policy = least_policy(record=options.record, treat=options.treat)
    print_json(policy)
    return 0
