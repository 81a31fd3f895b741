# SPDX-License-Identifier: Apache-2.0
"""A small world with real devices: media nodes, a network, and the bundle and scripts that book them."""
