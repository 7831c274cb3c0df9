// The facilities: a table of them, and the form in which one is changed, added or taken out.

import { card, el, SortableTable } from "../parts.js";
import { FRESH } from "./fields.js";
import { FacilityForm } from "./form.js";

export async function facilities(desk, may) {
  const table = new SortableTable({
    caption: "facilities",
    columns: facilityColumns(),
    key: (row) => row.id,
    pageSize: 10,
    empty: "There is no facility yet.",
    search: (row) => `${row.name} ${row.id} ${row.iso_region} ${row.pricing_node}`,
  });
  const editor = el("div");
  const said = el("p", { class: "done", role: "status" });
  const add = el("button", { type: "button", onclick: () => open(FRESH, true) }, "Add a facility");
  async function refresh() {
    table.show((await desk.api("/api/facilities")).facilities);
  }

  function facilityColumns() {
    return [
      {
        head: "Facility",
        start: true,
        value: (row) => row.name || row.id,
        cell: (row) => [
          el("button", { type: "button", class: "link", onclick: () => open(row, false) }, row.name || row.id),
          el("span", { class: "under" }, row.id),
        ],
      },
      {
        head: "Grid and node",
        start: true,
        value: (row) => `${row.iso_region} ${row.pricing_node}`,
        cell: (row) => [row.iso_region, el("span", { class: "under" }, row.pricing_node)],
      },
      { head: "Plant", start: true, wide: true, value: (row) => rated(row), down: true, cell: plant },
      { head: "Tariff", start: true, wide: true, cell: tariff },
    ];
  }

  function open(body, isNew) {
    said.textContent = "";
    const form = new FacilityForm(body, {
      isNew,
      mayWrite: may(isNew ? "admin" : "operate"),
      close,
      save: (changed) => save(changed, body.id, isNew),
      remove: !isNew && may("admin") ? () => askToRemove(body, form) : null,
    });
    editor.replaceChildren(form.element);
    form.focus();
  }

  function close() {
    editor.replaceChildren();
    table.element.querySelector("button.link")?.focus();
  }

  async function save(body, id, isNew) {
    if (isNew) await desk.send("POST", "/api/facilities", body);
    else await desk.send("PUT", `/api/facilities/${encodeURIComponent(id)}`, body);
    await refresh();
    close();
    said.textContent = `${body.name || body.id} is ${isNew ? "added" : "saved"}. The desk takes it up within seconds.`;
  }

  function askToRemove(body, form) {
    const no = el("button", { type: "button", class: "plain", onclick: () => open(body, false) }, "Keep it");
    const yes = el(
      "button",
      {
        type: "button",
        class: "danger",
        onclick: async () => {
          try {
            await desk.send("DELETE", `/api/facilities/${encodeURIComponent(body.id)}`);
          } catch (error) {
            editor.replaceChildren(form.element);
            form.fault.textContent = error.message;
            return;
          }
          await refresh();
          close();
          said.textContent = `${body.id} is taken out. Its decisions stay.`;
        },
      },
      `Take ${body.id} out`,
    );
    editor.replaceChildren(
      el(
        "div",
        { class: "facility-form", role: "alert" },
        el("p", {}, `Nothing more is decided for ${body.name || body.id}; what was decided stays.`),
        el("p", { class: "row" }, yes, no),
      ),
    );
    no.focus();
  }

  await refresh();
  return card("Facilities", table.element, may("admin") ? el("p", { class: "add" }, add) : null, said, editor);
}

function rated(row) {
  return (row.chp ?? []).reduce((sum, engine) => sum + engine.rated_kw, 0);
}

function plant(row) {
  const parts = [
    row.chp?.length && `${row.chp.length === 1 ? "an engine" : `${row.chp.length} engines`} of ${rated(row).toLocaleString("en-US")} kW`,
    row.boiler?.length && (row.boiler.length === 1 ? "a boiler" : `${row.boiler.length} boilers`),
    row.heat_storage && "heat storage",
    row.battery && "battery",
    row.lights?.length && "lights",
    row.co2 && "CO2",
    row.greenhouse && "greenhouse",
  ];
  return parts.filter(Boolean).join(", ") || "none";
}

function tariff(row) {
  const held = row.tariff ?? {};
  const parts = [
    row.prices?.import_adder_usd_per_kwh != null && `+${row.prices.import_adder_usd_per_kwh} USD/kWh`,
    held.energy_adders?.length && `${held.energy_adders.length} by time of use`,
    held.demand_charges?.length && `${held.demand_charges.length} demand charges`,
  ];
  return parts.filter(Boolean).join(", ") || "market price";
}
