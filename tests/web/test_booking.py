# SPDX-License-Identifier: Apache-2.0
"""The page of a booking: it offers what the tables say, asks what is needed, and explains what is refused."""

from __future__ import annotations

import re
from html import unescape
from types import SimpleNamespace

import httpx
import pytest

from preroll.app import App
from preroll.app.audits import Audits, Check, Round
from preroll.domain.actions import ACTIONS, why_not
from preroll.domain.audit import Finding, Status
from preroll.domain.booking import State
from preroll.domain.config import Platform, PlatformConfig
from preroll.domain.errors import ActionNotPossible
from preroll.domain.permission import LOCAL
from preroll.domain.window import HOUR, MINUTE
from preroll.gate.guard import CSRF
from preroll.store import SqlStore
from preroll.web.commands import COMMANDS
from preroll.web.templating import ENVIRONMENT, render
from tests.web.studio import NASTY, START, book, furnish, running

PART = {"HX-Request": "true"}
PLAIN: dict[str, str] = {}


@pytest.fixture(autouse=True)
async def studio(app: App) -> None:
    await furnish(app)


def offered(page: str) -> set[str]:
    """The actions that the page has a button for."""
    return set(re.findall(r'id="do-([\w-]+)"', page))


def leading(page: str) -> str:
    """The action that stands out, which is the first one; empty: none does."""
    first = re.search(r'id="do-([\w-]+)" class="button( primary)?"', page)
    assert first
    assert len(re.findall(r'id="do-[^>]* primary"', page)) <= 1
    return first[1] if first[2] else ""


def explained(page: str) -> dict[str, str]:
    """Actions that are not possible now -> why."""
    return {name: unescape(why) for name, why in re.findall(r'<span id="why-([\w-]+)">([^<]+)</span>', page)}


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page)
    return unescape(found[1]) if found else ""


def choices(page: str, name: str) -> list[str]:
    """What can be chosen in a field."""
    select = re.search(rf'<select[^>]* name="{re.escape(name)}".*?</select>', page, re.DOTALL)
    return [unescape(one) for one in re.findall(r'<option value="([^"]*)"', select[0])] if select else []


def ways(page: str) -> dict[str, tuple[str, str]]:
    """Text of each way out -> what it adds to the form."""
    found = re.findall(r'<button class="button[^"]*" name="([^"]+)" value="([^"]*)"([^>]*)>([^<]+)</button>', page)
    return {
        unescape(text): (unescape(name), unescape(value)) for name, value, more, text in found if "disabled" not in more
    }


def test_everything_that_can_be_done_can_be_done_on_the_page():
    assert COMMANDS.keys() == ACTIONS.keys()


@pytest.mark.parametrize("steps", [(), ("confirm",), ("hold",), ("cancel",), ("run",)], ids=str)
async def test_what_is_offered_is_what_the_table_says(
    pages: httpx.AsyncClient, app: App, store: SqlStore, steps: tuple[str, ...]
):
    found = await book(app)
    for step in steps:
        if step == "run":
            await running(store, found)
        else:
            await getattr(app.bookings, step)(LOCAL, found.booking.id, None)
    found = await app.bookings.get(LOCAL, found.booking.id)
    page = (await pages.get(f"/bookings/{found.booking.id}")).text
    assert offered(page) == set(found.possible)
    told = explained(page)
    assert told.keys() == COMMANDS.keys() - set(found.possible)
    assert all(told[name] == why_not(found.booking, name) for name in told if why_not(found.booking, name))
    for name in told:
        assert f'disabled aria-describedby="why-{name}"' in page
    assert f'class="chip state-{found.booking.state.value.lower().replace(" ", "-")}' in page
    assert f"{found.booking.state.value}; it is this now" in page


@pytest.mark.parametrize(
    ("state", "first"),
    [
        (State.PARTIAL, "confirm"), (State.ON_HOLD, "confirm"), (State.QUARANTINED, "leave-quarantine"),
        (State.ACTIVE, ""), (State.FAILED_ACTIVE, "retry"), (State.FAILED, "duplicate"),
    ],
)  # fmt: skip
async def test_what_the_state_calls_for_stands_first(
    pages: httpx.AsyncClient, app: App, store: SqlStore, state: State, first: str
):
    found = await book(app)
    waits = state in (State.PARTIAL, State.ON_HOLD, State.QUARANTINED)
    await running(store, found, state, began=not waits)
    page = (await pages.get(f"/bookings/{found.booking.id}")).text
    assert leading(page) == first


async def test_while_a_retry_waits_no_other_is_offered(pages: httpx.AsyncClient, app: App, store: SqlStore):
    found = await book(app)
    await running(store, found, State.FAILED_ACTIVE)
    again = await app.bookings.retry(LOCAL, found.booking.id, None)
    assert {"retry", "acknowledge"}.isdisjoint(again.possible)
    told = explained((await pages.get(f"/bookings/{found.booking.id}")).text)
    assert told["retry"] == told["acknowledge"] == "a retry of START is waiting"
    with pytest.raises(ActionNotPossible, match="a retry of START is waiting"):
        await app.bookings.retry(LOCAL, found.booking.id, None)


async def test_every_dialog_can_be_opened_whatever_the_state(pages: httpx.AsyncClient, app: App, store: SqlStore):
    found = await book(app, nodes={"Source": "Decoder 1"})
    for state in (None, State.ACTIVE, State.POST_ROLL):
        if state:
            await running(store, found, state)
        for name, command in COMMANDS.items():
            if command.call is not None:
                answer = await pages.get(f"/bookings/{found.booking.id}/{name}", headers=PART)
                assert answer.status_code == 200, (name, answer.text)
                assert answer.headers["hx-retarget"] == "#ask"
                assert f'action="/bookings/{found.booking.id}/{name}"' in answer.text


async def test_who_does_not_own_it_is_told_so(pages: httpx.AsyncClient, app: App):
    config = PlatformConfig(lock_bookings=True)
    await app.platforms.put(LOCAL, Platform("default", zone="Europe/Brussels", config=config))
    found = await book(app)
    await app.bookings.release(LOCAL, found.booking.id, None)
    told = explained((await pages.get(f"/bookings/{found.booking.id}")).text)
    assert told["confirm"] == "nobody has it, and only its owner may change it"
    assert "take" not in told


async def test_times_are_told_in_the_zone_of_the_platform(pages: httpx.AsyncClient, app: App):
    found = await book(app)
    page = (await pages.get(f"/bookings/{found.booking.id}")).text
    assert "Sun 01 Mar 2026 14:00:00 – Sun 01 Mar 2026 15:00:00" in page


async def test_an_action_answers_with_the_booking_as_it_is_then(pages: httpx.AsyncClient, app: App):
    found = await book(app)
    path = f"/bookings/{found.booking.id}"
    answer = await pages.post(f"{path}/hold", data={"revision": found.booking.revision}, headers=PART)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert 'class="chip state-on-hold' in answer.text
    assert "booking.state" in answer.text


async def test_without_a_script_a_form_leads_to_a_page(pages: httpx.AsyncClient, app: App):
    path = f"/bookings/{(await book(app)).booking.id}"
    asking = await pages.get(f"{path}/rename")
    assert "<html" in asking.text
    assert "hx-post" not in asking.text[asking.text.index('<form class="ask"') :]
    done = await pages.post(f"{path}/rename", data={"revision": "1", "name": "Late news"})
    assert (done.status_code, done.headers["location"]) == (303, path)
    again = await pages.post(f"{path}/rename", data={"revision": "2", "name": ""})
    assert again.status_code == 422
    assert "<html" in again.text
    assert 'id="f-name-error">is missing' in again.text


@pytest.mark.parametrize(
    ("action", "form", "status", "where", "told"),
    [
        ("hold", {}, 409, "#toasts", "hold is not possible"),
        ("finish", {}, 409, "#ask", "finish is not possible"),
        ("rename", {}, 422, "#ask", "is missing"),
        ("explode", {}, 404, "#toasts", "explode"),
        ("extend", {"minutes": "many"}, 422, "#ask", "a whole number"),
        ("adjust", {"start": "2026-03-29T02:30"}, 422, "#ask", "is skipped by the clocks of Europe/Brussels"),
        ("adjust", {"start": "2026-10-25T02:30"}, 422, "#ask", 'name="start.which"'),
        ("adjust", {"start": "2026-03-02T10:00", "pre_roll": "10"}, 422, "#ask", "is no length of time"),
        ("swap", {"node": "Nowhere"}, 422, "#ask", "has no resource"),
        ("rename", {"revision": "x"}, 422, "#toasts", "the revision that was shown"),
        ("properties", {"new_value": "x"}, 422, "#ask", "the name of the property"),
        ("rename", {"name": "a\0b"}, 422, "#toasts", "control character"),
    ],
)
async def test_what_is_refused_says_what_to_do_and_changes_nothing(
    pages: httpx.AsyncClient, app: App, action: str, form: dict[str, str], status: int, where: str, told: str
):
    found = await book(app)
    await app.bookings.hold(LOCAL, found.booking.id, None)
    found = await app.bookings.get(LOCAL, found.booking.id)
    ident, seen = found.booking.id, str(found.booking.revision)
    answer = await pages.post(f"/bookings/{ident}/{action}", data={"revision": seen} | form, headers=PART)
    assert (answer.status_code, answer.headers["hx-retarget"]) == (status, where), answer.text
    assert told in unescape(answer.text)
    assert (await app.bookings.get(LOCAL, ident)).booking == found.booking


async def test_who_comes_too_late_is_told_what_has_changed_and_may_go_on(pages: httpx.AsyncClient, app: App):
    found = await book(app)
    path = f"/bookings/{found.booking.id}"
    await app.bookings.rename(LOCAL, found.booking.id, None, "Late news")
    refused = await pages.post(f"{path}/hold", data={"revision": "1"}, headers=PART)
    assert (refused.status_code, refused.headers["hx-retarget"]) == (412, "#ask")
    assert "What has changed since" in refused.text
    assert re.search(r"local: booking\.edited.*name", refused.text)
    assert "all the same" in refused.text
    done = await pages.post(f"{path}/hold", data={"revision": hidden(refused.text, "revision")}, headers=PART)
    assert "chip state-on-hold" in done.text


async def test_a_conflict_says_who_and_when_and_each_way_out_is_one_click(pages: httpx.AsyncClient, app: App):
    await book(app, "Sport", START + 2 * HOUR, {"Sink": "Encoder 1"})
    path = f"/bookings/{(await book(app, nodes={'Sink': 'Encoder 1'})).booking.id}"
    form = {"revision": "1", "start": "2026-03-01T16:00", "end": "2026-03-01T17:00"}
    refused = await pages.post(f"{path}/adjust", data=form, headers=PART)
    text = re.sub(r"\s+", " ", unescape(refused.text))
    assert (refused.status_code, refused.headers["hx-retarget"]) == (409, "#ask")
    assert "how many at once: 1 asked, 0 of 1 left; held by" in text
    assert "Sport</bdi></a> 01 Mar 15:55 – 01 Mar 17:05" in text
    assert '<span class="dim">for</span> <bdi>Sink</bdi>' in text
    found = ways(refused.text)
    assert found["Take Encoder 2 for Sink"] == ("take.Sink", "Encoder 2")
    assert any(text.startswith("Start ") and name == "start_us" for text, (name, _) in found.items())
    assert "Force it: Sport would be Quarantined" in found
    taken = await pages.post(f"{path}/adjust", data=form | {"take.Sink": "Encoder 2"}, headers=PART)
    assert taken.status_code == 200, taken.text
    assert ">Encoder 2<" in taken.text
    assert "16:00:00" in taken.text


async def test_the_next_free_slot_keeps_the_length(pages: httpx.AsyncClient, app: App):
    await book(app, "Sport", START + 2 * HOUR, {"Sink": "Encoder 1", "Source": "Decoder 2"})
    await book(app, "Film", START + 2 * HOUR, {"Sink": "Encoder 2", "Source": "Decoder 1"})
    ident = (await book(app, nodes={"Sink": "Encoder 1"})).booking.id
    form = {"revision": "1", "start": "2026-03-01T16:00", "end": "2026-03-01T16:30", "post_roll": "5m"}
    refused = await pages.post(f"/bookings/{ident}/adjust", data=form, headers=PART)
    (later,) = [way for text, way in ways(refused.text).items() if text.startswith("Start ")]
    moved = await pages.post(f"/bookings/{ident}/adjust", data=form | dict([later]), headers=PART)
    assert moved.status_code == 200, moved.text
    timing = (await app.bookings.get(LOCAL, ident)).booking.timing
    assert timing.end is not None
    assert timing.end - timing.start == 30 * MINUTE
    assert timing.start == START + 3 * HOUR + 10 * MINUTE


async def test_force_names_who_would_yield_and_needs_its_role(pages: httpx.AsyncClient, app: App):
    await book(app, "Sport", START, {"Sink": "Encoder 1"}, priority=0)
    other = await book(app, "Final", START + 3 * HOUR, {"Sink": "Encoder 1"}, priority=5)
    form = {"revision": "1", "start": "2026-03-01T14:00", "end": "2026-03-01T15:00"}
    refused = await pages.post(f"/bookings/{other.booking.id}/adjust", data=form, headers=PART)
    force = ways(refused.text)["Force it: Sport would be Quarantined"]
    done = await pages.post(f"/bookings/{other.booking.id}/adjust", data=form | dict([force]), headers=PART)
    assert done.status_code == 200
    page = (await pages.get("/bookings?state=Quarantined")).text
    assert "Sport" in page
    assert "Final" not in page


async def test_what_can_be_swapped_is_asked_of_the_server(pages: httpx.AsyncClient, app: App):
    await book(app, "Sport", START, {"Sink": "Encoder 2"})
    ident = (await book(app, nodes={"Source": "Decoder 1"})).booking.id
    page = (await pages.get(f"/bookings/{ident}/swap?node=Source", headers=PART)).text
    assert choices(page, "resource") == ["", "Decoder 2"]
    assert "free, bitrate 20 of 20 left" in page
    assert "Nothing else is free" in (await pages.get(f"/bookings/{ident}/swap?node=Sink", headers=PART)).text
    done = await pages.post(f"/bookings/{ident}/swap", data={"revision": "1", "node": "Source"}, headers=PART)
    assert ">Decoder 2<" in done.text
    done = await pages.post(f"/bookings/{ident}/remove", data={"revision": "2", "node": "Source"}, headers=PART)
    assert ">Decoder 2<" not in done.text
    form = {"revision": "3", "node": "Source", "resource": "Decoder 1"}
    assert ">Decoder 1<" in (await pages.post(f"/bookings/{ident}/add", data=form, headers=PART)).text


async def test_while_it_runs_resources_are_changed_at_once(pages: httpx.AsyncClient, app: App, store: SqlStore):
    found = await book(app, nodes={"Source": "Decoder 1"})
    await running(store, found)
    path = f"/bookings/{found.booking.id}"
    asking = (await pages.get(f"{path}/swap?node=Source", headers=PART)).text
    assert hidden(asking, "apply_now") == "1"
    times = (await pages.get(f"{path}/adjust", headers=PART)).text
    assert 'name="end"' in times
    assert 'name="start"' not in times
    assert choices((await pages.get(f"{path}/force-state", headers=PART)).text, "state") == [
        "STANDBY",
        "START",
        "PAUSE",
        "STOP",
    ]


async def test_properties_keep_their_kind(pages: httpx.AsyncClient, app: App):
    found = await book(app, properties={"crew": 3, "desk": "A", "gone": True})
    path = f"/bookings/{found.booking.id}/properties"
    form = {"property.crew": "4", "property.desk": "B", "property.gone": "", "new_name": "van", "new_value": "7"}
    wrong = await pages.post(path, data={"revision": "1"} | form | {"property.crew": "x"}, headers=PART)
    assert "a int in JSON" in wrong.text or "in JSON, such as 3" in wrong.text
    assert (await pages.post(path, data={"revision": "1"} | form, headers=PART)).status_code == 200
    after = (await app.bookings.get(LOCAL, found.booking.id)).booking.properties
    assert after == {"crew": 4, "desk": "B", "van": "7"}


async def test_a_copy_leads_to_its_page_and_a_deleted_one_to_the_list(pages: httpx.AsyncClient, app: App):
    path = f"/bookings/{(await book(app)).booking.id}"
    copied = await pages.post(f"{path}/duplicate", data={"revision": "1", "start": "2026-03-02T10:00"}, headers=PART)
    assert (await pages.get(copied.headers["hx-redirect"])).status_code == 200
    await pages.post(f"{path}/cancel", data={"revision": "1", "why": "no crew"}, headers=PART)
    assert "no crew" in (await pages.get(path)).text
    gone = await pages.post(f"{path}/delete", data={"revision": "2"}, headers=PART)
    assert (gone.status_code, gone.headers["hx-redirect"]) == (204, "/bookings")
    assert (await pages.get(path)).status_code == 404


async def test_markup_is_text(pages: httpx.AsyncClient, app: App):
    await book(app, f"{NASTY} rival", nodes={"Sink": "Encoder 1"})
    found = await book(app, NASTY, START + 3 * HOUR, {"Sink": "Encoder 1"}, properties={NASTY: NASTY})
    path = f"/bookings/{found.booking.id}"
    form = {"revision": "1", "start": "2026-03-01T14:00", "end": "2026-03-01T15:00", "take." + NASTY: NASTY}
    answers = [
        await pages.get("/bookings", params={"q": "<img"}),
        await pages.get(path),
        *[await pages.get(f"{path}/{name}") for name, command in COMMANDS.items() if command.call],
        await pages.post(f"{path}/adjust", data=form),
    ]
    for answer in answers:
        assert "<img" not in answer.text
        assert "&lt;img src=x" in answer.text


async def test_a_change_needs_what_only_a_page_of_this_site_knows(signed_in: httpx.AsyncClient, app: App):
    path, form = f"/bookings/{(await book(app)).booking.id}", {"revision": "1"}
    assert (await signed_in.post(f"{path}/hold", data=form, headers=PART)).status_code == 403
    assert (await signed_in.post(f"{path}/hold", data=form | {"csrf": "x"})).status_code == 403
    csrf = re.search(r'name="csrf" content="(\w+)"', (await signed_in.get(path)).text)
    assert csrf
    assert (await signed_in.post(f"{path}/hold", data=form, headers=PART | {CSRF: csrf[1]})).status_code == 200
    form = {"revision": "2", "csrf": hidden((await signed_in.get(f"{path}/rename")).text, "csrf"), "name": "By form"}
    assert (await signed_in.post(f"{path}/rename", data=form)).status_code == 303


async def test_leaving_quarantine_tells_what_is_in_the_way_and_the_ways_out(pages: httpx.AsyncClient, app: App):
    lost = await book(app, "Lost", START, {"Sink": "Encoder 1"})
    await book(app, "Winner", START, {"Sink": "Encoder 1"}, priority=5, force=True)
    path = f"/bookings/{lost.booking.id}"
    page = (await pages.get(path)).text
    assert "chip state-quarantined" in page
    assert "leave-quarantine" in offered(page)
    refused = await pages.post(f"{path}/leave-quarantine", data={"revision": hidden(page, "revision")}, headers=PART)
    assert (refused.status_code, refused.headers["hx-retarget"]) == (409, "#ask")
    assert "held by" in refused.text
    way = ways(refused.text)["Take Encoder 2 for Sink"]
    form = {"revision": hidden(refused.text, "revision")} | dict([way])
    done = await pages.post(f"{path}/leave-quarantine", data=form, headers=PART)
    assert done.status_code == 200, done.text
    assert "chip state-partial" in done.text
    assert ">Encoder 2<" in done.text


def test_what_audits_found_is_shown_with_its_evidence():
    made = Check("port", "tcp", Finding.DOWN, NASTY, f"open {NASTY}", f"closed {NASTY}", "refused", {}, 3, START)
    waits = Check("picture", "stream", None)
    found = Round("r", f"after {NASTY}", "START", START, None, Status.DOWN, None, (made, waits))
    audits = Audits("b", None, waiting=True, rounds=(found,))
    shown = render("_happened.html", {"audits": audits, "runs": [], "log": [], "history": [], "zone": "UTC"})
    assert "<img" not in shown
    for told in ("one is under way", "Down", "after 3 tries", "its turn comes", "13:00:00"):
        assert told in shown


def test_what_a_step_changed_is_told_in_plain_words():
    step = SimpleNamespace(name="apply", state="done", error="", diff=[("up", False, True), ("rate <b>", None, "5 M")])
    one = SimpleNamespace(run=SimpleNamespace(script="start", message=""), steps=[step])
    told = str(ENVIRONMENT.get_template("_runs.html").module.steps(one))
    assert "up: false → true" in told
    assert "rate &lt;b&gt;: nothing → 5 M" in told


@pytest.mark.parametrize(
    ("state", "not_reset", "told"),
    [
        (State.FAILED, False, "Could not be started"),
        (State.FAILED_ACTIVE, False, "Failed while it runs"),
        (State.FAILED_COMPLETED, True, "Not reset"),
        (State.FAILED_COMPLETED, False, ""),
        (State.ACTIVE, False, ""),
    ],
)
async def test_what_failed_and_what_to_do_stand_at_the_head(
    pages: httpx.AsyncClient, app: App, store: SqlStore, state: State, not_reset: bool, told: str
):
    made = await book(app)
    await running(store, made, state, not_reset=not_reset)
    page = (await pages.get(f"/bookings/{made.booking.id}")).text
    head = page.split('aria-label="Life cycle"')[0]
    assert re.findall(r'<div class="banner bad"><strong>([^<]*)</strong>', head) == ([told] if told else [])
    assert ('class="to-do"' in head) == bool(told)
