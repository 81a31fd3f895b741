# SPDX-License-Identifier: Apache-2.0
"""NETCONF messages on an SSH channel: both framings (RFC 6242), and XML that expands nothing."""

from __future__ import annotations

from typing import Any

from lxml import etree

from preroll.testing.netconf_tree import BASE, Element, RpcError

END = b"]]>]]>"
MAX_MESSAGE = 16_000_000
"""Bytes."""


class Wire:
    """One channel. Begins with the framing of NETCONF 1.0; ``chunked`` changes to that of 1.1."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self._reader, self._writer = reader, writer
        self._buffer = b""
        self.chunked = False

    async def receive(self) -> bytes:
        """The next message.

        Raises:
            EOFError: the other side has hung up, or sent something that is no frame.
        """
        if not self.chunked:
            return (await self._until(END)).strip()
        message = b""
        while True:
            head = (await self._until(b"\n")) or (await self._until(b"\n"))
            if head == b"##":
                return message
            size = int(head[1:]) if head[:1] == b"#" and head[1:].isdigit() else 0
            if not 0 < size <= MAX_MESSAGE - len(message):
                raise EOFError(f"{head[:20]!r} is no chunk")
            while len(self._buffer) < size:
                await self._more()
            message, self._buffer = message + self._buffer[:size], self._buffer[size:]

    def send(self, message: bytes) -> None:
        """Write a message."""
        self._writer.write(b"\n#%d\n%s\n##\n" % (len(message), message) if self.chunked else message + END)

    async def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            await self._more()
        found, _, self._buffer = self._buffer.partition(end)
        return found

    async def _more(self) -> None:
        data = await self._reader.read(65536)
        if not data or len(self._buffer) > MAX_MESSAGE:
            raise EOFError("the other side has hung up")
        self._buffer += data


def parsed(message: bytes) -> Element:
    """The element of a message. Raises etree.XMLSyntaxError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=True, remove_comments=True)
    return etree.fromstring(message, parser)


def greeting(session: int, capabilities: list[str]) -> bytes:
    """The server's ``<hello>``."""
    hello = _base("hello")
    listed = etree.SubElement(hello, f"{{{BASE}}}capabilities")
    for capability in capabilities:
        etree.SubElement(listed, f"{{{BASE}}}capability").text = capability
    etree.SubElement(hello, f"{{{BASE}}}session-id").text = str(session)
    return etree.tostring(hello)


def reply(rpc: Element, content: Element | RpcError | None) -> bytes:
    """The ``<rpc-reply>``: data, an error, or ``<ok/>``."""
    answer = _base("rpc-reply")
    for name, value in rpc.attrib.items():
        answer.set(str(name), str(value))
    if isinstance(content, RpcError):
        answer.append(_error(content))
    else:
        answer.append(etree.Element(f"{{{BASE}}}ok") if content is None else content)
    return etree.tostring(answer)


def _error(error: RpcError) -> Element:
    element = etree.Element(f"{{{BASE}}}rpc-error")
    said = {
        "error-type": "application",
        "error-tag": error.tag,
        "error-severity": "error",
        "error-path": error.path,
        "error-message": str(error),
    }
    for name, text in said.items():
        if text:
            etree.SubElement(element, f"{{{BASE}}}{name}").text = text
    if error.holder is not None:
        info = etree.SubElement(element, f"{{{BASE}}}error-info")
        etree.SubElement(info, f"{{{BASE}}}session-id").text = str(error.holder)
    return element


def _base(name: str) -> Element:
    return etree.Element(f"{{{BASE}}}{name}", nsmap={None: BASE})  # type: ignore[dict-item]
