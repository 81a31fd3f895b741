# SPDX-License-Identifier: Apache-2.0
"""``preroll demo``: a directory, the stage, the story, the verdict, and the way out."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from rich.console import Console

from preroll.client import calls
from preroll.demo import screen, story
from preroll.demo.board import Board
from preroll.demo.cast import BOTH, LINK, NEWS, PLATFORM, Half
from preroll.demo.evidence import Evidence
from preroll.demo.ruling import Verdict
from preroll.demo.server import ADMIN
from preroll.demo.stage import Stage, built
from preroll.demo.timing import Timing, timings
from preroll.demo.verdicts import judge
from preroll.demo.world import Unavailable

HELD, NOT_HELD, INTERRUPTED = 0, 1, 130
WIDE = 140
"""Columns of a table that nobody's terminal bounds."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the demo is played."""

    halves: frozenset[Half] = BOTH
    directory: Path | None = None
    """Where everything is written; None: a new place, removed after it unless something failed."""
    keep: bool = False
    """Leave server and devices running after the verdict, until Ctrl-C."""
    plain: bool = False
    """Lines, no live table."""
    json: bool = False
    """Print the verdicts as JSON; everything else goes to standard error."""


def main(options: Options) -> int:
    """Play the demo; 0: every promise was kept."""
    console = Console(stderr=options.json)
    if not console.is_terminal:
        console = Console(stderr=options.json, width=WIDE, color_system=None)
    root = Path(options.directory or tempfile.mkdtemp(prefix="preroll-demo-")).absolute()
    try:
        held = asyncio.run(_perform(root, options, console))
    except Unavailable as reason:
        console.print(f"The demo cannot run: {reason}", markup=False)
        held = False
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Interrupted; server and devices are stopped.")
        _remove(root, options)
        return INTERRUPTED
    if held:
        _remove(root, options)
        return HELD
    console.print(f"What happened is in {root}: logs, database, recordings.", markup=False, soft_wrap=True)
    return NOT_HELD


async def _perform(root: Path, options: Options, console: Console) -> bool:
    if (root / "server").exists():
        raise Unavailable(f"{root} holds an earlier demo; name another directory")
    _stop_on_termination()
    board = Board(url="")
    with screen.shown(board, console, plain=options.plain or not console.is_terminal) as closed:
        async with built(root, board, options.halves) as stage:
            await story.tell(stage)
            closed()
            verdicts = judge(stage.evidence)
            _show(verdicts, stage.evidence, board, options, console)
            if options.keep:
                await _keep(stage, root, options, console)
    return all(v.kept for v in verdicts)


def _show(verdicts: Sequence[Verdict], evidence: Evidence, board: Board, options: Options, console: Console) -> None:
    times = timings(evidence)
    if options.json:
        report = {"verdicts": [asdict(v) for v in verdicts], "timings": [_timing(t) for t in times]}
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())  # noqa: T201 - it was asked for
    console.print(screen.timing_table(times))
    console.print(screen.verdict_table(verdicts))
    kept = sum(v.kept for v in verdicts)
    style = "bold green" if kept == len(verdicts) else "bold red"
    console.print(f"{kept} of {len(verdicts)} promises kept, in {board.seconds:.0f} s", style=style, highlight=False)


def _timing(timing: Timing) -> dict[str, object]:
    return {**asdict(timing), "late_ms": timing.late / timedelta(milliseconds=1)}


async def _keep(stage: Stage, root: Path, options: Options, console: Console) -> None:
    """Leave one booking of each half up for an hour, say where everything is, and wait for Ctrl-C or SIGTERM."""
    places = [("server", stage.server.url), ("files", str(root))]
    if Half.MEDIA in options.halves:
        places += await _channel(stage)
    if Half.CIRCUIT in options.halves:
        places += await _circuit(stage)
    places += [
        ("page", f"{stage.server.url}/?platform={PLATFORM}   (sign in as {ADMIN}, password: {stage.server.password})"),
        ("sign in", f"preroll login {ADMIN} --server {stage.server.url}   (password: {stage.server.password})"),
        ("look", f"preroll booking list --platform {PLATFORM} --server {stage.server.url}"),
        ("stop", "Ctrl-C here"),
    ]
    for name, value in places:
        console.print(f"{name:<8} {value}", markup=False, soft_wrap=True, highlight=False)
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()


async def _channel(stage: Stage) -> list[tuple[str, str]]:
    """Put a picture on the air; where to see it, and its devices."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=12)
    night = calls.create_booking(
        "Night channel", start, start + timedelta(hours=1), pre_roll=10, post_roll=10, definition="Contribution",
        platform=PLATFORM, nodes=stage.world.choice(NEWS.chain, record="night-channel"),
    )  # fmt: skip
    await stage.act(await stage.client.send(night), "confirm")
    return [
        ("devices", "  ".join(f"{node.name} {node.url}" for node in stage.world.nodes.values())),
        ("picture", f"{stage.world.monitor(NEWS.chain)} from {start:%H:%M:%S}Z on"),
    ]


async def _circuit(stage: Stage) -> list[tuple[str, str]]:
    """Bring a circuit up; its devices, and where it is entered."""
    await stage.dial(LINK)
    devices = [
        f"{name} 127.0.0.1:{device.port} ({device.username}, {device.password})"
        for name, device in stage.network.devices.items()
    ]
    return [
        ("netconf", "  ".join(devices)),
        ("circuit", f"127.0.0.1:{stage.network.plane.doors[LINK.port]}, {LINK.kbit} kbit/s; {stage.network.what}"),
    ]


def _stop_on_termination() -> None:
    """Ctrl-C and SIGTERM end the demo with everything that it started, also where a shell has it ignore Ctrl-C."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - this is one
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def _remove(root: Path, options: Options) -> None:
    """Remove what nobody asked for by name."""
    if options.directory is None:
        with suppress(OSError):
            shutil.rmtree(root)
