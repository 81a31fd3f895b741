# SPDX-License-Identifier: Apache-2.0
"""What both doors of HTTP stand behind: who asks, from where, how much; sessions in cookies; statuses; counters."""
