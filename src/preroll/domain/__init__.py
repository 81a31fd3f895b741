# SPDX-License-Identifier: Apache-2.0
"""The rules. Standard library only; no input, no output, no clock."""
