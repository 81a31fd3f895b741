# SPDX-License-Identifier: Apache-2.0
"""A small world with real devices: media nodes that run FFmpeg, and the bundle and scripts that book them."""
