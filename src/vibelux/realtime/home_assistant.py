"""A facility as Home Assistant finds it by itself: one device, its entities, and when their values no longer count."""

from typing import Any

from vibelux import __version__
from vibelux.dispatch.facility import Facility

_ACTIONS = ["run", "stop", "hold", "unavailable"]


def discovery_topic(prefix: str, facility_id: str) -> str:
    """Where Home Assistant looks for the device."""
    return f"{prefix}/device/vibelux-{facility_id}/config"


def discovery(facility: Facility, *, base: str, status_topic: str, expire_after: float) -> dict[str, Any]:
    """The message that describes a facility's device; an empty one takes it out again.

    Args:
        facility: which.
        base: below it lie the facility's values (`vibelux/salinas-1`).
        status_topic: says `online` or `offline`.
        expire_after: seconds after which a value that was not told again is unavailable.
    """
    name = f"vibelux-{facility.id}"

    def entity(key: str, platform: str, title: str, **more: Any) -> dict[str, Any]:
        return {
            "platform": platform,
            "unique_id": f"{name}-{key}",
            "name": title,
            "state_topic": f"{base}/{key}",
            "expire_after": round(expire_after),
        } | more

    price = {"unit_of_measurement": "USD/kWh", "state_class": "measurement", "suggested_display_precision": 4}
    reasons = {
        "json_attributes_topic": f"{base}/decision",
        "json_attributes_template": "{{ {'reasons': value_json.decision.reasons} | tojson }}",
    }
    return {
        "device": {
            "identifiers": [name],
            "name": facility.name or facility.id,
            "manufacturer": "Vibelux",
            "model": "CHP desk",
            "sw_version": __version__,
        },
        "origin": {"name": "Vibelux", "sw_version": __version__},
        "availability_topic": status_topic,
        "qos": 1,
        "components": {
            "price": entity("price", "sensor", "Grid price", **price),
            "break-even": entity("break-even", "sensor", "Break-even price", **price),
            "set-point": entity(
                "set-point", "sensor", "Set-point", device_class="power", unit_of_measurement="kW",
                state_class="measurement",
            ),
            "action": entity("action", "sensor", "Action", device_class="enum", options=_ACTIONS),
            "reason": entity("reason", "sensor", "Reason", **reasons),
            "savings": entity(
                "savings", "sensor", "Savings today", device_class="monetary", unit_of_measurement="USD",
                state_class="total", suggested_display_precision=2,
            ),
            "next-change": entity("next-change", "sensor", "Next change", device_class="timestamp"),
            "degraded": entity("degraded", "binary_sensor", "Degraded", device_class="problem"),
        },
    }  # fmt: skip
