# SPDX-License-Identifier: Apache-2.0
"""State machines as text, Markdown, Mermaid and JSON: every row arrives, none is made up."""

from __future__ import annotations

import json
import re

import pytest

from preroll.domain.booking import LIFE_CYCLE, Phase
from preroll.domain.machine import Machine
from preroll.domain.machines import ALL_MACHINES
from preroll.domain.service import StageMapping
from preroll.formats import machines

DOOR: Machine[str, str] = Machine(
    "door",
    "open",
    (
        ({"open", "jammed"}, "close", "closed", "jammed", "somebody pushes"),
        ({"closed"}, "nail up", "nailed up", None, "for good"),
    ),
)


def test_sources_that_share_a_row_are_printed_in_one_row():
    assert machines.transitions(DOOR).rows == (
        ("open, jammed", "close", "closed", "jammed", "somebody pushes"),
        ("closed", "nail up", "nailed up", "", "for good"),
    )


def test_the_notes_say_where_it_begins_and_where_it_ends():
    assert machines.transitions(DOOR).notes == (
        "4 states: open, jammed, closed, nailed up.",
        "First: open.",
        "No way out: nailed up.",
    )


def test_text_is_aligned_and_has_no_space_at_the_end_of_a_line():
    text = machines.as_text([machines.transitions(DOOR)])
    lines = text.splitlines()
    assert lines[0] == "door"
    assert lines[2].index("trigger") == lines[4].index("close") == lines[5].index("nail up")
    assert not any(line != line.rstrip() for line in lines)


def test_markdown_is_a_table_under_a_heading():
    assert machines.as_markdown([machines.transitions(DOOR)]).splitlines()[:5] == [
        "## Door",
        "",
        "| from | trigger | to | when it fails | why |",
        "| --- | --- | --- | --- | --- |",
        "| open, jammed | close | closed | jammed | somebody pushes |",
    ]


def test_mermaid_draws_every_row_and_a_failure_only_where_it_leads_elsewhere():
    assert machines.as_mermaid(DOOR).splitlines() == [
        "stateDiagram-v2",
        "    s0: open",
        "    s1: jammed",
        "    s2: closed",
        "    s3: nailed up",
        "    [*] --> s0",
        "    s1 --> s2: close",
        "    s0 --> s2: close",
        "    s0 --> s1: close fails",
        "    s2 --> s3: nail up",
        "    s3 --> [*]",
    ]


@pytest.mark.parametrize("machine", ALL_MACHINES, ids=str)
def test_mermaid_names_every_state_of_every_machine_once(machine):
    drawn = re.findall(r"^    s\d+: (.+)$", machines.as_mermaid(machine), re.M)
    assert drawn == [str(state) for state in machine.states]


def test_the_document_is_json_and_has_every_row_of_every_machine():
    document = json.loads(json.dumps(machines.as_document()))
    assert [m["name"] for m in document["machines"]] == [
        "booking", "boundary", "service", "audit", "configuration", "publication", "service order", "order phase",
        "provisioned service",
    ]  # fmt: skip
    for printed, machine in zip(document["machines"], ALL_MACHINES, strict=True):
        assert {(t["from"], t["trigger"]): (t["to"], t["failed"], t["why"]) for t in printed["transitions"]} == {
            (e.source, e.trigger): (e.ok, e.failed, e.why) for e in machine
        }
        assert set(printed["terminal"]) == machine.terminal
    assert {"events", "stages", "actions"} < set(document)


def test_everything_that_is_printed_has_all_fourteen_states_in_it():
    text = machines.as_text()
    assert all(state in text for state in LIFE_CYCLE.states)


def test_events_and_stages_show_the_platforms_mapping():
    mapping = StageMapping(preroll=None, service_active="LIVE")
    assert dict(machines.stages(mapping).rows)["preroll"] == "disabled"
    assert [row[3] for row in machines.events(mapping).rows][:4] == ["disabled", "LIVE", "PAUSE", "STOP"]
    assert not any(row[3] for row in machines.events(mapping).rows[4:])


def test_actions_are_printed_by_phase():
    table = machines.actions()
    assert table.head == ("action", *Phase, "only in", "what it does")
    rows = {row[0]: row[1:5] for row in table.rows}
    assert rows["cancel"] == ("yes", "", "", "Partial, Confirmed, On-Hold, Quarantined")
    assert rows["rename"] == ("yes", "yes", "", "")
