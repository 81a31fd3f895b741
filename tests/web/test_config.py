# SPDX-License-Identifier: Apache-2.0
"""The page with the settings: what it shows, what it changes, and what it says when it does not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import httpx
import pytest
from lxml import etree

from preroll.app import App, build
from preroll.app.platforms import Platforms
from preroll.app.users import NamedRights, NewUser
from preroll.domain.account import SignIn
from preroll.domain.booking import State
from preroll.domain.colors import SHIPPED
from preroll.domain.config import Ordering, Platform, PlatformConfig, differing
from preroll.domain.permission import LOCAL
from preroll.domain.service import DEFAULT_TRANSITIONS, ServiceStates, Stage
from preroll.domain.window import MINUTE, SECOND
from preroll.gate.guard import CSRF, Guard
from preroll.ports.scripts import ScriptKind
from preroll.store import SqlStore
from preroll.web import create_pages
from preroll.web.config_settings import SETTINGS
from tests.api.people import PASSWORD, passwords

RED, BLUE = "#ff0000", "#0000ff"
ACTIVE = {"state": "Service Active", "light": RED, "dark": SHIPPED[State.ACTIVE].dark}


@pytest.fixture
async def viewer(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """The pages, for somebody who only looks; every change carries the proof of the page."""
    await app.users.create(LOCAL, NewUser("vera", NamedRights(["viewer"]), password=PASSWORD))
    made = create_pages(app, guard=Guard(app, SignIn.NEEDED, fresh_s=0.0))
    transport = httpx.ASGITransport(made, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await client.post("/signin", data={"name": "vera", "password": PASSWORD})
        found = re.search(r'name="csrf" content="(\w+)"', (await client.get("/")).text)
        assert found
        client.headers[CSRF] = found[1]
        yield client


async def revision(app: App) -> int:
    return (await app.platforms.get(LOCAL, "default")).config.version


async def test_the_first_tab_is_where_config_leads(pages: httpx.AsyncClient):
    answer = await pages.get("/config?platform=default")
    assert answer.status_code == 303
    page = await pages.get(answer.headers["location"])
    assert page.status_code == 200
    assert page.text.count('aria-current="page"') == 2


async def test_every_life_cycle_state_has_its_colors(pages: httpx.AsyncClient):
    page = await pages.get("/config/colors")
    assert page.text.count('type="color"') == 2 * len(State)
    for state, look in SHIPPED.items():
        assert f"Save the colors of {state}" in page.text
        assert f'value="{look.light}"' in page.text
    assert "21.0:1" not in page.text


async def test_a_color_is_chosen_and_taken_back(pages: httpx.AsyncClient, app: App):
    seen = await revision(app)
    part = await pages.post("/config/colors", data={**ACTIVE, "revision": seen})
    assert part.status_code == 200
    assert "<html" not in part.text
    assert f"revision={seen + 1}" in part.text
    assert "5.3:1" in part.text
    own = (await app.platforms.get(LOCAL, "default")).config.lifecycle_colors
    assert (own.light, own.dark) == ({"Service Active": RED}, {})
    back = await pages.post("/config/colors/reset", data={"state": "Service Active", "revision": seen + 1})
    assert "Reset the colors of Service Active" not in back.text
    assert (await app.platforms.get(LOCAL, "default")).config.lifecycle_colors.light == {}


async def test_one_state_is_reset_or_all(pages: httpx.AsyncClient, app: App):
    for state in ("Confirmed", "Failed", "Partial"):
        data = {"state": state, "light": RED, "dark": BLUE, "revision": await revision(app)}
        await pages.post("/config/colors", data=data)
    await pages.post("/config/colors/reset", data={"state": "Failed", "revision": await revision(app)})
    own = (await app.platforms.get(LOCAL, "default")).config.lifecycle_colors
    assert (set(own.light), set(own.dark)) == ({"Confirmed", "Partial"}, {"Confirmed", "Partial"})
    await pages.post("/config/colors/reset", data={"revision": await revision(app)})
    own = (await app.platforms.get(LOCAL, "default")).config.lifecycle_colors
    assert (own.light, own.dark) == ({}, {})


async def test_what_is_no_color_is_told_beside_it(pages: httpx.AsyncClient, app: App):
    seen = await revision(app)
    part = await pages.post("/config/colors", data={**ACTIVE, "dark": "<b>", "revision": seen})
    assert part.status_code == 422
    assert 'class="error" role="alert">is &#39;&lt;b&gt;&#39;; expected: a colour as #rrggbb' in part.text
    assert await revision(app) == seen


async def test_who_was_slower_sees_what_is_there_now(pages: httpx.AsyncClient, app: App):
    seen = await revision(app)
    await pages.post("/config/colors", data={**ACTIVE, "revision": seen})
    part = await pages.post("/config/colors", data={**ACTIVE, "light": BLUE, "revision": seen})
    assert part.status_code == 412
    assert f'value="{RED}"' in part.text
    assert f'name="revision" value="{seen + 1}"' in part.text


async def test_a_viewer_changes_nothing(viewer: httpx.AsyncClient, app: App):
    page = await viewer.get("/config/colors")
    assert page.status_code == 200
    assert 'hx-post="/config' not in page.text
    seen = await revision(app)
    for path, data in (("colors", ACTIVE), ("colors/reset", {})):
        answer = await viewer.post(f"/config/{path}", data={**data, "revision": seen})
        assert answer.status_code == 403, path
    assert await revision(app) == seen


# ---------------------------------------------------------------------- general


async def settings_of(app: App) -> PlatformConfig:
    return (await app.platforms.get(LOCAL, "default")).config


async def general_form(pages: httpx.AsyncClient) -> dict[str, Any]:
    """What a browser would send of the tab as it is shown."""
    return form_of((await pages.get("/config/general")).text, "general")


def form_of(page: str, ident: str) -> dict[str, Any]:
    """What a browser would send of a form."""
    form = etree.HTML(page).xpath(f"//form[@id='{ident}']")[0]
    found: dict[str, Any] = {}
    for field in form.xpath(".//input[@name]|.//select[@name]"):
        if field.get("type") == "checkbox" and field.get("checked") is None:
            continue
        value = field.get("value", "")
        if field.tag == "select":
            chosen = field.xpath(".//option[@selected]") or field.xpath(".//option")[:1]
            value = chosen[0].get("value", chosen[0].text)
        found.setdefault(field.get("name"), []).append(value)
    return found


async def test_every_general_setting_is_shown_and_saved_as_it_is(pages: httpx.AsyncClient, app: App):
    page = await pages.get("/config/general")
    assert page.status_code == 200
    for one in SETTINGS.values():
        assert f'name="{one.key}"' in page.text, one.key
    part = await pages.post("/config/general", data=await general_form(pages))
    assert part.status_code == 200
    assert (await settings_of(app)).version == 1, "nothing has changed"


async def test_general_settings_cover_what_a_platform_has():
    elsewhere = {"service_states", "lifecycle_colors"}
    known = {one.key for one in differing(Platform("", zone=""), Platform("", zone="UTC"))}
    for one in fields(PlatformConfig):
        value = getattr(PlatformConfig(), one.name)
        inner = [f"{one.name}.{f.name.removesuffix('_us')}" for f in fields(value)] if is_dataclass(value) else None
        known |= set(inner or [one.name.removesuffix("_us")]) if one.name not in elsewhere | {"version"} else set()
    assert known == set(SETTINGS)


async def test_general_settings_are_saved_together(pages: httpx.AsyncClient, app: App):
    form = await general_form(pages)
    form |= {"limits.lso": "5 min", "defaults.duration": "1h 30min", "lock_bookings": "yes", "ordering": "left"}
    form |= {"limits.near_air": "", "start_failure_script": "Report"}
    part = await pages.post("/config/general", data=form)
    assert part.status_code == 200
    now = await settings_of(app)
    assert (now.limits.lso_us, now.limits.near_air_us) == (5 * MINUTE, None)
    assert (now.defaults.duration_us, now.lock_bookings) == (90 * MINUTE, True)
    assert (now.ordering, now.start_failure_script, now.version) == (Ordering.LEFT, "Report", 2)
    form = form_of(part.text, "general")
    assert (form["defaults.duration"], form["lock_bookings"]) == (["1h30m"], ["yes"])
    del form["lock_bookings"]
    await pages.post("/config/general", data=form)
    assert not (await settings_of(app)).lock_bookings


@pytest.mark.parametrize(
    ("key", "text", "told"),
    [
        ("limits.lso", "soon", "is &#39;soon&#39;; expected: a length such as"),
        ("limits.lso", "", "is &#39;&#39;; expected: a length"),
        ("limits.step", "8 d", "is 691200 s; expected: 0 s to 604800 s"),
        ("limits.attempts", "0", "is 0; expected: 1 to 100"),
        ("limits.simultaneous_lso", "201", "is 201; expected: 1 to 200"),
        ("defaults.pre_roll", "8 d", "expected: 0 s to 604800 s"),
        ("guard", "9 d", "expected: 0 s to 604800 s"),
        ("ordering", "best", "expected: priority, name, left"),
        ("zone", "Mars/Olympus", "expected: an IANA time zone"),
        ("start_failure_script", "a\x07b", "expected: printable text"),
    ],
)
async def test_what_is_wrong_is_told_at_its_field(pages: httpx.AsyncClient, app: App, key: str, text: str, told: str):
    form = await general_form(pages) | {key: text, "limits.backoff": "2s"}
    part = await pages.post("/config/general", data=form)
    assert part.status_code == 422
    assert part.text.count('class="error" role="alert"') == 1
    assert told in part.text.split(f"set-{key.replace('.', '-')}-wrong")[-1]
    assert form_of(part.text, "general")["limits.backoff"] == ["2s"], "what was typed stays"
    assert (await settings_of(app)).version == 1


async def test_a_setting_is_reset_by_itself_and_the_rest_stays_typed(pages: httpx.AsyncClient, app: App):
    await pages.post("/config/general", data=await general_form(pages) | {"limits.lso": "5 min", "guard": "1 min"})
    form = await general_form(pages) | {"limits.step": "30s", "do": "reset limits.lso"}
    part = await pages.post("/config/general", data=form)
    assert part.status_code == 200
    now = await settings_of(app)
    assert (now.limits.lso_us, now.guard_us, now.limits.step_us) == (10 * MINUTE, MINUTE, MINUTE)
    assert form_of(part.text, "general")["limits.step"] == ["30s"]
    assert 'aria-label="Reset LSO script"' not in part.text
    assert (await pages.post("/config/general", data=form | {"do": "reset name"})).status_code == 404


async def test_who_was_slower_sees_what_changed_and_keeps_what_was_typed(pages: httpx.AsyncClient, app: App):
    form = await general_form(pages) | {"limits.lso": "5m", "limits.step": "30s"}
    other = {"limits.lso": "7 min", "guard": "1 min"}
    await pages.post("/config/general", data=await general_form(pages) | other)
    part = await pages.post("/config/general", data=form)
    assert part.status_code == 412
    assert "somebody else was faster" in part.text
    assert "LSO script: <del>10m</del>" in part.text
    assert "is now 7m; yours is not saved" in part.text
    again = form_of(part.text, "general")
    assert (again["limits.lso"], again["limits.step"], again["guard"]) == (["5m"], ["30s"], ["1m"])
    assert (await pages.post("/config/general", data=again)).status_code == 200
    now = await settings_of(app)
    assert (now.limits.lso_us, now.limits.step_us, now.guard_us) == (5 * MINUTE, 30 * SECOND, MINUTE)


async def test_a_script_that_is_not_installed_is_told(store: SqlStore):
    installed = {"Report": ScriptKind.START_FAILURE, "LSO": ScriptKind.LSO}
    app = build(store, None, passwords())
    app = replace(app, platforms=Platforms(store, lambda: installed))
    await app.platforms.put(LOCAL, Platform("default"))
    transport = httpx.ASGITransport(create_pages(app, guard=Guard(app, fresh_s=0.0)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as pages:
        page = await pages.get("/config/general")
        assert '<option value="Report">' in page.text
        assert '<option value="LSO">' not in page.text
        form = form_of(page.text, "general") | {"start_failure_script": "Gone"}
        refused = await pages.post("/config/general", data=form)
        assert refused.status_code == 422
        assert "Gone is not installed" in refused.text
        assert "Save it all the same" in refused.text
        saved = await pages.post("/config/general", data=form | {"do": "force"})
        assert saved.status_code == 200
        assert "Gone is not installed on this server: it would not run" in saved.text


# ---------------------------------------------------------------------- service states


async def services_form(pages: httpx.AsyncClient) -> dict[str, Any]:
    return form_of((await pages.get("/config/services")).text, "services")


async def pressed(pages: httpx.AsyncClient, form: dict[str, Any], do: str, **more: Any) -> httpx.Response:
    return await pages.post("/config/services", data={**form, **more, "do": do})


async def test_stages_and_rows_are_shown(pages: httpx.AsyncClient):
    form = await services_form(pages)
    assert list(zip(form["from"], form["to"], strict=True)) == list(DEFAULT_TRANSITIONS)
    assert [form[f"mapping.{stage}"] for stage in Stage] == [["STOP"], ["STANDBY"], ["START"], ["PAUSE"], ["STOP"]]


async def test_a_draft_is_drawn_before_it_is_saved(pages: httpx.AsyncClient, app: App):
    part = await pressed(pages, await services_form(pages), "add", new_from="PAUSE", new_to="START")
    assert part.status_code == 200
    assert "Not saved yet" in part.text
    assert "PAUSE → START" in part.text, "the diagram has it"
    assert (await settings_of(app)).version == 1
    part = await pressed(pages, form_of(part.text, "services"), "save")
    assert part.status_code == 200
    assert "Not saved yet" not in part.text
    assert ("PAUSE", "START") in (await settings_of(app)).service_states.transitions


async def test_several_rows_are_edited_deleted_and_reset(pages: httpx.AsyncClient, app: App):
    form = await services_form(pages)
    gone = [n for n, row in enumerate(DEFAULT_TRANSITIONS) if row in (("START", "STANDBY"), ("PAUSE", "STANDBY"))]
    form["to"][1] = "PAUSE"
    part = await pressed(pages, form, "delete", picked=[str(n) for n in gone])
    form = form_of(part.text, "services")
    assert len(form["from"]) == len(DEFAULT_TRANSITIONS) - 2
    assert (await pressed(pages, form, "save")).status_code == 200
    kept = (await settings_of(app)).service_states.transitions
    assert ("STOP", "START") not in kept
    assert ("START", "STANDBY") not in kept
    part = await pressed(pages, await services_form(pages), "reset")
    assert (await pressed(pages, form_of(part.text, "services"), "save")).status_code == 200
    assert (await settings_of(app)).service_states.transitions == DEFAULT_TRANSITIONS


async def test_a_stage_is_disabled_and_the_stages_are_reset(pages: httpx.AsyncClient, app: App):
    form = await services_form(pages) | {"mapping.postroll": ""}
    part = await pressed(pages, form, "save")
    assert part.status_code == 200
    assert (await settings_of(app)).service_states.mapping.postroll is None
    part = await pressed(pages, form_of(part.text, "services"), "reset stages")
    assert form_of(part.text, "services")["mapping.postroll"] == ["PAUSE"]


async def test_a_platform_has_states_of_its_own(pages: httpx.AsyncClient, app: App):
    part = await pressed(pages, await services_form(pages), "add state", new_state="WARM")
    assert "<option>WARM</option>" in part.text
    part = await pressed(pages, form_of(part.text, "services"), "add", new_from="STOP", new_to="WARM")
    part = await pressed(pages, form_of(part.text, "services"), "save")
    assert part.status_code == 200
    states = (await settings_of(app)).service_states
    assert (states.states, states.transitions[-1]) == (("WARM",), ("STOP", "WARM"))
    part = await pressed(pages, form_of(part.text, "services"), "delete state WARM")
    assert "WARM is no state of the platform; expected: one of" in part.text.split('id="row-15"')[1].split("</tr>")[0]
    part = await pressed(pages, form_of(part.text, "services"), "save")
    assert part.status_code == 422
    assert "Save it all the same" not in part.text, "no force makes that right"
    assert (await settings_of(app)).service_states == states


async def test_rows_that_the_stages_need_are_offered(pages: httpx.AsyncClient, app: App):
    form = await services_form(pages)
    part = await pressed(pages, form, "delete", picked=[str(DEFAULT_TRANSITIONS.index(("STANDBY", "START")))])
    assert 'aria-label="Add STANDBY to START"' in part.text
    form = form_of(part.text, "services")
    part = await pressed(pages, form, "save")
    assert part.status_code == 422
    assert 'form="services">Save it all the same</button>' in part.text
    repaired = await pressed(pages, form_of(part.text, "services"), "add row STANDBY|START")
    assert 'aria-label="Add STANDBY to START"' not in repaired.text
    assert (await pressed(pages, form, "force")).status_code == 200
    assert ("STANDBY", "START") not in (await settings_of(app)).service_states.transitions


async def test_a_draft_does_not_win_over_what_others_saved_meanwhile(pages: httpx.AsyncClient, app: App):
    form = await services_form(pages)
    await pages.post("/config/general", data=await general_form(pages) | {"guard": "1 min"})
    part = await pressed(pages, form, "add", new_from="PAUSE", new_to="START")
    part = await pressed(pages, form_of(part.text, "services"), "save")
    assert part.status_code == 412
    assert "<ins>1m</ins>" in part.text
    part = await pressed(pages, form_of(part.text, "services"), "save")
    assert part.status_code == 200
    now = await settings_of(app)
    assert (now.guard_us, ("PAUSE", "START") in now.service_states.transitions) == (MINUTE, True)


async def test_names_with_markup_are_text(pages: httpx.AsyncClient):
    part = await pressed(pages, await services_form(pages), "add state", new_state="<b>x</b>" * 20)
    assert "<b>x" not in part.text
    part = await pressed(pages, form_of(part.text, "services"), "add", new_from="STOP", new_to="<b>x</b>" * 20)
    assert "<b>x" not in part.text


async def test_a_form_that_is_none_is_refused(pages: httpx.AsyncClient):
    form = await services_form(pages)
    form["to"].pop()
    assert (await pressed(pages, form, "save")).status_code == 422
    assert (await pressed(pages, await services_form(pages), "add state", new_state="x" * 201)).status_code == 422


# ---------------------------------------------------------------------- history


async def test_a_version_is_had_again_after_a_look(pages: httpx.AsyncClient, app: App):
    await pages.post("/config/general", data=await general_form(pages) | {"guard": "1 min"})
    page = await pages.get("/config/history")
    assert "<del>0s</del>" in page.text
    assert "<ins>1m</ins>" in page.text
    look = await pages.get("/config/history/1", headers={"HX-Request": "true"})
    assert "<del>1m</del>" in look.text
    assert (await settings_of(app)).guard_us == MINUTE
    part = await pages.post("/config/history", data={"to": 1, "revision": 2})
    assert part.status_code == 200
    assert "as version 1 had it" in part.text
    assert ((await settings_of(app)).guard_us, (await settings_of(app)).version) == (0, 3)
    assert (await pages.post("/config/history", data={"to": 2, "revision": 2})).status_code == 412
    assert (await pages.get("/config/history/9")).status_code == 404


async def test_a_version_that_would_fail_events_takes_a_second_step(pages: httpx.AsyncClient, app: App):
    rows = tuple(row for row in DEFAULT_TRANSITIONS if row != ("STANDBY", "START"))
    lacking = PlatformConfig(service_states=ServiceStates(transitions=rows))
    await app.platforms.put(LOCAL, Platform("default", config=lacking), force=True)
    await app.platforms.undo(LOCAL, "default")
    part = await pages.post("/config/history", data={"to": 2, "revision": 3})
    assert part.status_code == 422
    form = form_of(part.text, "undo")
    assert form["force"] == ["true"]
    assert (await pages.post("/config/history", data=form)).status_code == 200
    assert (await settings_of(app)).service_states.transitions == rows


async def test_what_others_change_meanwhile_is_told(pages: httpx.AsyncClient, app: App):
    assert (await pages.get("/config/since?revision=1")).status_code == 204
    await pages.post("/config/general", data=await general_form(pages) | {"guard": "1 min"})
    assert "<ins>1m</ins>" in (await pages.get("/config/since?revision=1")).text


async def test_the_history_goes_on(pages: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("preroll.web.pages.config_history.PAGE", 2)
    for guard in ("1 min", "2 min"):
        await pages.post("/config/general", data=await general_form(pages) | {"guard": guard})
    page = await pages.get("/config/history")
    assert "before=2" in page.text
    assert "before=" not in (await pages.get("/config/history?before=2")).text


async def test_a_viewer_reads_every_tab_and_changes_none(viewer: httpx.AsyncClient, app: App):
    for tab in ("general", "services", "history"):
        page = await viewer.get(f"/config/{tab}")
        assert page.status_code == 200
        assert "Save</button>" not in page.text
        assert 'name="from"' not in page.text
    form = form_of((await viewer.get("/config/general")).text, "general")
    assert (await viewer.post("/config/general", data=form | {"guard": "1 min"})).status_code == 403
    assert (await viewer.post("/config/services", data={"revision": 1, "do": "save"})).status_code == 403
    assert (await viewer.post("/config/history", data={"revision": 1, "to": 1})).status_code == 403
    assert (await settings_of(app)).version == 1
