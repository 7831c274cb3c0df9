// The keys of those who may ask: seen, made, revoked.

import { card, copier, el, mark, SortableTable } from "../parts.js";
import { dayAndTime } from "../words.js";

/** What a scope allows, to be read after "may". */
export const SCOPES = {
  read: "look at everything, and change nothing",
  operate: "change facilities, report what they do and answer events",
  admin: "do everything: add facilities and make keys too",
};

export async function keys(desk, session, may) {
  if (!may("admin"))
    return card(
      "API keys",
      el(
        "p",
        { class: "quiet" },
        "Keys are seen, made and revoked with a key of the scope admin, or with ",
        el("code", {}, "vibelux keys"),
        ".",
      ),
    );
  const table = new SortableTable({
    caption: "API keys",
    columns: keyColumns(),
    key: (row) => row.id,
    sort: 3,
    down: true,
    pageSize: 10,
    empty: "There is no key yet.",
  });
  const shown = el("div", { role: "status" });
  const said = el("p", { class: "fault", role: "alert" });

  function keyColumns() {
    const when = (text) => (text ? dayAndTime(Date.parse(text), desk.timeZone(), false) : null);
    return [
      { head: "Name", start: true, value: (row) => row.name, cell: (row) => [row.name, el("span", { class: "under" }, `${row.prefix}…`)] },
      {
        head: "May",
        start: true,
        value: (row) => row.scopes.at(-1),
        cell: (row) => [row.scopes.at(-1), el("span", { class: "under" }, row.facilities.join(", ") || "all facilities")],
      },
      {
        head: "Last used",
        start: true,
        wide: true,
        value: (row) => row.last_used_at,
        down: true,
        cell: (row) => when(row.last_used_at) ?? "never",
      },
      { head: "Made", start: true, wide: true, value: (row) => row.created_at, down: true, cell: (row) => when(row.created_at) },
      {
        head: "State",
        start: true,
        value: stateOf,
        cell: (row) => [
          mark(stateOf(row) === "good" ? "good" : "off", KEY_WORDS[stateOf(row)]),
          row.expires_at && el("span", { class: "under" }, `until ${when(row.expires_at)}`),
        ],
      },
      { head: el("span", { class: "hidden" }, "Revoke"), cell: (row) => (stateOf(row) === "good" ? revoker(row) : "") },
    ];
  }

  function revoker(row) {
    const button = el(
      "button",
      {
        type: "button",
        class: "plain",
        "aria-label": `Revoke ${row.name}`,
        onclick: async () => {
          if (button.dataset.sure !== "yes") {
            button.dataset.sure = "yes";
            button.textContent = "Really revoke";
            button.setAttribute("aria-label", `Really revoke ${row.name}`);
            return;
          }
          try {
            await desk.send("DELETE", `/api/keys/${encodeURIComponent(row.id)}`);
          } catch (error) {
            said.textContent = error.message;
          }
          await refresh();
        },
      },
      "Revoke",
    );
    return button;
  }

  async function refresh() {
    table.show(await desk.all("/api/keys"));
  }

  await refresh();
  return card("API keys", table.element, said, keyForm(desk, session, shown, refresh), shown);
}

const KEY_WORDS = { good: "valid", revoked: "revoked", expired: "expired" };

function stateOf(row) {
  if (row.revoked_at) return "revoked";
  return row.expires_at && Date.parse(row.expires_at) <= Date.now() ? "expired" : "good";
}

function keyForm(desk, session, shown, refresh) {
  const name = el("input", { id: "key-name", type: "text", autocomplete: "off", maxlength: "200", "aria-describedby": "key-name-fault" });
  const scope = el(
    "select",
    { id: "key-scope" },
    Object.entries(SCOPES).map(([one, words]) => new Option(`${one}: ${words}`, one)),
  );
  const where = el("input", {
    id: "key-facilities",
    type: "text",
    autocomplete: "off",
    value: session.facilities.join(", "),
    "aria-describedby": "key-facilities-fault",
  });
  const expires = el("input", { id: "key-expires", type: "date", "aria-describedby": "key-expires-fault" });
  const controls = { name, facilities: where, expires };
  const fault = (id) => el("p", { class: "fault", id: `key-${id}-fault`, role: "alert" });
  const faults = { name: fault("name"), facilities: fault("facilities"), expires: fault("expires") };
  async function make(event) {
    event.preventDefault();
    for (const [field, text] of Object.entries(faults)) {
      text.textContent = "";
      controls[field].removeAttribute("aria-invalid");
    }
    if (!name.value.trim()) return wrong("name", "Say whom the key is for.");
    const list = where.value
      .split(",")
      .map((one) => one.trim())
      .filter(Boolean);
    try {
      const made = await desk.send("POST", "/api/keys", {
        name: name.value.trim(),
        scopes: [scope.value],
        facilities: list,
        expires: expires.value || null,
      });
      shown.replaceChildren(
        el(
          "div",
          { class: "secret" },
          el("p", {}, el("strong", {}, `The key of ${made.name}. It is shown this once: copy it now.`)),
          el("code", { id: "new-key" }, made.key),
          copier(made.key),
          el("button", { type: "button", class: "plain", onclick: () => shown.replaceChildren() }, "I have it"),
        ),
      );
      name.value = "";
      await refresh();
    } catch (error) {
      const [, field, what] = /^(\w+): (.*)$/s.exec(error.detail ?? "") ?? [];
      wrong(field in faults ? field : "name", what ?? error.message);
    }
  }
  function wrong(field, what) {
    faults[field].textContent = what;
    controls[field].setAttribute("aria-invalid", "true");
    controls[field].focus();
  }
  const field = (label, control, hint, id) =>
    el(
      "div",
      { class: control === scope ? "field double" : "field" },
      el("label", { for: control.id }, label, " ", el("span", { class: "unit" }, hint)),
      control,
      id && faults[id],
    );
  return el(
    "form",
    { class: "key-form", novalidate: true, "aria-label": "A new key", onsubmit: make },
    el("h3", {}, "A new key"),
    el(
      "div",
      { class: "fields" },
      field("For whom", name, "", "name"),
      field("May", scope, ""),
      field("Facilities", where, "ids with commas; empty: all", "facilities"),
      field("Ends", expires, "empty: never", "expires"),
    ),
    el("p", {}, el("button", { type: "submit" }, "Make the key")),
  );
}
