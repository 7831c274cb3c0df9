// What of a facility the form shows: its blocks and their fields, and a plant to begin with.

const GRIDS = ["CAISO", "PJM", "ERCOT", "NYISO"];

/** Blocks in their order. A field: its path within the block, its words, its unit, and what it may be. */
export const BLOCKS = [
  {
    title: "Place",
    fields: [
      text("id", "Id", "letters, digits and dashes; it stays"),
      text("name", "Name"),
      choice("iso_region", "Grid", GRIDS),
      text("pricing_node", "Pricing node", "node, hub or zone, in the grid's own words"),
      text("timezone", "Time zone", "empty: the grid's own"),
      figure("latitude", "Latitude", "°"),
      figure("longitude", "Longitude", "°"),
      text("weather_station", "Weather station", "such as KSNS"),
    ],
  },
  {
    title: "Prices",
    path: "prices",
    fields: [
      figure("import_adder_usd_per_kwh", "Import adder", "USD/kWh"),
      figure("import_factor", "Import factor", "× market price"),
      figure("export_adder_usd_per_kwh", "Export adder", "USD/kWh"),
      figure("export_factor", "Export factor", "× market price"),
      text("gas_hub", "Gas hub"),
      figure("gas_adder_usd_per_mmbtu", "Gas adder", "USD/MMBtu"),
      choice("carbon", "Carbon", ["embedded", "direct", "none"]),
    ],
  },
  {
    title: "Grid connection",
    path: "grid",
    fields: [figure("import_max_kw", "Import at most", "kW"), figure("export_max_kw", "Export at most", "kW")],
  },
  {
    title: "Engine",
    path: "chp",
    many: true,
    fields: [
      text("id", "Id"),
      figure("rated_kw", "Rated power", "kW"),
      figure("min_load", "Minimum load", "0 to 1"),
      figure("electric_efficiency.full", "Electric efficiency, full load", "HHV"),
      figure("electric_efficiency.half", "… half load", "HHV"),
      figure("thermal_efficiency.full", "Thermal efficiency, full load", "HHV"),
      figure("thermal_efficiency.half", "… half load", "HHV"),
      figure("start_cost_usd", "Cost of a start", "USD"),
      figure("om_usd_per_kwh", "Maintenance", "USD/kWh"),
      figure("min_up_h", "Runs at least", "h"),
      figure("min_down_h", "Stands at least", "h"),
    ],
  },
  {
    title: "Boiler",
    path: "boiler",
    many: true,
    fields: [text("id", "Id"), figure("rated_kw", "Rated heat", "kW"), figure("efficiency", "Efficiency", "HHV")],
  },
  { title: "Heat storage", path: "heat_storage", optional: true, fields: storageFields() },
  { title: "Battery", path: "battery", optional: true, fields: [...storageFields(), figure("wear_usd_per_kwh", "Wear", "USD/kWh")] },
  { title: "Demand", path: "demand", fields: [figure("power_kw", "Power", "kW"), figure("heat_kw", "Heat", "kW")] },
  {
    title: "Tariff",
    path: "tariff",
    fields: [
      figure("energy_adder_usd_per_kwh", "On each imported kWh", "USD/kWh"),
      json("energy_adders", "By time of use", '[{"usd_per_kwh": 0.08, "days": "weekdays", "hours": {"start": "16:00", "end": "21:00"}}]'),
      json("demand_charges", "Demand charges", '[{"id": "peak", "usd_per_kw": 18.5, "hours": {"start": "16:00", "end": "21:00"}}]'),
    ],
  },
];

/** A plant to begin with; what must be known of a site is left empty. */
export const FRESH = {
  id: "",
  name: "",
  iso_region: "CAISO",
  pricing_node: "TH_NP15_GEN-APND",
  prices: { import_adder_usd_per_kwh: 0.06, gas_hub: "Henry Hub", gas_adder_usd_per_mmbtu: 0.95, carbon: "embedded" },
  grid: { import_max_kw: 1000, export_max_kw: 1000 },
  chp: [
    {
      id: "engine-1",
      rated_kw: 1000,
      min_load: 0.5,
      electric_efficiency: { full: 0.385, half: 0.345 },
      thermal_efficiency: { full: 0.43, half: 0.47 },
      start_cost_usd: 5,
      om_usd_per_kwh: 0.012,
    },
  ],
  boiler: [{ id: "boiler-1", rated_kw: 3000, efficiency: 0.85 }],
  demand: { power_kw: 200, heat_kw: 500 },
};

function text(path, words, hint = "") {
  return { kind: "text", path, words, hint };
}

function figure(path, words, hint = "") {
  return { kind: "figure", path, words, hint };
}

function choice(path, words, choices) {
  return { kind: "choice", path, words, hint: "", choices };
}

function json(path, words, hint) {
  return { kind: "json", path, words, hint };
}

function storageFields() {
  return [
    figure("capacity_kwh", "Capacity", "kWh"),
    figure("charge_max_kw", "Charged with at most", "kW"),
    figure("discharge_max_kw", "Discharged with at most", "kW"),
    figure("min_kwh", "Never below", "kWh"),
    figure("loss_per_h", "Loss", "share an hour"),
  ];
}
