# SPDX-License-Identifier: Apache-2.0
"""Created booking actions as they are written: the seed's format word by word, and the typed form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.created import PROPERTY, actions_of, mistakes_of, parsed
from preroll.domain.definition import CreatedAction, Node, ServiceDefinition
from tests.builders import booking

SEED = """{
"Script": "Script:<Script name>||<Parameter name 1>=<Parameter value 1>;
<Parameter name 2>=<Parameter value 2>;"
}"""


def test_the_seeds_own_text_is_read():
    values = {"<Parameter name 1>": "<Parameter value 1>", "<Parameter name 2>": "<Parameter value 2>"}
    assert parsed(SEED) == CreatedAction("<Script name>", values)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"Script": "Script:Find"}', CreatedAction("Find")),
        ('{"Script": "Script:Find||"}', CreatedAction("Find")),
        ('{"Script":"Script:Find a dish||Pool=North;Id=[RESERVATIONID]"}',
         CreatedAction("Find a dish", {"Pool": "North", "Id": "[RESERVATIONID]"})),
        ('{"Script": "Script:Find||Query=a=b"}', CreatedAction("Find", {"Query": "a=b"})),
        ({"Script": "Script:Find||A=1; \\n  B=2 ;"}, CreatedAction("Find", {"A": "1", "B": "2"})),
        (None, None), ("", None),
    ],
)  # fmt: skip
def test_what_people_write(text, found):
    assert parsed(text.replace("\\n", "\n") if isinstance(text, str) else
                  text and {k: v.replace("\\n", "\n") for k, v in text.items()}) == found  # fmt: skip


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Script:Find", "is no JSON"), ("[]", 'has no "Script"'), ('{"Skript": "x"}', 'has no "Script"'),
        ('{"Script": "Find||A=1"}', "does not begin with"), ('{"Script": "Script:||A=1"}', "does not begin with"),
        ('{"Script": "Script:Find||A"}', "'A', which is no"), ('{"Script": "Script:Find||=1"}', "'=1', which is no"),
        ('{"Script": "Script:Find||A=1;A=2"}', "the parameter A twice"), ('{"Script": 4}', 'has no "Script"'),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_mistake_that_says_how_it_is_written(text: str, what: str):
    (mistake,) = mistakes_of(ServiceDefinition("x", nodes=(Node("a"), Node("b", properties={PROPERTY: text}))))
    assert mistake.where == f"nodes.1.properties.{PROPERTY}"
    assert what in mistake.what
    assert "Script:<name>||" in mistake.expected


def test_a_node_has_one_action():
    node = Node("a", properties={PROPERTY: '{"Script": "Script:A"}'}, created_action=CreatedAction("B"))
    (mistake,) = mistakes_of(ServiceDefinition("x", nodes=(node,)))
    assert mistake.what == "stands beside created_action"


WORD = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters=";=|"), min_size=1).map(str.strip)
WORDS = WORD.filter(bool)


@given(WORDS, st.dictionaries(WORDS, st.one_of(WORDS, st.just(""))), st.sampled_from([";", "; ", ";\n", ";\r\n  "]))
def test_what_is_written_in_the_format_is_read_back(name: str, parameters: dict[str, str], separator: str):
    text = f"Script:{name}||" + separator.join(f"{k}={v}" for k, v in parameters.items())
    assert parsed(json.dumps({"Script": text})) == CreatedAction(name, parameters)


def test_they_run_in_node_order_with_the_bookings_id():
    late = Node("a", order=2, created_action=CreatedAction("Late", {"id": "<[RESERVATIONID]>"}))
    early = Node("b", order=1, properties={PROPERTY: '{"Script": "Script:Early"}'})
    made = booking(id="B-1")
    found = actions_of(ServiceDefinition("x", nodes=(late, Node("c"), early)), made)
    assert [(a.label, a.script, a.parameters) for a in found] == [("b", "Early", {}), ("a", "Late", {"id": "<B-1>"})]
    assert actions_of(None, made) == ()
