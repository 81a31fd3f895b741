# SPDX-License-Identifier: Apache-2.0
"""How a command ends: one table of exit codes, and the words that go to standard error."""

from __future__ import annotations

OK, UNEXPECTED, USAGE, REFUSED, NOT_FOUND, STALE, UNAVAILABLE, NOT_PERMITTED, CANNOT_START, NOT_WELL, LEFT, TO_DO = (
    range(12)
)
INTERRUPTED = 130

# fmt: off
EXITS = {
    # code         meaning
    OK:            "done",
    UNEXPECTED:    "something unexpected went wrong",
    USAGE:         "the command line or the input is wrong; every mistake is listed, nothing was changed",
    REFUSED:       "a rule refused it: the state, a conflict, a name in use; nothing was changed",
    NOT_FOUND:     "there is no such thing",
    STALE:         "somebody else changed it first",
    UNAVAILABLE:   "the server does not answer, or its store is not available",
    NOT_PERMITTED: "you may not do this, or have not signed in",
    CANNOT_START:  "the process cannot start: settings, another engine, the port",
    NOT_WELL:      "a check found something that is not well (doctor, scripts check, audit)",
    LEFT:          "the worker has stopped, and left runs to be resumed by another engine",
    TO_DO:         "a plan was made, and there is something to do (plan)",
    INTERRUPTED:   "interrupted",
}
_STATUS = {401: NOT_PERMITTED, 403: NOT_PERMITTED, 404: NOT_FOUND, 409: REFUSED, 412: STALE, 428: STALE,
           502: UNAVAILABLE, 503: UNAVAILABLE, 504: UNAVAILABLE}
# fmt: on


class Failure(Exception):
    """A command that ends with a code and words for a person: what, and what to do next."""

    def __init__(self, code: int, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.code, self.what, self.hint = code, what, hint


def exit_of(status: int) -> int:
    """The exit code of an answer's status."""
    return _STATUS.get(status, USAGE if 400 <= status < 500 else UNEXPECTED)
