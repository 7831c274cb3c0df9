// The main page: what now, why, what it is worth, and whether the data can be trusted; at any moment that has been.

import { address } from "../desk.js";
import { Lights } from "../now/lights.js";
import { Money } from "../now/money.js";
import { AHEAD, BACK, Story } from "../now/story.js";
import { STEP, Timeline } from "../now/timeline.js";
import { Verdict } from "../now/verdict.js";
import { Why, wordsAt } from "../now/why.js";
import { el, repeat } from "../parts.js";
import { perMwh } from "../words.js";

const BURST_MS = 250;
const PAST_MS = 200;
const RETRY_MS = 3000;
const FEEDS_SECONDS = 10;
const MONEY_SECONDS = 30;

export async function mount(root, desk) {
  if (desk.facility() === null) return welcome(root, desk);
  const page = new NowPage(root, desk);
  try {
    await page.open();
  } catch (error) {
    page.leave();
    throw error;
  }
  return page;
}

function welcome(root, desk) {
  root.append(el("section", { class: "card welcome" }, el("h1", {}, "No facility yet"),
    el("p", {}, "Vibelux decides for facilities: their engines, boilers, stores and contracts. Describe the first one under ", desk.link("settings", null, "Settings"), ", or hand in its file:"),
    el("p", {}, el("code", {}, "vibelux facilities add FILE")), el("p", {}, "The examples folder holds one for each grid. Prices are at work already: see ", desk.link("market", null, "Market"), " and ", desk.link("quality", null, "Data quality"), ".")));
  return { leave() {} };
}

class NowPage {
  constructor(root, desk) {
    this.desk = desk;
    this.story = new Story(desk);
    this.unsubscribe = desk.subscribe((message) => this.hear(message));
    this.pin = null;
    this.then = null;
    this.asking = null;
    this.isWanted = false;
    this.hasLeft = false;
    this.verdict = new Verdict(desk);
    this.lights = new Lights(desk);
    this.money = new Money(desk);
    this.why = new Why(this.story);
    this.timeline = new Timeline(this.story, { look: (moment, isPinned) => this.look(moment, isPinned), words: (moment) => wordsAt(this.story, this.timeline.picture, moment, desk.timeZone()) });
    this.verdict.back.addEventListener("click", () => this.backToNow());
    root.append(this.verdict.element, el("div", { class: "middle" }, this.timeline.element, el("div", { class: "side" }, this.why.element, this.money.element)), this.lights.element);
  }

  async open() {
    await this.story.open();
    this.render();
    this.#loadHours();
    if (this.isWanted) this.#askSoon();
    const feeds = async () => this.lights.show(await this.desk.all("/api/feeds"));
    const money = async () => { await this.money.refresh(); this.tick(); };
    this.polls = [repeat(FEEDS_SECONDS, feeds, this.desk.failed), repeat(MONEY_SECONDS, money, this.desk.failed)];
    this.ticking = setInterval(() => this.tick(), 1000);
    this.onKey = (event) => this.#key(event);
    document.addEventListener("keydown", this.onKey);
    const moment = Date.parse(decodeURIComponent(location.hash.split("/")[3] ?? ""));
    if (moment < this.desk.now()) this.look(moment, true);
  }

  /** The hours behind; tried again until they are there. */
  async #loadHours() {
    const now = this.desk.now();
    try {
      await this.story.load(now - BACK, now + AHEAD);
      this.render();
    } catch (error) {
      if (this.hasLeft) return;
      this.desk.failed(error);
      this.loading = setTimeout(() => this.#loadHours(), RETRY_MS);
    }
  }

  leave() {
    this.hasLeft = true;
    delete document.body.dataset.past;
    this.unsubscribe();
    clearTimeout(this.loading);
    this.polls?.forEach((poll) => poll.stop());
    clearInterval(this.ticking);
    clearTimeout(this.asking);
    clearTimeout(this.looking);
    document.removeEventListener("keydown", this.onKey);
    this.timeline.leave();
  }

  hear(message) {
    const isOpen = this.story.answer !== null;
    const news = this.story.hear(message);
    if (!isOpen) {
      this.isWanted = true; // the answer that is under way may be older
      return;
    }
    if (news === "ask") this.#askSoon();
    if (news === "ask" && message.type === "snapshot") this.#loadHours(); // too long away to be told all of it
    if (news !== "nothing") this.render();
  }

  /** Asks for the whole answer and the plan, once for a burst of messages. */
  #askSoon() {
    this.isWanted = true;
    this.asking ??= setTimeout(async () => {
      this.isWanted = false;
      try {
        const answer = await this.desk.api("/api/chp/decision", { facilityId: this.story.facility.id });
        await this.story.refreshAhead();
        this.story.take(answer);
        this.render();
      } catch (error) {
        console.warn("the answer could not be asked for:", error.message); // the socket will bring the next
      } finally {
        this.asking = null;
        if (this.isWanted && !this.hasLeft) this.#askSoon();
      }
    }, BURST_MS);
  }

  /** The cursor was moved: what stands there is told; pinned in the past, the whole page goes back to that moment. */
  look(moment, isPinned) {
    if (!isPinned) return this.why.show(moment ?? this.pin);
    const now = this.desk.now();
    const isNow = moment >= Math.floor(now / STEP) * STEP && moment <= now;
    this.pin = this.timeline.pin = isNow ? null : moment;
    this.why.show(this.pin);
    clearTimeout(this.looking);
    if (this.pin !== null && this.pin < now) this.looking = setTimeout(() => this.#goBack(this.pin), PAST_MS);
    else this.#stand(null);
    this.timeline.place();
  }

  async #goBack(moment) {
    try {
      const then = await this.story.at(moment);
      if (this.pin === moment && !this.hasLeft) this.#stand(then);
    } catch (error) {
      this.desk.failed(error);
    }
  }

  /** Shows a moment of the past, or now. */
  #stand(then) {
    this.then = this.timeline.then = then;
    history.replaceState(null, "", address("now", this.desk.facilityId(), then?.moment ?? null));
    document.body.dataset.past = String(then !== null);
    this.render();
  }

  backToNow() {
    this.pin = this.timeline.pin = null;
    clearTimeout(this.looking);
    this.#stand(null);
    this.timeline.cursor.focus();
  }

  render() {
    if (this.story.answer === null || this.hasLeft) return;
    this.timeline.draw();
    this.why.show(this.timeline.hover ?? this.pin);
    this.tick();
  }

  /** What changes with time alone: ages. */
  tick() {
    if (this.story.answer === null) return;
    this.lights.tick();
    if (this.then) return this.#tellPast(this.then);
    const { answer } = this.story;
    const headline = this.verdict.show(answer, this.story.ages(), null, this.money.today());
    document.title = `${headline} · ${perMwh(answer.marketConditions.gridPrice)} USD/MWh – Vibelux`;
    this.#announce(answer.decision, headline);
  }

  #tellPast({ answer, moment }) {
    document.title = "PAST – Vibelux";
    if (answer) this.verdict.show(answer, answer.dataFreshness, moment, this.money.today());
    else this.verdict.showNothing(moment);
  }

  #announce(decision, headline) {
    if (this.told && this.told !== decision.action) document.getElementById("announce").textContent = `${headline}. ${decision.reasons[0] ?? ""}`;
    this.told = decision.action;
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=range]), textarea, select")) return;
    const deeds = { n: () => this.backToNow(), Escape: () => this.pin !== null && this.backToNow(), t: () => this.timeline.toggleTable(), "+": () => this.timeline.zoomBy(-1), "-": () => this.timeline.zoomBy(1) };
    if (!deeds[event.key] || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    deeds[event.key]();
  }
}
