// <strength-follower>: while a strength moves, by any input, the stage shows what it does; then the server is asked.
//
// The result lies over the content; at the share (moved strength / its own strength) it is the look at that strength.
// A stronger result of the same request, once it was there, is taken instead for strengths beyond the present one's.
(() => {
  if (customElements.get("strength-follower")) return;
  const KEY_PAUSE = 350, TYPING_PAUSE = 900, FLOAT_PAUSE = 1500; // ms
  const NAMES = ["style", "content"];
  const followers = new Map(); // tab to its element
  const strongest = new Map(); // tab to its last request's picture of the highest style strength

  class Follower extends HTMLElement {
    static observedAttributes = ["data-run", "data-follows"]; // Gradio changes an element that is there already
    connectedCallback() {
      followers.set(this.dataset.tab, this);
      this.soon();
    }
    attributeChangedCallback() {
      if (this.isConnected) this.soon();
    }
    // The pictures change in the same step as this element, but are loaded later
    soon() {
      cancelAnimationFrame(this.waiting);
      this.waiting = requestAnimationFrame(() => { this.waiting = requestAnimationFrame(() => this.begin()); });
    }
    disconnectedCallback() {
      clearTimeout(this.timer);
      if (followers.get(this.dataset.tab) !== this) return;
      followers.delete(this.dataset.tab);
      this.clear();
    }
    async begin() {
      const run = this.dataset.run, { after } = this.pictures();
      if (!after || !this.isConnected) return;
      if (run !== this.run) {
        await after.decode().catch(() => {}); // a picture that cannot be shown has no preview either
        if (!this.isConnected || run !== this.dataset.run) return;
        this.remember(run, after.src);
      }
      this.draw();
      if (!this.isExact() && this.dataset.follows === "release") this.commit(KEY_PAUSE); // moved meanwhile
    }
    remember(run, source) {
      this.run = run;
      this.strength = Number(this.dataset.style);
      this.source = source;
      const known = strongest.get(this.dataset.tab);
      if (!known || known.family !== this.dataset.family || known.strength <= this.strength)
        strongest.set(this.dataset.tab, { family: this.dataset.family, strength: this.strength, source });
    }
    stage() {
      return document.querySelector(`#${this.dataset.tab}-result`);
    }
    pictures() {
      const [before, after] = this.stage().querySelectorAll("[data-testid='imageslider-image']");
      return { before, after };
    }
    value(name) {
      const box = document.querySelector(`#${this.dataset.tab}-${name}-strength input[type=number]`);
      return box && box.value !== "" ? Math.min(1, Math.max(0, Number(box.value))) : Number(this.dataset[name]);
    }
    isAsMade(name) {
      return Math.abs(this.value(name) - Number(this.dataset[name])) < 1e-6;
    }
    isExact() {
      return NAMES.every((name) => this.isAsMade(name));
    }
    draw() {
      const { after } = this.pictures();
      if (!after || this.run !== this.dataset.run) return;
      const moved = this.value("style");
      const reference = moved > this.strength ? strongest.get(this.dataset.tab) : this;
      const isPreview = !this.isAsMade("style") && reference.strength > 0 && moved <= reference.strength;
      if (after.src !== reference.source) after.src = reference.source;
      const share = isPreview ? moved / reference.strength : 1;
      this.stage().style.setProperty("--st-share", share);
      this.stage().classList.toggle("st-previewed", isPreview);
      const isTold = isPreview && this.isAsMade("content");
      const words = isTold ? this.dataset.preview.replace("{strength}", moved.toFixed(2)) : this.dataset.other;
      this.say(this.stage(), this.isExact() ? "" : words);
      this.float(reference.source, share, words);
    }
    say(place, words) {
      let word = place.querySelector(".st-word");
      if (!words) return word && word.remove();
      if (!word) {
        word = Object.assign(document.createElement("div"), { className: "st-word" });
        word.setAttribute("role", "status");
        place.append(word);
      }
      word.textContent = words;
    }
    // Where the stage is out of sight, as on a phone, both pictures are shown at the edge of the window
    rise(near) {
      const box = this.stage().getBoundingClientRect(), seen = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
      const { before, after } = this.pictures();
      if (!after || seen > box.height / 2) return;
      let board = document.querySelector(".st-float");
      if (!board) {
        board = Object.assign(document.createElement("div"), { className: "st-float" });
        board.setAttribute("aria-hidden", "true"); // the word on the stage is read out
        board.append(...[before.src, after.src].map((src) => Object.assign(new Image(), { src })));
        document.body.append(board);
      }
      board.dataset.tab = this.dataset.tab;
      const slider = near.getBoundingClientRect();
      const isLow = slider.top + slider.height / 2 > innerHeight / 2;
      board.style.top = isLow ? "8px" : "auto";
      board.style.bottom = isLow ? "auto" : "8px";
    }
    float(source, share, words) {
      const board = document.querySelector(`.st-float[data-tab="${this.dataset.tab}"]`);
      if (!board) return;
      const after = board.querySelector("img + img");
      if (after.src !== source) after.src = source;
      board.style.setProperty("--st-share", share);
      this.say(board, this.isExact() ? "" : words);
      clearTimeout(Follower.sinking);
      if (this.isExact() || this.dataset.follows !== "release") Follower.sinking = setTimeout(() => board.remove(), FLOAT_PAUSE);
    }
    clear() {
      document.querySelector(".st-float")?.remove();
      const stage = this.stage();
      if (!stage) return;
      this.say(stage, "");
      stage.classList.remove("st-previewed");
    }
    commit(pause) {
      clearTimeout(this.timer);
      if (this.dataset.follows !== "release") return;
      this.timer = setTimeout(() => document.querySelector(`#${this.dataset.tab}-moved`).click(), pause);
    }
  }

  const moved = (target) => {
    const slider = target.closest && target.closest(".block[id$='-style-strength'], .block[id$='-content-strength']");
    const follower = slider && followers.get(slider.id.replace(/-(style|content)-strength$/, ""));
    return { slider, follower };
  };
  let isByKey = false;
  document.addEventListener("keydown", () => { isByKey = true; }, true);
  document.addEventListener("pointerdown", () => { isByKey = false; }, true);
  document.addEventListener("input", (event) => {
    const { slider, follower } = moved(event.target);
    if (!follower) return;
    clearTimeout(follower.timer);
    requestAnimationFrame(() => { // Gradio carries the number over to its other box first
      if (event.target.type === "number" && event.target.value === "") return; // on the way to a number
      follower.rise(slider);
      follower.draw();
      if (event.target.type === "number") follower.commit(TYPING_PAUSE);
    });
  }, true);
  document.addEventListener("change", (event) => {
    const { follower } = moved(event.target);
    if (follower) follower.commit(isByKey && event.target.type === "range" ? KEY_PAUSE : 0);
  }, true);
  document.addEventListener("click", (event) => {
    if (!(event.target.closest && event.target.closest(".reset-button"))) return;
    const { slider, follower } = moved(event.target);
    if (!follower) return;
    setTimeout(() => { follower.rise(slider); follower.draw(); follower.commit(0); });
  });
  customElements.define("strength-follower", Follower);
})();
