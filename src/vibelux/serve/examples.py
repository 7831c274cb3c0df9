"""One of everything, for the contract's documents. A test sends each request and holds each answer to its shape."""

from typing import Any

Example = dict[str, Any]

FACILITY: Example = {
    "id": "salinas-1",
    "name": "Salinas glasshouse 1",
    "iso_region": "CAISO",
    "pricing_node": "TH_NP15_GEN-APND",
    "latitude": 36.67,
    "longitude": -121.65,
    "timezone": "America/Los_Angeles",
    "prices": {
        "import_adder_usd_per_kwh": 0.062,
        "export_factor": 1.0,
        "export_adder_usd_per_kwh": -0.004,
        "gas_hub": "FRPGE1",
        "gas_adder_usd_per_mmbtu": 0.95,
        "carbon": "embedded",
    },
    "grid": {"import_max_kw": 4000, "export_max_kw": 2000},
    "chp": [
        {
            "id": "engine-1",
            "rated_kw": 1000,
            "min_load": 0.5,
            "electric_efficiency": {"full": 0.385, "half": 0.345},
            "thermal_efficiency": {"full": 0.43, "half": 0.47},
            "start_cost_usd": 5,
            "om_usd_per_kwh": 0.012,
        }
    ],
    "boiler": [{"id": "boiler-1", "rated_kw": 3000, "efficiency": 0.85}],
    "demand": {"power_kw": 200, "heat_kw": 500},
}

_PRICE: Example = {
    "kind": "electricity-price",
    "iso_region": "CAISO",
    "region": "California",
    "pricing_node": "TH_NP15_GEN-APND",
    "market": "real-time-5min",
    "price_type": "LMP",
    "node_type": None,
    "price_per_kwh": 0.0612,
    "energy_component": 0.0598,
    "congestion_component": 0.0011,
    "loss_component": 0.0003,
    "ghg_component": 0.0,
    "currency": "USD",
    "market_interval_start": "2026-07-14T20:00:00Z",
    "market_interval_end": "2026-07-14T20:05:00Z",
    "data_source": "CAISO OASIS PRC_INTVL_LMP",
    "confidence_level": 100.0,
    "origin": "live",
    "known_at": "2026-07-14T19:55:41Z",
}
LATEST_PRICE: Example = {name: _PRICE[name] for name in _PRICE if name != "kind"} | {
    "quality": "good",
    "ageSeconds": 0.0,
}

_EXPECTED: Example = {"iso_region": "CAISO", "pricing_node": "TH_NP15_GEN-APND", "market": "real-time-5min"}
OUTLOOK: Example = {
    "rows": [
        {
            "start": "2026-07-14T20:00:00Z",
            "end": "2026-07-14T20:05:00Z",
            "kind": "forecast",
            "price": 0.0587,
            "p10": 0.0412,
            "p50": 0.0587,
            "p90": 0.0931,
            "source": "forecast of real-time-5min: same hours of the last 14 days; learnt from 182 days",
        }
    ],
    "next": None,
    **_EXPECTED,
    "timestamp": "2026-07-14T20:00:30Z",
}
SITE_OUTLOOK: Example = {
    "facilityId": "salinas-1",
    "timestamp": "2026-07-14T20:10:04Z",
    "source": "greenhouse model, weather forecast of 2026-07-14T19:00:00Z",
    "quality": "model",
    "notes": ["No irradiance is forecast: a clear sky under the forecast cloud cover stands in for it."],
    "fit": {
        "at": "2026-07-14T07:00:00Z",
        "hours": 1440,
        "lossFactor": 1.18,
        "solarGain": 0.42,
        "uaKwPerK": 94.1,
        "r2": 0.93,
        "rmseKw": 61.0,
        "used": True,
    },
    "light": [{"id": "tops", "day": "2026-07-14", "kwh": 8200.0}],
    "degreeDays": {
        "baseC": 18.3333,
        "unit": "degC.day",
        "rows": [{"day": "2026-07-14", "heating": 2.1, "cooling": 0.0, "kind": "forecast"}],
    },
    "rows": [
        {
            "start": "2026-07-14T20:10:00Z",
            "end": "2026-07-14T20:15:00Z",
            "powerKw": 210.0,
            "heatKw": 420.5,
            "co2KgPerH": 60.0,
            "pvKw": 140.0,
            "temperatureC": 18.2,
            "irradianceWPerM2": 815.0,
        }
    ],
    "next": None,
}
OUTLOOK_SCORE: Example = {
    "rows": [
        {
            "lead": "0-2 h",
            "steps": 22320,
            "mae": 8.1,
            "mae_yesterday": 10.9,
            "mae_last_week": 13.2,
            "better_mae": 0.257,
            "coverage": 0.79,
        }
    ],
    "next": None,
    **_EXPECTED,
}

RECORDS: dict[str, Example] = {
    "electricity-price": _PRICE,
    "gas-price": {
        "kind": "gas-price",
        "hub_name": "Henry Hub",
        "region": "Louisiana",
        "price_per_mmbtu": 3.18,
        "basis_differential": 0.0,
        "currency": "USD",
        "trading_date": "2026-07-13",
        "delivery_date": None,
        "contract_type": "spot",
        "contract": None,
        "data_source": "EIA",
    },
    "carbon-price": {
        "kind": "carbon-price",
        "market_name": "California Cap-and-Trade",
        "region": "California",
        "price_per_metric_ton": 29.27,
        "currency": "USD",
        "vintage_year": 2026,
        "market_type": "compliance",
        "trading_date": "2026-05-20",
        "data_source": "CARB",
    },
    "series": {
        "kind": "series",
        "provider": "caiso",
        "category": None,
        "variable": "load",
        "location": "CAISO",
        "unit": "MW",
        "value": 31240.0,
        "valid_start": "2026-07-14T20:00:00Z",
        "valid_end": "2026-07-14T20:05:00Z",
        "issued_at": None,
        "data_source": "CAISO Today's Outlook demand",
    },
    "ancillary-price": {
        "kind": "ancillary-price",
        "iso_region": "CAISO",
        "region": "AS_CAISO_EXP",
        "product": "RU",
        "service": "regulation-up",
        "market": "day-ahead-hourly",
        "price_per_mw_hour": 4.2,
        "interval_start": "2026-07-14T20:00:00Z",
        "interval_end": "2026-07-14T21:00:00Z",
        "data_source": "CAISO OASIS PRC_AS",
    },
    "capacity-price": {
        "kind": "capacity-price",
        "iso_region": "PJM",
        "region": "RTO",
        "auction": "2027/2028 Base Residual Auction",
        "delivery_start": "2027-06-01",
        "delivery_end": "2028-05-31",
        "price_per_mw_day": 333.44,
        "data_source": "PJM RPM auction results",
    },
    "constraint": {
        "kind": "constraint",
        "iso_region": "NYISO",
        "constraint_name": "CENTRAL EAST - VC",
        "contingency": "BASE CASE",
        "market": "real-time-5min",
        "shadow_price": 41.7,
        "interval_start": "2026-07-14T20:00:00Z",
        "interval_end": "2026-07-14T20:05:00Z",
        "data_source": "NYISO LimitingConstraints",
    },
}

DECISION: Example = {
    "decision": {
        "action": "run",
        "validFrom": "2026-07-14T20:00:00Z",
        "validUntil": "2026-07-14T20:05:00Z",
        "units": [{"id": "engine-1", "on": True, "powerKw": 1000.0, "heatKw": 1117.0, "fuelKwHhv": 2597.0}],
        "gridImportKw": 0.0,
        "gridExportKw": 800.0,
        "boilerKw": 0.0,
        "lightingKw": 0.0,
        "storageKwh": None,
        "netBenefitUsdPerHour": 31.24,
        "breakEvenGridPrice": 0.0437,
        "confidence": 90,
        "reasons": ["The grid price of 61.20 USD/MWh is above the break-even of 43.70 USD/MWh."],
        "basis": {},
        "solve": {"status": "optimal", "gap": 0.0, "milliseconds": 0.2},
    },
    "marketConditions": {
        "gridPrice": 0.0612,
        "gasPrice": 3.81,
        "co2Price": 29.27,
        "timestamp": "2026-07-14T20:00:00Z",
        "region": "California",
        "dataQuality": {"electricity": "good", "gas": "good", "carbon": "good"},
        "origin": {"electricity": "live", "gas": "live", "carbon": "live"},
    },
    "operations": None,
    "dataFreshness": {"electricity": 30.0, "gas": 72030.0, "carbon": 4752030.0},
    "timestamp": "2026-07-14T20:00:30Z",
}

SCHEDULE: Example = {
    "facilityId": "salinas-1",
    "rows": [
        {
            "start": "2026-07-14T20:00:00Z",
            "end": "2026-07-14T20:05:00Z",
            "importPrice": 0.1232,
            "exportPrice": 0.0572,
            "units": DECISION["decision"]["units"],
            "gridImportKw": 0.0,
            "gridExportKw": 800.0,
            "boilerKw": 0.0,
        }
    ],
    "next": None,
}

_PARTS = {"energy_import": 0.0, "energy_export": -411.84, "gas": 807.2, "carbon": 0.0, "om": 288.0, "penalties": 0.0,
          "starts": 12.0, "stored": 0.0}  # fmt: skip
_SAVINGS_TOTAL: Example = {
    "from": "2026-07-14T07:00:00Z",
    "to": "2026-07-15T07:00:00Z",
    "decided": {"costUsd": 695.36, "knownUsd": 694.9, "restatedUsd": 0.12, "parts": _PARTS},
    "operated": {"hours": 20.0, "costUsd": 590.1, "decidedUsd": 581.2, "differenceUsd": 8.9, "parts": _PARTS},
    "challenger": None,
    "baselines": {"heat-led": {"costUsd": 812.4, "parts": _PARTS}},
    "savingsUsd": {"heat-led": 117.04},
    "hoursCovered": 24.0,
    "hoursMissing": 0.0,
    "hoursUnsettled": 0.0,
}

SAVINGS: Example = {
    "facilityId": "salinas-1",
    **_SAVINGS_TOTAL,
    "by": "day",
    "demandCharges": [],
    "demandSavingsUsd": {"heat-led": 0.0},
    "demandResponse": [],
    "demandResponseUsd": 0.0,
    "rows": [
        {
            "start": "2026-07-14T07:00:00Z",
            "day": "2026-07-14",
            "hours": 24.0,
            "costUsd": 695.36,
            "knownUsd": 694.9,
            "restatedUsd": 0.12,
            "operated": {"hours": 20.0, "costUsd": 590.1, "decidedUsd": 581.2, "differenceUsd": 8.9},
            "baselines": {"heat-led": 812.4},
            "savingsUsd": {"heat-led": 117.04},
        }
    ],
    "restatements": [],
    "next": None,
}

SAVINGS_TOTALS: Example = {
    "facilityId": "salinas-1",
    "at": "2026-07-15T07:00:00Z",
    "since": "2026-03-02T16:05:00Z",
    **{
        name: _SAVINGS_TOTAL | {"from": begin, "demandResponseUsd": 0.0}
        for name, begin in (
            ("today", "2026-07-14T07:00:00Z"),
            ("month", "2026-07-01T07:00:00Z"),
            ("year", "2026-01-01T08:00:00Z"),
        )
    },
}

RETURN: Example = {
    "from": "2025-07-15T00:00:00Z",
    "to": "2026-07-16T00:00:00Z",
    "against": "heat-led",
    "facilities": [
        {"facilityId": "salinas-1", "hours": 8784.0, "decisionsUsd": 42716.3, "peakUsd": 3120.0,
         "demandResponseUsd": 5230.5, "usdPerYear": 50962.1}
    ],
    "costs": [
        {"what": "pjm", "kind": "data", "requestsPerMonth": 9120, "usdPerMonth": 750.0},
        {"what": "database", "kind": "infrastructure", "requestsPerMonth": None, "usdPerMonth": 300.0},
    ],
    "databaseMegabytes": 8120.4,
    "savingsUsdPerYear": 50962.1,
    "costsUsdPerYear": 12600.0,
    "onceUsd": 10000.0,
    "netUsdPerYear": 38362.1,
    "paybackMonths": 3.1,
    "firstYearReturnPercent": 125.5,
    "measured": {"decisionsPercent": 14.4, "peakPercent": 11.2, "demandResponseUsdPerYear": 5219.8},
    "promised": {"decisionsPercent": [5, 15], "peakPercent": [10, 20], "demandResponseUsdPerYear": [5000, 50000]},
}  # fmt: skip

FEED: Example = {
    "feed": "caiso/real-time-pricing",
    "provider": "caiso",
    "data_type": "real-time-pricing",
    "region": "California",
    "cadence_seconds": 300,
    "enabled": True,
    "position": "2026-07-14T20:00:00Z",
    "error": None,
    "price_disagreements": 0,
    "ageSeconds": 30.0,
    "light": "good",
}
QUALITY: Example = {
    "day": "2026-07-14",
    "feed": "caiso/real-time-pricing",
    "provider": "caiso",
    "data_type": "real-time-pricing",
    "region": "California",
    "timezone": "America/Los_Angeles",
    "intervalsExpected": 156,
    "intervalsStored": 155,
    "completeness": 0.9936,
    "latenessP50Seconds": -262.0,
    "latenessP95Seconds": -198.5,
    "payloads": 161,
    "failures": 2,
    "corrections": 12,
    "quarantined": 3,
    "implausible": 1,
    "disagreements": 0,
    "knownBefore": True,
    "since": None,
}
BROKEN: Example = {"feed": "caiso/real-time-pricing", "fault": "html", "since": "2026-07-14T20:00:00Z"}
DRILL: Example = {
    "rows": [BROKEN],
    "next": None,
    "faults": {"html": "A page for people comes where data should be."},
    "feeds": ["caiso/real-time-pricing"],
}
REPAIR: Example = {
    "kind": "intervals-missing",
    "subject": "caiso/real-time-pricing",
    "words": "caiso/real-time-pricing lacks 3 of 288 intervals of 2026-07-13.",
    "command": "vibelux backfill caiso/real-time-pricing --from 2026-07-13T07:00:00Z --to 2026-07-14T07:00:00Z",
    "urgent": False,
}
NODE: Example = {
    "iso_region": "CAISO",
    "pricing_node": "TH_NP15_GEN-APND",
    "node_type": "hub",
    "place": "Sacramento",
    "latitude": 38.58,
    "longitude": -121.49,
    "first_seen": "2026-07-01",
    "last_seen": "2026-07-14",
    "match": "holds",
}
HENRY_HUB: Example = {
    "spot": 3.18,
    "trading_date": "2026-07-13",
    "age_seconds": 72030.0,
    "quality": "good",
    "source": "EIA",
    "futures": 3.21,
    "contract": "NGQ26",
    "disagreement": -0.0093,
    "disagrees": False,
}
BASIS: Example = {
    "region": "California",
    "hub": "PG&E Citygate",
    "differential": 0.63,
    "price": 3.81,
    "trading_date": "2026-07-13",
    "age_seconds": 72030.0,
    "source": "EIA",
}
CURVE_POINT: Example = {
    "contract": "NGQ26",
    "delivery": "2026-08-01",
    "price": 3.21,
    "trading_date": "2026-07-13",
    "source": "NYMEX",
}
CARBON: Example = {
    "market": "California Cap-and-Trade",
    "price": 29.27,
    "vintage_year": 2026,
    "trading_date": "2026-05-20",
    "age_seconds": 4752030.0,
    "quality": "good",
    "source": "CARB",
}
DEED: Example = {
    "id": 17,
    "at": "2026-07-14T20:00:30Z",
    "caller_id": "0197f1c2-5d0e-7a51-9b1f-0d4b6c2b7f11",
    "caller": "desk",
    "origin": "192.0.2.10",
    "action": "PUT /api/facilities/{facility_id}",
    "target": "/api/facilities/salinas-1",
    "facility_id": "salinas-1",
    "outcome": "200",
}
ALERT: Example = {
    "id": 5,
    "facility": "salinas-1",
    "kind": "stale-data",
    "state": "open",
    "subject": "electricity",
    "text": "Stale data: the real-time price of TH_NP15_GEN-APND (CAISO) is 16 min old; the limit is 15 min.",
    "about": {"commodity": "electricity", "ageSeconds": 962.0, "limitSeconds": 900.0, "source": "real-time-5min"},
    "at": "2026-07-14T20:16:02Z",
    "resolvedAt": None,
}
REPORT: Example = {
    "timestamp": "2026-07-14T20:00:00Z",
    "units": [{"id": "engine-1", "on": True, "powerKw": 870.0, "heatKw": 1010.0, "fuelKwHhv": 2290.0}],
    "storageKwh": None,
    "gridImportKw": -650.0,
    "frequencyHz": 59.98,
    "voltageV": 480.5,
}
TAKEN: Example = {"new": 1, "corrected": 0, "duplicates": 0, "late": 0, "newest": "2026-07-14T20:00:00Z", "notes": []}
RAN: Example = {
    "operations": {**REPORT, "batteryKwh": None, "ageSeconds": 12.0},
    "from": "2026-07-13T20:00:12Z",
    "to": "2026-07-14T20:00:12Z",
    "units": [
        {
            "id": "engine-1",
            "knownHours": 24.0,
            "hoursRun": 11.5,
            "starts": 2,
            "powerKwh": 10_350.0,
            "heatKwh": 11_900.0,
            "fuelKwhHhv": 26_900.0,
            "electricEfficiency": 0.385,
            "thermalEfficiency": 0.442,
        }
    ],
}
FLEET_ROW: Example = {
    "facilityId": "salinas-1",
    "name": "Salinas glasshouse 1",
    "iso_region": "CAISO",
    "pricing_node": "TH_NP15_GEN-APND",
    "timezone": "America/Los_Angeles",
    "action": "run",
    "powerKw": 1000.0,
    "gridPrice": 0.0612,
    "breakEvenGridPrice": 0.0437,
    "netBenefitUsdPerHour": 31.24,
    "confidence": 90,
    "reason": "The grid price of 61.20 USD/MWh is above the break-even of 43.70 USD/MWh.",
    "dataQuality": {"electricity": "good", "gas": "good", "carbon": "good"},
    "dataFreshness": {"electricity": 30.0, "gas": 72030.0, "carbon": 4752030.0},
    "origin": {"electricity": "live", "gas": "live", "carbon": "live"},
    "openAlerts": 1,
    "timestamp": "2026-07-14T20:00:30Z",
}
OVERVIEW_ROW: Example = {
    "iso_region": "CAISO",
    "timezone": "America/Los_Angeles",
    "pricing_node": "TH_NP15_GEN-APND",
    "node_type": "hub",
    "place": "north of Path 15",
    "market": "real-time-5min",
    "price_per_kwh": 0.0612,
    "market_interval_start": "2026-07-14T20:00:00Z",
    "quality": "good",
    "ageSeconds": 0.0,
    "origin": "live",
    "dayAhead": 0.0544,
    "recent": [["2026-07-14T19:55:00Z", 0.0598], ["2026-07-14T20:00:00Z", 0.0612]],
}
SESSION: Example = {"name": "desk", "scopes": ["read", "operate"], "facilities": ["salinas-1"]}
_KEY_OF: Example = {
    "id": "0197f1c2-5d0e-7a51-9b1f-0d4b6c2b7f11",
    "name": "Home Assistant",
    "scopes": ["read"],
    "facilities": ["salinas-1"],
    "expires_at": None,
}
KEY: Example = {
    **_KEY_OF,
    "prefix": "vlx_zq1X",
    "created_at": "2026-07-01T09:00:00Z",
    "last_used_at": "2026-07-14T20:00:30Z",
    "revoked_at": None,
}
NEW_KEY: Example = {**_KEY_OF, "key": "vlx_zq1XbV0pB3m5Yc7uK2dQ9sWf-8tLhN4gRj6oEaTiCxM"}
TICKET: Example = {"ticket": "zq1XbV0pB3m5Yc7uK2dQ9sWf", "expiresAt": "2026-07-14T20:01:30Z"}
HEALTH: Example = {"status": "ok", "version": "0.1.0", "time": "2026-07-14T20:00:30Z", "clockSpeed": 1.0,
                   "drill": False}  # fmt: skip
READY: Example = {"ready": True, "checks": {"database": "ok"}}
DR_EVENT: Example = {
    "program": "CBP",
    "event_id": "2026-07-14-1",
    "starts_at": "2026-07-14T23:00:00Z",
    "ends_at": "2026-07-15T01:00:00Z",
    "targets": ["salinas-1"],
    "signals": [
        {
            "type": "price",
            "unit": "USD/kWh",
            "intervals": [{"starts_at": "2026-07-14T23:00:00Z", "ends_at": "2026-07-15T01:00:00Z", "value": 0.6}],
        }
    ],
}
DR_EVENT_TOLD: Example = {
    "kind": "dr-event",
    **DR_EVENT,
    "status": "scheduled",
    "priority": None,
    "randomize_start_seconds": None,
    "source": "manual",
    "origin": "live",
    "known_at": "2026-07-14T20:00:30Z",
    "state": "upcoming",
    "facilities": [
        {
            "facilityId": "salinas-1",
            "startsAt": "2026-07-14T23:00:00Z",
            "answer": "accepted",
            "answeredBy": "desk",
            "answeredAt": "2026-07-14T20:05:00Z",
            "note": None,
            "performance": None,
        }
    ],
}
OPPORTUNITY: Example = {
    "kind": "event",
    "program": "CBP",
    "event_id": "2026-07-14-1",
    "startsAt": "2026-07-14T23:00:00Z",
    "endsAt": "2026-07-15T01:00:00Z",
    "answer": None,
    "resources": [{"id": "row-1", "counts": True, "why": "row-1 may count: load and storage are no prohibited ..."}],
    "offer": {
        "reductionKwh": 1150.0,
        "peakReductionKw": 600.0,
        "shedKwh": {"row-1": 1150.0},
        "madeKwh": {"engine-1": 0.0},
        "exportedKwh": 0.0,
        "intervals": [{"startsAt": "2026-07-14T23:00:00Z", "hours": 0.25, "baselineKw": 980.0, "importKw": 380.0}],
        "costUsd": 41.2,
        "rewardUsd": 690.0,
        "netUsd": 648.8,
        "usdPerKwh": 0.0358,
    },
    "most": {"reductionKwh": 1200.0, "peakReductionKw": 600.0, "costUsd": 58.0, "usdPerKwh": 0.0483},
    "importLimitKw": None,
}
