# SPDX-License-Identifier: Apache-2.0
"""The algebra of a NETCONF datastore: subtree filters and edits (RFC 6241, 6 and 7.2)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping

from lxml import etree

Element = etree._Element  # noqa: SLF001 - the only name that lxml has for it
BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
_OPERATION = f"{{{BASE}}}operation"
Keys = Mapping[str, tuple[str, ...]]
"""Name of a list -> names of its key leaves."""


class RpcError(Exception):
    """What an ``<rpc-error>`` says (RFC 6241, appendix A)."""

    def __init__(self, tag: str, message: str, *, path: str = "", holder: int | None = None) -> None:
        super().__init__(message)
        self.tag, self.path, self.holder = tag, path, holder


def local(element: Element) -> str:
    """Its name without the namespace."""
    return str(etree.QName(element).localname)


def children(element: Element) -> Iterator[Element]:
    """Its elements, without comments."""
    return element.iterchildren(tag=etree.Element)


def text_of(element: Element) -> str:
    """Its text, without the white space around it."""
    return (element.text or "").strip()


def leaves_of(element: Element) -> dict[str, str]:
    """The leaves right below it, by name: a list entry as a row."""
    return {local(child): text_of(child) for child in children(element) if len(child) == 0}


def entries(config: Element, name: str) -> list[dict[str, str]]:
    """Every entry of a list, wherever it is, as a row of its leaves."""
    return [leaves_of(element) for element in config.iter(f"{{*}}{name}")]


def same(one: Element, other: Element, keys: Keys) -> bool:
    """Do both mean the same node: of one name and, in a list, of the same keys?"""
    return one.tag == other.tag and all(
        (one.findtext(f"{{*}}{key}") or "").strip() == (other.findtext(f"{{*}}{key}") or "").strip()
        for key in keys.get(local(one), ())
    )


def path_of(element: Element, keys: Keys) -> str:
    """An error-path: ``/circuits/circuit[name='a']/rate-kbit``; the root is left out."""
    steps = []
    for node in [element, *element.iterancestors()][:-1]:
        found = [f"[{key}='{(node.findtext(f'{{*}}{key}') or '').strip()}']" for key in keys.get(local(node), ())]
        steps.append(f"/{local(node)}{''.join(found)}")
    return "".join(reversed(steps))


def edit(target: Element, config: Element, keys: Keys, operation: str = "merge") -> None:
    """Bring what a ``<config>`` says into a datastore.

    Raises:
        RpcError: data-exists, data-missing, bad-attribute. The target is then half edited: edit a copy.
    """
    for node in children(config):
        wanted = node.get(_OPERATION, operation)
        found = next((child for child in children(target) if same(child, node, keys)), None)
        if _decided(target, node, found, wanted, keys):
            continue
        if found is None:
            found = etree.SubElement(target, node.tag, nsmap={None: etree.QName(node).namespace})  # type: ignore[dict-item]
        if len(node) == 0 and wanted != "none":
            found.text = text_of(node)
        edit(found, node, keys, wanted)


def _decided(target: Element, node: Element, found: Element | None, wanted: str, keys: Keys) -> bool:
    """Take away what is to go; is there no more to do?"""
    if wanted not in ("merge", "replace", "create", "delete", "remove", "none"):
        raise RpcError("bad-attribute", f"there is no operation {wanted}")
    if wanted == "create" and found is not None:
        raise RpcError("data-exists", f"{local(node)} is there already", path=path_of(found, keys))
    if found is None and wanted == "delete":
        raise RpcError("data-missing", f"there is no {local(node)} to delete")
    if found is not None and wanted in ("delete", "remove"):
        target.remove(found)
    if found is not None and wanted == "replace":
        for child in list(found):
            found.remove(child)
    return wanted in ("delete", "remove") or (found is None and wanted == "none")


def select(data: Element, subtree: Element, keys: Keys) -> Element:
    """What a subtree filter leaves of a datastore."""
    out = etree.Element(data.tag)
    for spec in children(subtree):
        for node in _matching(data, spec):
            if (found := _selected(node, spec, keys)) is not None:
                wrapped = etree.Element(data.tag)
                wrapped.append(found)
                edit(out, wrapped, keys)
    return out


def _selected(node: Element, spec: Element, keys: Keys) -> Element | None:
    matches = [child for child in children(spec) if len(child) == 0 and text_of(child)]
    if any(all(text_of(found) != text_of(match) for found in _matching(node, match)) for match in matches):
        return None
    others = [child for child in children(spec) if child not in matches]
    if not others:
        return copy.deepcopy(node)
    out = etree.Element(node.tag)
    for match in matches:
        out.extend(copy.deepcopy(found) for found in _matching(node, match))
    for other in others:
        out.extend(part for found in _matching(node, other) if (part := _selected(found, other, keys)) is not None)
    return out if len(out) else None


def _matching(node: Element, spec: Element) -> Iterator[Element]:
    namespace = etree.QName(spec).namespace
    return (
        child
        for child in children(node)
        if local(child) == local(spec) and namespace in (None, "", BASE, etree.QName(child).namespace)
    )
