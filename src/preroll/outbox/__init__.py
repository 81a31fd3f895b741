# SPDX-License-Identifier: Apache-2.0
"""The door for neighbours: what happened here is sent to those who asked for it. The engine never calls it."""
