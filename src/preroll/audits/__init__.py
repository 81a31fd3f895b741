# SPDX-License-Identifier: Apache-2.0
"""Audits: is the service really up? Each returns an ``Audit`` with its evidence, and never raises for what it finds."""
