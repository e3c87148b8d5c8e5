"""`ecs-notebook policy`: print the least IAM policy."""

import argparse
import sys

import orjson

from ecs_notebook_lib.knowledge.operations import least_policy


def run(options: argparse.Namespace) -> int:
    """Print the policy as JSON."""
    policy = least_policy(record=options.record, treat=options.treat)
    sys.stdout.write(orjson.dumps(policy, option=orjson.OPT_INDENT_2).decode() + "\n")
    return 0
