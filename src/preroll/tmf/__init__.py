# SPDX-License-Identifier: Apache-2.0
"""The TM Forum door: TMF641 service ordering and TMF638 service inventory (v4), on the use cases.

A client that knows nothing of Preroll can order, watch and cancel. What its documents can say is in the published
specifications; what becomes of it is a mapping (facts, orders 4.8), and nothing is decided here.
"""

from preroll.tmf.application import create_tmf

__all__ = ["create_tmf"]
