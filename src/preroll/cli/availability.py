# SPDX-License-Identifier: Apache-2.0
"""``preroll availability``: what could fill each node of a service, what is left of it, and when there is a slot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from preroll.cli.parser import A_LENGTH, A_TIME, Parser

if TYPE_CHECKING:
    from preroll.client.offers import Availability

MOST_SHOWN = 100
"""Eligible resources of each node."""
ORDERS = ("priority", "name", "left")


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, availability)
    option = parser.add_argument
    option("--start", metavar="TIME", required=True, help=f"on the air: {A_TIME}")
    option("--end", metavar="TIME", help="off the air; left out: permanent")
    option("--pre-roll", metavar="LENGTH", default="0s", help=A_LENGTH)
    option("--post-roll", metavar="LENGTH", default="0s", help=A_LENGTH)
    option("--definition", metavar="NAME", help="service definition: all its nodes are asked for")
    option("--function", metavar="NAME", default="", help="without a definition: what the resource can do")
    option("--pool", metavar="NAME", default="", help="without a definition: of which pool")
    many: Any = {"action": "append", "default": []}
    option("--profile", metavar="LABEL=INSTANCE", help="profile instance for a node; repeat it", **many)
    option("--value", metavar="LABEL.PARAMETER=VALUE", help="a parameter's value on a node; repeat it", **many)
    option("--ignore", metavar="BOOKING", default="", help="id of a booking that counts as not there, for a swap")
    told = "what is free for so long before and after as well comes first; default: the platform's"
    option("--guard", metavar="LENGTH", help=told)
    option("--order", choices=ORDERS, help="how they are sorted; default: the platform's")
    option(
        "--count", metavar="N", type=int, default=1, help="the next slot is when so many are free at once; default: 1"
    )
    option("--explain", action="store_true", help="tell why each other one does not fit")
    option("--platform", metavar="NAME", default="default", help="where; default: default")
    parser.asks_server()
    return parser


def availability(
    start: str,
    end: str | None,
    server: str,
    *,
    pre_roll: str,
    post_roll: str,
    definition: str | None,
    function: str,
    pool: str,
    profile: list[str],
    value: list[str],
    ignore: str,
    guard: str | None,
    order: str | None,
    count: int,
    explain: bool,
    platform: str,
    as_json: bool,
) -> None:
    """What is free: for each node the resources that fit over the whole time, best first."""
    from preroll.cli import output, words
    from preroll.cli.connect import connected
    from preroll.cli.exits import USAGE, Failure
    from preroll.client import calls

    if definition and (beside := "--function" if function else "--pool" if pool else ""):
        raise Failure(
            USAGE, f"{beside} stands beside --definition, which says it of each node", "leave one of them out"
        )
    nodes: dict[str, dict[str, Any]] = {} if definition else {"resource": {"function": function, "pool": pool}}
    for label, instance in words.pairs(profile, "--profile").items():
        nodes.setdefault(label, {})["profile"] = instance
    for label, values in words.node_values(value, "--value").items():
        nodes.setdefault(label, {})["values"] = values
    call = calls.availability(
        words.moment(start, "--start"), words.moment(end, "--end") if end else None, definition=definition,
        nodes=nodes, pre_roll=words.seconds(pre_roll, "--pre-roll"), post_roll=words.seconds(post_roll, "--post-roll"),
        guard=words.seconds(guard, "--guard") if guard else None, order=order, explain=explain, ignore=ignore,
        platform=platform, count=count, limit=max(MOST_SHOWN, count),
    )  # fmt: skip
    with connected(server) as client:
        found = client.send(call)
    if as_json:
        output.as_json(found)
    else:
        _show(found, count, explain=explain)


def _show(found: Availability, count: int, *, explain: bool) -> None:
    from preroll.cli import output
    from preroll.cli.connect import clash_told

    rows = [
        (label, offer.name, offer.concurrency_left, ", ".join(f"{n} {a:g}" for n, a in offer.capacities_left.items()))
        for label, node in found.nodes.items()
        for offer in node.eligible
    ]
    output.table(("node", "resource", "at once", "left"), rows, empty="nothing fits")
    for label, node in found.nodes.items():
        if not node.candidates:
            output.fields([(label, "no resource has this function and is of this pool")])
        elif (fit := len(node.eligible)) < count:
            when = f"from {node.next_start:%Y-%m-%d %H:%M:%S}Z" if node.next_start else "not within 30 days"
            slot = f"the next free slot{f' of {count} at once' if count > 1 else ''} is {when}"
            output.fields([(label, f"{fit or 'none'} of {node.candidates} {'fit' if fit > 1 else 'fits'}; {slot}")])
    if explain:
        refused = [
            (label, name, clash_told(rule))
            for label, node in found.nodes.items()
            for name, rules in node.refused.items()
            for rule in rules
        ]
        output.table(("node", "resource", "why not"), refused, empty="every candidate fits")
