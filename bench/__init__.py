# SPDX-License-Identifier: Apache-2.0
"""Measures of Preroll, each taken beside a reference in the same run. ``python -m bench`` runs them all."""
