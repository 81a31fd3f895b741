# SPDX-License-Identifier: Apache-2.0
"""Devices that are configured by SNMP; the objects are declared in the address."""

from preroll.drivers.snmp.driver import SnmpDriver, snmp

__all__ = ["SnmpDriver", "snmp"]
