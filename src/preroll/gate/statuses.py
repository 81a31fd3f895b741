# SPDX-License-Identifier: Apache-2.0
"""Errors in the statuses of HTTP. One table; what it does not list is a server error."""

from __future__ import annotations

from collections.abc import Mapping

from preroll.domain.errors import (
    ActionNotPossible,
    Conflict,
    InUse,
    Invalid,
    KeyReused,
    NameInUse,
    NotFound,
    NotPermitted,
    NotReady,
    NotSignedIn,
    PrerollError,
    ProviderUnavailable,
    Refused,
    SignInLocked,
    Stale,
    StoreUnavailable,
    TransitionNotAllowed,
    WouldFail,
)


class BadHeader(PrerollError):
    """A header of the request cannot be read."""

    code = "bad_request"


class RevisionNeeded(PrerollError):
    """This server wants to know which revision a change is made on."""

    code = "revision_needed"
    hint = "read the booking first, and send its ETag as If-Match (or If-Match: * to change it as it is)"


# fmt: off
PROBLEMS: Mapping[type[PrerollError], tuple[int, str]] = {
    # error                status  title
    BadHeader:            (400, "The request cannot be read"),
    NotSignedIn:          (401, "Not signed in"),
    NotPermitted:         (403, "Not permitted"),
    NotFound:             (404, "Not found"),
    Refused:              (409, "Refused"),
    TransitionNotAllowed: (409, "Not possible in this state"),
    ActionNotPossible:    (409, "Not possible now"),
    NotReady:             (409, "Not ready to be confirmed"),
    Conflict:             (409, "A resource is not free"),
    WouldFail:            (409, "Events of bookings would fail"),
    NameInUse:            (409, "The name is in use"),
    InUse:                (409, "Still in use"),
    Stale:                (412, "Changed by someone else"),
    Invalid:              (422, "Invalid input"),
    KeyReused:            (422, "The idempotency key was used for another request"),
    RevisionNeeded:       (428, "If-Match is needed"),
    SignInLocked:         (429, "Too many failed sign-ins"),
    ProviderUnavailable:  (502, "The OpenID Connect provider is not available"),
    StoreUnavailable:     (503, "The store is not available"),
}
HTTP_CODES: Mapping[int, tuple[str, str]] = {
    # status  code                  title
    400: ("bad_request",            "The request cannot be read"),
    404: ("no_such_route",          "There is nothing at this address"),
    405: ("method_not_allowed",     "This address does not know the method"),
    413: ("too_large",              "The request is too large"),
    415: ("media_type",             "The body must be JSON"),
    500: ("unexpected",             "Something unexpected went wrong"),
}
# fmt: on


def status_of(error: PrerollError) -> tuple[int, str]:
    """Status and title of an error, by its nearest class in the table."""
    return next((PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS), (500, HTTP_CODES[500][1]))
