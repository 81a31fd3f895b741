# SPDX-License-Identifier: Apache-2.0
"""Proof of who somebody is: passwords, and providers of OpenID Connect."""
