# SPDX-License-Identifier: Apache-2.0
"""Devices with NETCONF (RFC 6241): candidate, confirmed commit, and the device's own diff."""

from preroll.drivers.netconf.driver import NetconfDriver, netconf

__all__ = ["NetconfDriver", "netconf"]
