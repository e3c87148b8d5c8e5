"""Text to change where a cause lives in policy, infrastructure or code. Pure: values from a diagnosis, no call."""

from ecs_notebook_lib.treatment.texts.deny_statements import DenyChange, deny_change
from ecs_notebook_lib.treatment.texts.named_texts import (
    ReferenceChange,
    ResourceText,
    log_group_missing,
    parameter_missing,
    secret_missing,
    secret_reference,
)
from ecs_notebook_lib.treatment.texts.policy_statements import LeftOut, PolicyText, allow_statement
from ecs_notebook_lib.treatment.texts.trust_texts import TrustText, trust_policy

__all__ = [
    "DenyChange",
    "LeftOut",
    "PolicyText",
    "ReferenceChange",
    "ResourceText",
    "TrustText",
    "allow_statement",
    "deny_change",
    "log_group_missing",
    "parameter_missing",
    "secret_missing",
    "secret_reference",
    "trust_policy",
]
