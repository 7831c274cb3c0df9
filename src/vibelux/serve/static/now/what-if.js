// What if: the decision under another price, gas price or outlook. Nothing of it is stored or told.

import { headlineOf } from "./verdict.js";
import { el } from "../parts.js";
import { number, perMwh } from "../words.js";

const FIELDS = [
  { name: "gridPrice", label: "Grid price, USD/MWh", step: "0.01", perUnit: 1000 },
  { name: "gasPrice", label: "Gas, USD/MMBtu", step: "0.01", perUnit: 1 },
  { name: "expectedPriceFactor", label: "Prices to come, times", step: "0.05", min: "0", perUnit: 1 },
];

export class WhatIf {
  constructor(desk) {
    this.desk = desk;
    this.inputs = FIELDS.map((field) => el("input", { type: "number", id: `if-${field.name}`, step: field.step, min: field.min, autocomplete: "off" }));
    this.answer = el("div", { id: "if-answer", role: "status" });
    const rows = FIELDS.map((field, i) => el("label", { for: `if-${field.name}` }, el("span", {}, field.label), this.inputs[i]));
    this.element = el("details", { class: "what-if", id: "what-if" }, el("summary", {}, "What if"),
      el("form", { onsubmit: (event) => this.#ask(event) }, rows, el("button", { type: "submit" }, "Decide")), this.answer);
  }

  async #ask(event) {
    event.preventDefault();
    const given = FIELDS.flatMap(({ name, perUnit }, i) => (this.inputs[i].value === "" ? [] : [[name, Number(this.inputs[i].value) / perUnit]]));
    if (given.length === 0) return this.answer.replaceChildren(el("p", { class: "quiet" }, "Change at least one of them; what is left empty stays as it is."));
    try {
      this.#show(await this.desk.send("POST", "/api/chp/what-if", { facilityId: this.desk.facilityId(), ...Object.fromEntries(given) }));
    } catch (error) {
      this.answer.replaceChildren(el("p", { class: "fault" }, error.message));
    }
  }

  #show({ decision, inForce }) {
    const worth = decision.netBenefitUsdPerHour == null ? "" : ` Worth ${number(decision.netBenefitUsdPerHour, 2)} USD an hour.`;
    const even = decision.breakEvenGridPrice == null ? "" : ` Break-even ${perMwh(decision.breakEvenGridPrice)} USD/MWh.`;
    const told = inForce ? `In force: ${headlineOf(inForce, this.desk.timeZone(), this.desk.now())}. ` : "";
    this.answer.replaceChildren(
      el("p", {}, el("strong", {}, `It would be ${headlineOf(decision, this.desk.timeZone(), this.desk.now())}.`), `${even}${worth}`),
      el("ul", {}, decision.reasons.slice(0, 3).map((reason) => el("li", {}, reason))),
      el("p", { class: "quiet" }, `${told}Nothing of this is stored or told.`));
  }
}
