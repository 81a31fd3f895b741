# SPDX-License-Identifier: Apache-2.0
"""The only place where the parts meet, and where threads, processes and loops are made."""
