# SPDX-License-Identifier: Apache-2.0
"""Preroll books resources over time and takes the service that they form on the air, and off again, on time."""

__version__ = "0.1.0"
