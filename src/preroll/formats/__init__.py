# SPDX-License-Identifier: Apache-2.0
"""Text to documents and back: pure, no file is opened here."""
