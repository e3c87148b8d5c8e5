"""DESIGN rule 7: to diagnose what was redacted is to redact what was diagnosed."""

import pytest

from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.redact import Redactor
from ecs_notebook_lib.simulate import RECIPES, SCENARIOS

from .conftest import incident_of

PARTS = ("families", "differential", "also", "contributing", "not_checked", "plan", "findings", "changes", "treatment")


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("name", [*SCENARIOS, "varied-healthy", *RECIPES])
def test_the_diagnosis_of_the_redacted_snapshot_is_the_redacted_diagnosis(name, number):
    incident = incident_of(name, number)
    redactor = Redactor(incident.snapshot)

    diagnosed = Incident(redactor.snapshot()).diagnosis.to_json()
    redacted = redactor.value(incident.diagnosis.to_json())

    for part in PARTS:
        assert diagnosed.get(part) == redacted.get(part), part
    assert diagnosed == redacted
