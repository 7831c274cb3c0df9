// What the pages are made of: elements, tables that sort and page, small curves. Text enters as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";
const collator = new Intl.Collator("en", { numeric: true });

/** An element. `on…` attributes are listeners, null and false ones are left out; children are nodes or texts. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

/** A card with its heading. */
export function card(title, ...children) {
  const id = `card-${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
  return el("section", { class: "card", "aria-labelledby": id }, el("h2", { id }, title), ...children);
}

/** A word with a mark of its own shape and colour: `good`, `estimated`, `stale`, `missing`, `off`. */
export function mark(kind, word = kind) {
  return el("span", { class: "quality", "data-quality": kind }, word);
}

/** A button that copies a text; null where the browser does not let a page copy. */
export function copier(text) {
  if (!navigator.clipboard) return null;
  const button = el(
    "button",
    {
      type: "button",
      class: "plain",
      onclick: async () => {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      },
    },
    "Copy",
  );
  return button;
}

/** A stretch of a series as a small curve of steps: pairs of a moment (ms) and a value. */
export function sparkline(points, label) {
  const [width, height, edge] = [120, 28, 3];
  const svg = document.createElementNS(SVG, "svg");
  const set = (node, attributes) => Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
  set(svg, { class: "sparkline", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  if (points.length < 2) return svg;
  const values = points.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [from, to] = [points[0][0], points.at(-1)[0]];
  const x = (moment) => edge + ((moment - from) / (to - from || 1)) * (width - 2 * edge);
  const y = (value) => height - edge - ((value - low) / (high - low || 1)) * (height - 2 * edge);
  if (low < 0 && high > 0)
    set(svg.appendChild(document.createElementNS(SVG, "line")), { class: "zero", x1: 0, x2: width, y1: y(0), y2: y(0) });
  const path = points.map(([moment, value], i) => (i === 0 ? `M${x(moment)} ${y(value)}` : `H${x(moment)}V${y(value)}`));
  set(svg.appendChild(document.createElementNS(SVG, "path")), { d: path.join("") });
  const [moment, value] = points.at(-1);
  set(svg.appendChild(document.createElementNS(SVG, "circle")), { cx: x(moment), cy: y(value), r: 2.5 });
  return svg;
}

/**
 * A table whose headings sort it, a page at a time.
 *
 * A column: `head`, `unit`; `value(row)` by which it sorts, null last; `cell(row)`, a node or a text;
 * `start` where it is text and begins at the left; `wide` where a phone leaves it out; `grow` where it takes the room
 * that is left; `down` where it sorts downwards first. `search(row)` is the text in which its reader may search.
 */
export class SortableTable {
  constructor({ caption, columns, key, empty, search = null, sort = 0, down = false, pageSize = 50 }) {
    this.columns = columns;
    this.key = key;
    this.empty = empty;
    this.pageSize = pageSize;
    this.order = { column: sort, down };
    this.page = 0;
    this.rows = [];
    this.search = search;
    this.query = el("input", {
      type: "search",
      class: "search",
      placeholder: "search",
      "aria-label": `Search ${caption}`,
      hidden: true,
      oninput: () => this.#draw(),
    });
    this.heads = columns.map((column, index) => this.#head(column, index));
    this.body = el("tbody");
    this.table = el("table", {}, el("caption", { class: "hidden" }, caption), el("thead", {}, el("tr", {}, this.heads)), this.body);
    this.pager = el("nav", { class: "pager", "aria-label": `Pages of ${caption}` });
    this.nothing = el("p", { class: "empty" }, "Loading …");
    const scroll = el("div", { class: "table", tabindex: "0", role: "region", "aria-label": `Table: ${caption}`, hidden: true }, this.table);
    this.element = el("div", {}, this.query, this.nothing, scroll, this.pager);
    this.scroll = scroll;
  }

  /** Puts other rows in; order, page and focus stay. */
  show(rows, empty = this.empty) {
    this.rows = rows;
    this.empty = empty;
    this.#draw();
  }

  #head(column, index) {
    const unit = column.unit ? el("span", { class: "unit" }, column.unit) : null;
    const name = column.value
      ? el("button", { type: "button", onclick: () => this.#sortBy(index) }, column.head, unit)
      : [column.head, unit];
    return el("th", { scope: "col", class: classOf(column) }, name);
  }

  #sortBy(index) {
    const { column, down } = this.order;
    this.order = { column: index, down: column === index ? !down : Boolean(this.columns[index].down) };
    this.page = 0;
    this.#draw();
  }

  #sorted() {
    const { column, down } = this.order;
    const valueOf = this.columns[column].value ?? (() => 0);
    const wanted = this.query.value.trim().toLowerCase();
    const found = wanted ? this.rows.filter((row) => this.search(row).toLowerCase().includes(wanted)) : this.rows;
    const keyed = found.map((row) => [valueOf(row), row]);
    keyed.sort(([a], [b]) => {
      if (a == null || b == null) return (a == null) - (b == null);
      const order = typeof a === "string" ? collator.compare(a, b) : a - b;
      return down ? -order : order;
    });
    return keyed.map(([, row]) => row);
  }

  #draw() {
    const rows = this.#sorted();
    const pages = Math.max(1, Math.ceil(rows.length / this.pageSize));
    this.page = Math.min(this.page, pages - 1);
    const first = this.page * this.pageSize;
    const shown = rows.slice(first, first + this.pageSize);
    this.query.hidden = !this.search || (this.rows.length <= this.pageSize && !this.query.value);
    this.nothing.textContent = this.rows.length ? "Nothing is called like that." : this.empty;
    this.nothing.hidden = rows.length > 0;
    this.scroll.hidden = rows.length === 0;
    this.heads.forEach((head, index) => {
      const sorts = index === this.order.column && this.columns[index].value;
      if (sorts) head.setAttribute("aria-sort", this.order.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    keepingFocus(this.body, () => this.body.replaceChildren(...shown.map((row) => this.#row(row))));
    this.#drawPager(pages, first, shown.length, rows.length);
  }

  #row(row) {
    const cells = this.columns.map((column, index) => {
      const cell = column.cell(row);
      const attributes = { class: classOf(column), ...(index === 0 ? { scope: "row" } : {}) };
      return el(index === 0 ? "th" : "td", attributes, cell == null ? "–" : cell);
    });
    return el("tr", { "data-key": this.key(row) }, cells);
  }

  #drawPager(pages, first, count, all) {
    this.pager.hidden = pages === 1;
    if (pages === 1) return;
    const turn = (by, word) =>
      el(
        "button",
        {
          type: "button",
          class: "plain",
          disabled: this.page + by < 0 || this.page + by >= pages,
          onclick: () => {
            this.page += by;
            this.#draw();
          },
        },
        word,
      );
    const where = `${first + 1} to ${first + count} of ${all.toLocaleString("en-US")}`;
    keepingFocus(this.pager, () =>
      this.pager.replaceChildren(turn(-1, "Previous"), el("span", { role: "status" }, where), turn(1, "Next")),
    );
  }
}

function classOf(column) {
  return [column.start && "start", column.wide && "wide", column.grow && "grow", column.wraps && "wraps"].filter(Boolean).join(" ") || null;
}

/** Redraws a part; what had the focus in it has it again, found by its row and its place in that. */
function keepingFocus(host, redraw) {
  const had = host.contains(document.activeElement) ? document.activeElement : null;
  const key = had?.closest("[data-key]")?.dataset.key;
  const within = () => (key === undefined ? host : [...host.children].find((one) => one.dataset.key === key));
  const controls = () => [...(within()?.querySelectorAll("a, button") ?? [])];
  const place = controls().indexOf(had);
  redraw();
  if (had) controls()[place]?.focus();
}

/** Does something now and then again and again; errors go to `failed`, and the next time is another try. */
export function repeat(seconds, work, failed) {
  let timer = null;
  let left = false;
  const once = async () => {
    try {
      await work();
    } catch (error) {
      if (!left) failed(error);
    }
    if (!left) timer = setTimeout(once, seconds * 1000);
  };
  const first = once();
  return {
    first,
    stop() {
      left = true;
      clearTimeout(timer);
    },
  };
}
