// The WebSocket: opens, resumes with the last number it saw, and says honestly whether it is live.

const SILENCE_MS = 40_000; // heartbeats come every 15 s
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;

/** One facility's messages, in order, over as many connections as it takes. */
export class Live {
  /**
   * @param {string} facilityId
   * @param {{message: (message: object) => void, state: (kind: "live"|"reconnecting"|"down") => void,
   *          refused: (code: number) => Promise<boolean>}} on `refused`: closed with 44xx; true tries again
   */
  constructor(facilityId, on) {
    this.facilityId = facilityId;
    this.on = on;
    this.seq = null;
    this.tries = 0;
    this.ended = false;
    this.open();
  }

  end() {
    this.ended = true;
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    this.socket?.close();
  }

  open() {
    if (this.ended) return;
    const query = new URLSearchParams({ facilityId: this.facilityId });
    if (this.seq !== null) query.set("since", this.seq);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws?${query}`);
    this.socket = socket;
    socket.onopen = () => this.hear(socket);
    socket.onmessage = (event) => {
      if (this.ended) return;
      this.tries = 0;
      this.hear(socket);
      const message = JSON.parse(event.data);
      if (Number.isInteger(message.seq)) this.seq = message.seq;
      this.on.state("live");
      this.on.message(message);
    };
    socket.onclose = (event) => this.closed(event.code);
  }

  hear(socket) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => socket.close(), SILENCE_MS);
  }

  async closed(code) {
    clearTimeout(this.silence);
    if (this.ended) return;
    this.on.state(this.tries < 3 ? "reconnecting" : "down");
    if (code >= 4400 && code < 4500 && !(await this.on.refused(code))) return;
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.tries) * (0.5 + Math.random() / 2);
    this.tries += 1;
    this.retry = setTimeout(() => this.open(), wait);
  }
}
