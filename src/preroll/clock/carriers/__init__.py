# SPDX-License-Identifier: Apache-2.0
"""Carriers besides *here*, each with what its engine needs to run."""
