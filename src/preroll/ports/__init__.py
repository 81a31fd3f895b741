# SPDX-License-Identifier: Apache-2.0
"""The protocols between the middle and its hands."""
