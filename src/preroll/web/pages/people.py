# SPDX-License-Identifier: Apache-2.0
"""People: who they are, what they may do where, and how they get in. For an admin everywhere."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Response

from preroll.app.users import NamedRights, NewUser, UserEdit, made_up
from preroll.domain.account import LONGEST
from preroll.domain.errors import NotFound, PrerollError, Refused
from preroll.domain.permission import Role
from preroll.gate.statuses import status_of
from preroll.web import people_shown as shown
from preroll.web.frame import Frame, TheFrame
from preroll.web.pages import tokens

router = APIRouter(prefix="/people")

Ident = Annotated[str, Path(max_length=100)]
Typed = Annotated[str, Form(max_length=LONGEST)]
Line = Annotated[str, Form(max_length=200)]
Words = Annotated[str, Form(max_length=2000)]
Roles = Annotated[list[str], Form(max_length=1000)]
MAKE_UP = "make up"
NOTHING_YET: Mapping[str, Any] = {"secret": "", "refused": None, "beside": {}, "done": ""}


@router.get("")
async def people(frame: TheFrame) -> Response:
    """Everybody, and every token."""
    found = await frame.door.app.users.list(frame.by)
    people = [shown.person(one) for one in found]
    return frame.page("people.html", people=people, **await tokens.of(frame, tokens.ALL), **NOTHING_YET)


@router.get("/new")
async def new(frame: TheFrame) -> Response:
    """A form for one more person."""
    first = not await frame.door.app.users.list(frame.by)
    rights = NamedRights([Role.ADMIN.value] if first else [Role.VIEWER.value])
    return frame.page("person_new.html", **_form(frame, rights, None), first=first, name="", full_name="")


@router.post("/new")
async def add(
    frame: TheFrame,
    name: Line,
    full_name: Line = "",
    password: Typed = "",
    role: Roles = [],  # noqa: B006 - FastAPI copies it
    scopes: Words = "",
    do: Line = "",
) -> Response:
    """Add a person; a password that is made up is shown this once."""
    rights, secret = shown.given(role, scopes), made_up() if do == MAKE_UP else ""
    try:
        found = await frame.door.app.users.create(
            frame.by, NewUser(name.strip(), rights, full_name, secret or password)
        )
    except Refused as refused:
        values = _form(frame, rights, refused)
        return frame.part(
            "_person_new.html", status_of(refused)[0], **values, first=False, name=name, full_name=full_name
        )  # fmt: skip
    frame.door.guard.forget()
    return frame.part("_person_made.html", person=shown.person(found), secret=secret)


@router.get("/{ident}")
async def person(frame: TheFrame, ident: Ident) -> Response:
    """One person."""
    return frame.page("person.html", **await _shown(frame, ident, None))


@router.post("/{ident}")
async def change(
    frame: TheFrame,
    ident: Ident,
    do: Line,
    revision: Annotated[int, Form(ge=0, le=2**53)],
    full_name: Line = "",
    password: Typed = "",
    role: Roles = [],  # noqa: B006 - FastAPI copies it
    scopes: Words = "",
) -> Response:
    """Do something with a person, as it was when it was shown."""
    doing = DOINGS.get(do)
    if doing is None:
        raise NotFound("action", do)
    secret = made_up() if do == MAKE_UP else ""
    rights = shown.given(role, scopes)
    said = {"full_name": full_name, "password": secret or password, "rights": rights, "revision": revision}
    refused: PrerollError | None = None
    try:
        await doing(frame, ident, said)
    except Refused as error:
        refused, secret = error, ""
    frame.door.guard.forget()
    if do == "remove" and refused is None:
        return Response(status_code=204, headers={"HX-Redirect": "/people"})
    status = status_of(refused)[0] if refused else 200
    typed = rights if refused and do == "save" else None
    values = await _shown(frame, ident, refused, typed)
    return frame.part("_person.html", status, **{**values, "secret": secret, "done": "" if refused else do})


Said = Mapping[str, Any]
Doing = Callable[[Frame, str, Said], Coroutine[Any, Any, object]]


def _edits(edit: Callable[[Said], UserEdit]) -> Doing:
    return lambda frame, ident, said: frame.door.app.users.edit(frame.by, ident, said["revision"], edit(said))


# fmt: off
DOINGS: Mapping[str, Doing] = {
    # button     what it does
    "save":      _edits(lambda said: UserEdit(rights=said["rights"], full_name=said["full_name"])),
    "password":  _edits(lambda said: UserEdit(password=said["password"] or " ")),
    MAKE_UP:     _edits(lambda said: UserEdit(password=said["password"])),
    "disable":   _edits(lambda _: UserEdit(disabled=True)),
    "enable":    _edits(lambda _: UserEdit(disabled=False)),
    "unlock":    lambda frame, ident, _: frame.door.app.users.unlock(frame.by, ident),
    "sign out":  lambda frame, ident, _: frame.door.app.users.sign_out(frame.by, ident),
    "remove":    lambda frame, ident, said: frame.door.app.users.remove(frame.by, ident, said["revision"]),
}
# fmt: on


async def _shown(
    frame: Frame, ident: str, refused: PrerollError | None, typed: NamedRights | None = None
) -> dict[str, Any]:
    """A person, with the tokens."""
    found = await frame.door.app.users.get(frame.by, ident)
    return {
        **NOTHING_YET, **await tokens.of(frame, found.user.name), **_form(frame, typed or shown.named(found), refused),
        "found": found, "user": found.user, "person": shown.person(found),
    }  # fmt: skip


def _form(frame: Frame, rights: NamedRights, refused: PrerollError | None) -> dict[str, Any]:
    return {
        "lines": shown.lines(rights, [platform.name for platform in frame.platforms]), "roles": shown.ROLES,
        "scopes": " ".join(rights.scopes), "refused": refused, "beside": shown.beside(refused),
    }  # fmt: skip
