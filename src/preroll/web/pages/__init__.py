# SPDX-License-Identifier: Apache-2.0
"""One module a page: its routes load what it shows by a use case, and fill a template."""
