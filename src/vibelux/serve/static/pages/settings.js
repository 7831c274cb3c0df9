// Who one is, the facilities and their plant, and the keys of those who may ask.

import { card, el } from "../parts.js";
import { facilities } from "../settings/facilities.js";
import { keys, SCOPES } from "../settings/keys.js";

export async function mount(root, desk) {
  const session = await desk.api("/api/session");
  const may = (scope) => session.scopes.includes(scope);
  const blocks = [access(desk, session), await facilities(desk, may), await keys(desk, session, may)];
  root.replaceChildren(el("h1", { class: "page-title" }, "Settings"), ...blocks);
  return { leave() {} };
}

function access(desk, session) {
  const highest = session.scopes.at(-1);
  const reach = session.facilities.length ? session.facilities.join(", ") : "all facilities";
  const key = el("input", {
    id: "other-key",
    type: "password",
    autocomplete: "current-password",
    placeholder: "vlx_…",
    spellcheck: "false",
    required: true,
    "aria-describedby": "other-key-fault",
  });
  const fault = el("p", { class: "fault", role: "alert", id: "other-key-fault" });
  async function signIn(event) {
    event.preventDefault();
    fault.textContent = "";
    try {
      await desk.send("POST", "/api/session", { key: key.value.trim() });
      location.reload();
    } catch (error) {
      fault.textContent = error.status === 401 ? "This key is not known, or has ended." : error.message;
      key.focus();
    }
  }
  const form = el(
    "form",
    { class: "inline", onsubmit: signIn },
    el("label", { for: "other-key" }, "Go on with another key"),
    el("input", { type: "text", autocomplete: "username", value: "vibelux", hidden: true }),
    el("div", { class: "row" }, key, el("button", { type: "submit" }, "Sign in")),
    fault,
  );
  const out = el(
    "button",
    {
      type: "button",
      class: "plain",
      onclick: async () => {
        await desk.send("DELETE", "/api/session");
        location.reload();
      },
    },
    "Sign out",
  );
  const how =
    highest === "admin"
      ? null
      : el(
          "p",
          { class: "quiet" },
          "A key that may do more is made with ",
          el("code", {}, "vibelux keys create --name me --scopes admin"),
          "; a demo prints one when it starts.",
        );
  return card(
    "Access",
    el("p", {}, "You are ", el("strong", {}, session.name), `, with the scope ${highest} for ${reach}: you may ${SCOPES[highest]}.`),
    how,
    form,
    session.name === "the page on this machine" ? null : out,
  );
}
