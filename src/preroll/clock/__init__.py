# SPDX-License-Identifier: Apache-2.0
"""The door for time: claims what is due, has it run, settles what came of it."""
