# SPDX-License-Identifier: Apache-2.0
"""Devices that are configured by their command line, over SSH; the commands are declared in the address."""

from preroll.drivers.ssh.driver import SshDriver, ssh

__all__ = ["SshDriver", "ssh"]
