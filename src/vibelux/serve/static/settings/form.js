// A facility's object as a form and as JSON. The service is the judge; this shows its verdict where the fault is.

import { el } from "../parts.js";
import { BLOCKS, FRESH } from "./fields.js";

export class FacilityForm {
  constructor(body, { isNew, mayWrite, save, close, remove }) {
    this.body = structuredClone(body);
    this.isNew = isNew;
    this.asJson = false;
    this.mayWrite = mayWrite;
    this.fault = el("p", { class: "fault", role: "alert", id: "facility-fault" });
    this.place = el("div", { class: "blocks" });
    this.views = ["Form", "JSON"].map((word) =>
      el("button", { type: "button", class: "chip", onclick: () => this.#turn(word === "JSON") }, word),
    );
    const buttons = [
      mayWrite && el("button", { type: "submit" }, isNew ? "Add the facility" : "Save"),
      el("button", { type: "button", class: "plain", onclick: close }, mayWrite ? "Cancel" : "Close"),
      remove && el("button", { type: "button", class: "plain danger", onclick: remove }, "Take it out"),
    ];
    const title = isNew ? "A new facility" : `Facility ${body.id}`;
    const head = el(
      "div",
      { class: "title" },
      el("h3", { tabindex: "-1" }, title),
      el("div", { class: "chips", role: "group", "aria-label": "Show as" }, this.views),
    );
    this.element = el(
      "form",
      {
        class: "facility-form",
        novalidate: true,
        "aria-label": title,
        onsubmit: (event) => {
          event.preventDefault();
          this.#save(save);
        },
      },
      head,
      this.place,
      this.fault,
      el("p", { class: "row" }, buttons),
    );
    this.#draw();
  }

  focus() {
    this.element.querySelector("h3").focus();
  }

  async #save(save) {
    if (!this.#taken()) return;
    try {
      await save(this.body);
    } catch (error) {
      const [, place, what] = /^facility(?:: ([\w.[\]-]+))?: (.*)$/s.exec(error.detail ?? "") ?? [null, null, error.message];
      this.#show(place, what);
    }
  }

  #turn(asJson) {
    if (!this.#taken()) return;
    this.asJson = asJson;
    this.#draw();
  }

  #draw() {
    this.views.forEach((button, i) => button.setAttribute("aria-pressed", String(this.asJson === (i === 1))));
    if (this.asJson) {
      const area = el("textarea", {
        id: "facility-json",
        name: "json",
        rows: "24",
        spellcheck: "false",
        readonly: !this.mayWrite,
        "aria-describedby": "facility-fault",
      });
      area.value = JSON.stringify(this.body, null, 2);
      return this.place.replaceChildren(el("label", { for: "facility-json" }, "The facility file's object, same keys"), area);
    }
    const blocks = BLOCKS.flatMap((block) => (block.many ? this.#several(block) : [this.#block(block, block.path, this.body)]));
    const shown = new Set(BLOCKS.flatMap((block) => block.path ?? block.fields.map((field) => field.path)));
    const others = Object.keys(this.body).filter((key) => !shown.has(key));
    const more = others.length ? el("p", { class: "quiet" }, `Also set, to be changed as JSON: ${others.join(", ")}.`) : null;
    return this.place.replaceChildren(...blocks.filter(Boolean), ...(more ? [more] : []));
  }

  #several(block) {
    const list = this.body[block.path] ?? [];
    const one = list.map((_, index) =>
      this.#block(block, `${block.path}[${index}]`, this.body, () => {
        if (!this.#taken()) return;
        this.body[block.path].splice(index, 1);
        this.#draw();
      }),
    );
    const add = () => {
      if (!this.#taken()) return;
      const number = (this.body[block.path] ??= []).length;
      this.body[block.path].push({
        ...structuredClone(FRESH[block.path][0]),
        id: `${FRESH[block.path][0].id.replace(/-1$/, "")}-${number + 1}`,
      });
      this.#draw();
    };
    return [
      ...one,
      this.mayWrite &&
        el(
          "p",
          { class: "add" },
          el("button", { type: "button", class: "plain", onclick: add }, `Add ${block.title === "Engine" ? "an engine" : "a boiler"}`),
        ),
    ];
  }

  #block(block, path, body, remove) {
    const held = path ? valueAt(body, path) : body;
    if (block.optional && held === undefined) return null;
    const fields = block.fields.map((field) => this.#field(field, path ? `${path}.${field.path}` : field.path, held));
    const title = block.many ? `${block.title} ${held.id ?? ""}` : block.title;
    const button =
      remove && this.mayWrite && el("button", { type: "button", class: "plain remove", onclick: remove }, `Remove ${held.id || "it"}`);
    return el("fieldset", { "data-path": path ?? null }, el("legend", {}, title), el("div", { class: "fields" }, fields), button);
  }

  #field(field, path, held) {
    const id = `field-${path.replace(/[^\w-]/g, "-")}`;
    const value = held === undefined ? undefined : valueAt(held, field.path);
    const shared = {
      id,
      name: path,
      disabled: !this.mayWrite || (path === "id" && !this.isNew),
      "aria-describedby": `${id}-hint ${id}-fault`,
    };
    const control = controlFor(field, shared, value != null);
    control.dataset.kind = field.kind;
    if (value != null) control.value = field.kind === "json" ? JSON.stringify(value, null, 2) : String(value);
    const hint = field.kind === "json" ? "JSON" : field.hint;
    return el(
      "div",
      { class: field.kind === "json" ? "field whole" : "field" },
      el("label", { for: id }, field.words, " ", el("span", { class: "unit", id: `${id}-hint` }, hint)),
      control,
      el("p", { class: "fault", id: `${id}-fault` }),
    );
  }

  /** Takes over what is written; false, and the fault is shown, where that is no JSON. */
  #taken() {
    this.#clearFault();
    try {
      this.#read();
      return true;
    } catch (error) {
      this.#show(error.place, error.message);
      return false;
    }
  }

  /** An empty field is a key that is not given. */
  #read() {
    if (this.asJson) {
      const area = this.place.querySelector("textarea");
      this.body = parsed(area.value, "json");
      return;
    }
    for (const control of this.place.querySelectorAll("[name]")) {
      const written = control.value.trim();
      if (written === "") removeAt(this.body, stepsOf(control.name));
      else putAt(this.body, control.name, meant(written, control));
    }
  }

  #show(place, what) {
    const controls = [...this.place.querySelectorAll("[name]")];
    const control = this.asJson ? controls[0] : controls.find((one) => one.name === place);
    const block =
      place &&
      [...this.place.querySelectorAll("fieldset[data-path]")].find(
        (one) => place === one.dataset.path || place.startsWith(`${one.dataset.path}.`),
      );
    this.fault.textContent = place && place !== "json" ? `${place}: ${what}` : what;
    if (control && !this.asJson) {
      document.getElementById(`${control.id}-fault`).textContent = what;
      this.fault.textContent = "";
    }
    control?.setAttribute("aria-invalid", "true");
    (control ?? block?.querySelector("[name]") ?? this.element.querySelector("h3")).focus();
  }

  #clearFault() {
    this.fault.textContent = "";
    for (const control of this.place.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
    for (const text of this.place.querySelectorAll(".fault")) text.textContent = "";
  }
}

function controlFor(field, shared, filled) {
  if (field.kind === "json") return el("textarea", { ...shared, rows: filled ? "6" : "2", spellcheck: "false", placeholder: field.hint });
  if (field.kind === "choice") {
    const options = ["", ...field.choices].map((one) => new Option(one, one));
    return el("select", shared, options);
  }
  const inputmode = field.kind === "figure" ? "decimal" : null;
  return el("input", { ...shared, type: "text", inputmode, autocomplete: "off", spellcheck: "false" });
}

/** What a field's text stands for; a figure that is none goes as it is, for the service to say so. */
function meant(written, control) {
  if (control.dataset.kind === "json") return parsed(written, control.name);
  return control.dataset.kind === "figure" && Number.isFinite(Number(written)) ? Number(written) : written;
}

function parsed(written, place) {
  try {
    return JSON.parse(written);
  } catch (error) {
    throw Object.assign(new Error(`this is no JSON: ${error.message}`), { place });
  }
}

function stepsOf(path) {
  return path
    .split(/[.[\]]+/)
    .filter(Boolean)
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function valueAt(body, path) {
  return stepsOf(path).reduce((held, step) => held?.[step], body);
}

function putAt(body, path, value) {
  const steps = stepsOf(path);
  const last = steps.pop();
  let held = body;
  for (const step of steps) held = held[step] ??= {};
  held[last] = value;
}

/** Takes a value away, and tables that are empty then; items of lists stay. */
function removeAt(body, steps) {
  const held = steps.slice(0, -1).reduce((one, step) => one?.[step], body);
  if (held === undefined || !(steps.at(-1) in held)) return;
  delete held[steps.at(-1)];
  if (typeof steps.at(-2) === "string" && Object.keys(held).length === 0) removeAt(body, steps.slice(0, -1));
}
