"""No regular expression of the kit can be made to cost without bound: none may split a text in exponentially many ways.

How the cost grows with the text is measured by `benchmarks/endurance_input.py`.
"""

import re

import pytest

from benchmarks.expressions import ambiguous_repeats, expressions

FOUND = expressions()


@pytest.mark.parametrize("place", FOUND)
def test_no_repeat_within_a_repeat_can_be_divided_in_two_ways(place):
    assert ambiguous_repeats(FOUND[place]) == []


def test_the_expressions_of_tables_and_modules_are_looked_at():
    places = {place.rpartition(".")[0].partition("[")[0] for place in FOUND}

    assert len(FOUND) > 100
    assert {"redact.secret_forms.secret_forms", "frames.log_lines", "frames.trace_text", "untrusted"} <= {
        *places,
        *(place.rpartition(".")[0] for place in FOUND),
    }


@pytest.mark.parametrize(
    ("pattern", "ambiguous"),
    [
        ("(a+)+b", True),
        ("(?:a|a)*b", True),
        (r"(?:\w+\s?)*x", True),
        (r"(?:[^\"]|\\.)*\"", True),
        (r"(?:\.\w+)*x", False),
        (r"(?:[^\"\\]|\\.)*\"", False),
        ("a+b+", False),
        ("(?:ab){1,3}", False),
    ],
)
def test_what_is_ambiguous_is_found(pattern, ambiguous):
    assert bool(ambiguous_repeats(re.compile(pattern))) == ambiguous
