# SPDX-License-Identifier: Apache-2.0
"""Devices with a JSON API shaped like NMOS IS-05: staged, active, activation."""

from preroll.drivers.http.driver import HttpDriver, http

__all__ = ["HttpDriver", "http"]
