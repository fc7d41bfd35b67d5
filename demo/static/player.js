// <clip-player>: a clip before and after, played in step, with a border to move by mouse, finger and keys.
(() => {
  if (customElements.get("clip-player")) return;
  const FAR = 0.3, NEAR = 0.02; // s apart: jump after it; leave it be
  const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

  class Player extends HTMLElement {
    connectedCallback() {
      // On a page that is still being read the videos come after the element
      if (document.readyState !== "loading") return this.begin();
      document.addEventListener("DOMContentLoaded", () => this.begin());
    }
    begin() {
      if (this.ready) return;
      this.ready = true;
      this.after = this.querySelector('video[data-side="right"]');
      this.before = this.querySelector('video[data-side="left"]');
      for (const video of this.videos()) video.muted = true; // the attribute is none for scripts
      this.addEventListener("input", (e) => this.moved(e.target));
      this.addEventListener("click", (e) => this.press(e.target.closest("[data-do]")));
      this.addEventListener("keydown", (e) => this.key(e));
      for (const kind of ["loadedmetadata", "seeked", "timeupdate"]) this.after.addEventListener(kind, () => this.draw());
      for (const kind of ["play", "pause"]) this.after.addEventListener(kind, () => this.follow());
      this.after.addEventListener("ended", () => { this.seek(0); this.start(this.after); }); // again and again
      this.moved(this.querySelector(".st-border"));
      this.draw();
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.start(this.after);
    }
    start(video) {
      video.play().catch((e) => { // not without a click, not its codec, or taken out meanwhile
        if (!["AbortError", "NotAllowedError", "NotSupportedError"].includes(e.name)) throw e;
      });
    }
    videos() {
      return [this.after, this.before].filter(Boolean);
    }
    moved(range) {
      if (!range) return;
      if (range.matches(".st-border")) {
        this.before.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`;
        this.querySelector(".st-line").style.left = `${range.value}%`;
      } else {
        this.seek((range.value / 1000) * (this.after.duration || 0));
      }
    }
    seek(seconds) {
      for (const video of this.videos()) video.currentTime = seconds;
      this.draw();
    }
    press(button) {
      if (!button) return;
      const does = button.dataset.do;
      if (does === "play") this.after.paused ? this.start(this.after) : this.after.pause();
      if (does === "sound") this.after.muted = !this.after.muted;
      if (does === "whole") document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen?.();
      this.draw();
    }
    key(e) {
      if (e.key !== " " || e.target.closest("button")) return;
      e.preventDefault();
      this.press(this.querySelector("[data-do=play]"));
    }
    // What is left plays as what is right does
    follow() {
      this.draw();
      if (!this.before) return;
      if (this.after.paused) {
        this.before.pause();
        this.before.currentTime = this.after.currentTime;
        return;
      }
      this.start(this.before);
      this.step();
    }
    step() {
      if (!this.isConnected || this.after.paused) return;
      const behind = this.after.currentTime - this.before.currentTime, { before } = this;
      if (Math.abs(behind) > FAR && !before.seeking) before.currentTime = this.after.currentTime;
      before.playbackRate = Math.abs(behind) < NEAR ? 1 : Math.min(1.5, Math.max(0.5, 1 + behind));
      if (before.paused && !before.ended) this.start(before);
      requestAnimationFrame(() => this.step());
    }
    draw() {
      const { currentTime, duration } = this.after, place = this.querySelector(".cp-place");
      if (duration && document.activeElement !== place) place.value = Math.round((1000 * currentTime) / duration);
      place.setAttribute("aria-valuetext", `${clock(currentTime)} / ${clock(duration || 0)}`);
      this.querySelector(".cp-time").textContent = place.getAttribute("aria-valuetext");
      const states = { play: !this.after.paused, sound: !this.after.muted, whole: false };
      for (const button of this.querySelectorAll("[data-do]")) {
        const isOn = states[button.dataset.do], word = isOn ? button.dataset.on : button.dataset.off;
        button.classList.toggle("cp-is-on", isOn);
        button.setAttribute("aria-label", word);
        button.title = word;
      }
    }
  }

  customElements.define("clip-player", Player);
})();
