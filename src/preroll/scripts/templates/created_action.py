# SPDX-License-Identifier: Apache-2.0
"""Looks at a booking before it is confirmed: fills in what is missing, or refuses."""

from preroll.sdk import BlockingCreatedContext, Rejected, created_action


@created_action
def script_name(ctx: BlockingCreatedContext) -> None:
    """Name it as the created booking action of a node; its parameters come with it."""
    # The message is shown to whoever confirms; the booking stays Partial.
    customer = ctx.booking.properties.get("customer")
    if not customer:
        raise Rejected("say for which customer this is: set the property customer")
    # What is set here is kept when the booking is Confirmed, all of it or nothing. There are also
    # ctx.assign(LABEL, RESOURCE) for a node that nobody has chosen a resource for, and
    # ctx.set_value(LABEL, PARAMETER, VALUE) for a value of its profile.
    prefix = ctx.parameters.get("prefix", "REF")
    ctx.set_property("reference", f"{prefix}-{customer}-{ctx.booking.id[:8]}")
