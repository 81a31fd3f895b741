# SPDX-License-Identifier: Apache-2.0
"""Drivers of other reservation products; each runs in an environment of its own, made for the run."""
