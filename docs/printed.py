# SPDX-License-Identifier: Apache-2.0
"""Parts of these pages are printed from the code. `python docs/printed.py` writes them, `--check` compares.

A part stands between ``<!-- printed: NAME -->`` and ``<!-- end -->``; the API's description is a whole file.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from preroll import cli, settings
from preroll.api import checks, documents, opening_hours, platform_documents, problems
from preroll.api.application import contract
from preroll.cli import exits, openapi, schema
from preroll.domain import permission
from preroll.domain.booking import LIFE_CYCLE
from preroll.formats import machines
from preroll.tmf import resources

HERE = Path(__file__).parent
PART = re.compile(r"(<!-- printed: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """A table of Markdown; a bar inside a word is escaped."""
    escaped = tuple(tuple(word.replace("|", "\\|") for word in row) for row in rows)
    return machines.bare_markdown(machines.Table("", head, escaped)) + "\n"


def diagram() -> str:
    """The life cycle as a fenced diagram."""
    return f"```mermaid\n{machines.as_mermaid(LIFE_CYCLE)}```\n"


def said(owner: type) -> dict[str, str]:
    """The docstrings that stand under the fields of a class."""
    (body,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(owner))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, line in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant):
            found[ast.unparse(field.target)] = str(line.value.value)
    return found


def settings_table() -> str:
    """Every setting of the process with its variable."""
    words = said(settings.Settings)

    def rows() -> Iterator[tuple[str, ...]]:
        for name, field in settings.Settings.model_fields.items():
            default = (
                ""
                if field.default_factory or not str(field.default) or field.default in ("", (), None)
                else f"`{field.default}`"
            )
            yield f"`{settings.PREFIX}{name.upper()}`", f"`{name}`", default, words.get(name, "")

    return table(("variable", "in the file", "default", ""), rows())


def problems_table() -> str:
    """Every error as the API tells it."""
    rows = (
        (str(status), f"`{error.code}`", title, inspect.getdoc(error) or "")
        for error, (status, title) in problems.PROBLEMS.items()
    )
    return table(("status", "code", "title", "what happened"), rows)


def routes_table() -> str:
    """Every call of the API."""

    def rows() -> Iterator[tuple[str, ...]]:
        for path, methods in contract()["paths"].items():
            for method, call in methods.items():
                yield method.upper(), f"`{path}`", call.get("description", call["summary"]).partition("\n")[0]

    return table(("", "path", ""), rows())


def shape(of: Mapping[str, Any]) -> str:
    """A type of a JSON Schema in words."""
    if "anyOf" in of or "oneOf" in of:
        return " or ".join(dict.fromkeys(shape(one) for one in of.get("anyOf") or of["oneOf"]))
    if of.get("pattern") == checks.A_REFERENCE["pattern"]:
        return "`${...}`"
    if "enum" in of:
        return ", ".join(f"`{word}`" for word in of["enum"])
    if "const" in of:
        return f"`{of['const']}`"
    if "$ref" in of:
        return "[" + of["$ref"].rpartition("/")[2].removesuffix("Given") + "]"
    if of.get("type") == "array":
        return f"list of {shape(of.get('items', {}))}"
    if isinstance(inner := of.get("additionalProperties"), Mapping):
        return f"mapping to {shape(inner)}"
    return {"object": "mapping", "string": "text", "boolean": "true or false"}.get(
        of.get("type", ""), of.get("type", "")
    )


def fields(model: type[BaseModel]) -> str:
    """The fields of one document."""
    schema = model.model_json_schema()
    known = {f"[{name.removesuffix('Given')}]": one for name, one in schema.get("$defs", {}).items()}

    def word(one: Mapping[str, Any]) -> str:
        text = shape(one)
        for name, other in known.items():
            text = text.replace(name, shape(other) if "enum" in other else f"*{name[1:-1]}*")
        return text

    def rows() -> Iterator[tuple[str, ...]]:
        for name, one in schema["properties"].items():
            default = f"`{json.dumps(one['default'])}`" if "default" in one else ""
            note = one.get("description", "needed" if name in schema.get("required", ()) else "")
            yield f"`{name}`", word(one), default if len(default) < 40 else "as shipped", note

    about = (inspect.getdoc(model) or "").partition("\n")[0]
    return f"{about}\n\n{table(('field', 'takes', 'default', ''), rows())}"


def bundle_tables() -> str:
    """Every kind of document, and what its parts consist of."""
    kinds = {
        "Bundle": documents.BundleGiven,
        "Platform": platform_documents.PlatformGiven,
        "ServiceStates": platform_documents.ServiceStatesGiven,
        "Mapping": platform_documents.MappingGiven,
        "Limits": platform_documents.LimitsGiven,
        "Colors": platform_documents.ColorsGiven,
        "Defaults": platform_documents.DefaultsGiven,
        "Pool": documents.PoolGiven,
        "Function": documents.FunctionGiven,
        "Interface": documents.InterfaceGiven,
        "Resource": documents.ResourceGiven,
        "Availability": opening_hours.AvailabilityGiven,
        "Period": opening_hours.PeriodGiven,
        "Hours": opening_hours.HoursGiven,
        "Blackout": opening_hours.BlackoutGiven,
        "Profile definition": documents.ProfileDefinitionGiven,
        "Parameter": documents.ParameterGiven,
        "Profile instance": documents.ProfileInstanceGiven,
        "Service definition": documents.ServiceDefinitionGiven,
        "Node": documents.NodeGiven,
        "Connection": documents.ConnectionGiven,
        "Audit": checks.CheckGiven,
        **{f"Parameters of {kind}": model for kind, model in checks.PARAMETERS.items()},
    }
    return "\n".join(f"### {title}\n\n{fields(model)}" for title, model in kinds.items())


def commands_text() -> str:
    """Every command that does something, with its arguments and options."""
    return "\n".join(command_text(command) for command in cli.parsers() if not command.is_group)


def command_text(command: cli.Parser) -> str:
    """One command."""
    told = command.description or ""
    rows = [
        (", ".join(f"`{word}`" if word.startswith("-") else f"*{word}*" for word in words), about)
        for words, about in command.parameters()
    ]
    text = f"### {command.prog}\n\n{told[:1].upper()}{told[1:]}\n"
    return f"{text}\n{table(('', ''), iter(rows))}" if rows else text


def exits_table() -> str:
    """How a command ends."""
    return table(("code", ""), ((str(code), meaning) for code, meaning in exits.EXITS.items()))


def permissions_table() -> str:
    """Which role may do what."""
    roles = [role.value for role in permission.Role]
    rows = (
        (f"`{action}`", *("yes" if role in permission.may(action) else "" for role in roles))
        for action in permission.PERMISSIONS
    )
    return table(("action", *roles), rows)


def tm_forum_table() -> str:
    """Every attribute of the TM Forum's resources, and what becomes of it."""

    def rows() -> Iterator[tuple[str, ...]]:
        for one in (*resources.SENT, resources.SERVICE):
            for attribute in one.attributes.values():
                kind = f"{attribute.shape}: `{attribute.of}`" if attribute.of else attribute.shape.value
                here = f"{attribute.fate}: {attribute.why}" if attribute.why else attribute.fate.value
                yield f"`{one.name}`", f"`{attribute.name}`", kind, here

    return table(("resource", "attribute", "type", "here"), rows())


PARTS: dict[str, Callable[[], str]] = {
    "states": machines.as_markdown,
    "life-cycle": diagram,
    "events": lambda: machines.bare_markdown(machines.events()) + "\n",
    "stages": lambda: machines.bare_markdown(machines.stages()) + "\n",
    "settings": settings_table,
    "permissions": permissions_table,
    "problems": problems_table,
    "routes": routes_table,
    "bundle": bundle_tables,
    "commands": commands_text,
    "exits": exits_table,
    "tm-forum-attributes": tm_forum_table,
}
FILES: dict[str, Callable[[], str]] = {
    "reference/openapi.json": openapi.printed,
    "reference/bundle.schema.json": schema.printed,
}


def printed(page: str) -> str:
    """A page with every part as the code has it now.

    Raises:
        KeyError: the page asks for a part that nobody prints.
    """
    return PART.sub(lambda found: f"{found[1]}\n{PARTS[found['name']]()}\n{found[3]}", page)


def stale(root: Path = HERE, files: Mapping[str, Callable[[], str]] = FILES) -> Iterator[tuple[Path, str]]:
    """Pages and files that differ from the code, with what they should say."""
    for path in sorted(p for p in root.rglob("*.md") if "_build" not in p.parts):
        text = path.read_text(encoding="utf-8")
        if (fresh := printed(text)) != text:
            yield path, fresh
    for name, write in files.items():
        path, fresh = root / name, write()
        if not path.exists() or path.read_text(encoding="utf-8") != fresh:
            yield path, fresh


def main(arguments: list[str]) -> int:
    """Write, or with ``--check`` only tell."""
    found = list(stale())
    for path, fresh in found:
        print(path.relative_to(HERE.parent))
        if "--check" not in arguments:
            path.write_text(fresh, encoding="utf-8")
    if found and "--check" in arguments:
        print("are not what the code prints now: make docs")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
