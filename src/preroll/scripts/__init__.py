# SPDX-License-Identifier: Apache-2.0
"""Author code: found, run in processes of its own, and kept from harming anyone else."""
