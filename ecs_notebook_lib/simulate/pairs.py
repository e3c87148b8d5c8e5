"""Two independent faults of one deployment that make sense together: both hurt it, and both leave evidence.

The first of each pair hits only some of the tasks (a subnet, every other start), or hurts without ending the task;
the second shows in those that run.
"""

from ecs_notebook_lib.simulate.recipes import RECIPES

_STARTS = ("no-way-out", "file-system-unreachable", "interface-fails", "too-many-pulls", "internal-error")
_RUNS = (
    "moved-health-path",
    "redirect-to-login",
    "answers-500",
    "balancer-blocked",
    "listens-on-loopback",
    "program-crashes",
    "memory-killed",
    "check-tool-missing",
    "task-role-refused",
    "dependency-down-exit",
    "log-router-ends",
)
_OTHERS = (
    ("memory-killed", "balancer-blocked"),
    ("memory-killed", "moved-health-path"),
    ("memory-killed", "listens-on-loopback"),
    ("task-role-unready", "moved-health-path"),
    ("task-role-unready", "balancer-blocked"),
    ("task-role-unready", "login-demanded"),
    ("program-crashes", "balancer-blocked"),
    ("program-crashes", "redirect-to-https"),
    ("dependency-down-exit", "moved-health-path"),
    ("dependency-down-exit", "other-port"),
    ("disk-full-running", "forbidden-to-check"),
    ("proxy-ends", "moved-health-path"),
    ("log-router-ends", "balancer-blocked"),
    ("heap-full", "speaks-tls"),
    ("few-addresses", "moved-health-path"),
    ("few-addresses", "program-crashes"),
    ("few-addresses", "balancer-blocked"),
    ("few-addresses", "task-role-refused"),
)
PAIRS: tuple[tuple[str, str], ...] = tuple(
    pair
    for pair in (*((first, second) for first in _STARTS for second in _RUNS), *_OTHERS)
    if set(pair) <= set(RECIPES)
)
"""Pairs of recipes by their names; a pair's world is built by `first+second`."""
