// <style-tiles>: pictures that zoom and move in step.  <style-slider>: two pictures and a border to move.
// The HTML may be replaced at any time (Gradio redraws it with every new tile); the state is kept here.
(() => {
  if (customElements.get("style-tiles")) return;
  const MOST = 32;
  let kept = { zoom: 1, x: 0.5, y: 0.5 }; // factor over "whole picture", and the point of the picture in the middle

  class Tiles extends HTMLElement {
    connectedCallback() {
      this.state = kept;
      this.pointers = new Map();
      this.watcher = new ResizeObserver(() => this.draw());
      this.watcher.observe(this);
      this.draw();
      if (this.ready) return; // moved in the page: it still listens
      this.ready = true;
      this.addEventListener("click", (e) => this.press(e));
      this.addEventListener("keydown", (e) => this.key(e));
      this.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
      this.addEventListener("dblclick", (e) => this.twice(e));
      for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"])
        this.addEventListener(kind, (e) => this.pointer(kind, e));
      // "load" does not bubble, but can be captured
      this.addEventListener("load", () => this.draw(), true);
    }
    disconnectedCallback() {
      this.watcher.disconnect();
    }
    views() {
      return [...this.querySelectorAll(".st-view")].filter((v) => v.querySelector("img"));
    }
    fit(view) {
      const img = view.querySelector("img");
      // The attributes are there before a lazy picture is
      const w = img.naturalWidth || Number(img.getAttribute("width")) || 1;
      const h = img.naturalHeight || Number(img.getAttribute("height")) || 1;
      return { img, w, h, scale: Math.min(view.clientWidth / w, view.clientHeight / h) };
    }
    // How many times larger than "whole picture" a real pixel is, in the first picture
    real() {
      const view = this.views()[0];
      return view ? Math.max(1, 1 / this.fit(view).scale) : 1;
    }
    set(zoom, x, y) {
      zoom = Math.min(MOST, Math.max(1, zoom));
      const half = 0.5 / zoom;
      const clamp = (v) => Math.min(1 - half, Math.max(half, v));
      this.state = kept = { zoom, x: clamp(x), y: clamp(y) };
      this.draw();
    }
    draw() {
      const { zoom, x, y } = this.state;
      for (const view of this.views()) {
        const { img, w, h, scale } = this.fit(view);
        const s = scale * zoom;
        img.style.width = `${w}px`;
        img.style.height = `${h}px`;
        img.style.transform =
          `translate(${view.clientWidth / 2 - x * w * s}px, ${view.clientHeight / 2 - y * h * s}px) scale(${s})`;
        img.style.imageRendering = s >= 2 ? "pixelated" : "auto";
      }
      this.classList.toggle("st-zoomed", zoom > 1);
      this.dataset.factor = zoom.toFixed(3);
    }
    // Zoom so that the point under (cx, cy) stays there
    around(factor, view, cx, cy) {
      const { zoom, x, y } = this.state;
      const { w, h, scale } = this.fit(view);
      const box = view.getBoundingClientRect();
      const dx = (cx - box.left - box.width / 2) / (w * scale), dy = (cy - box.top - box.height / 2) / (h * scale);
      const next = Math.min(MOST, Math.max(1, zoom * factor));
      this.set(next, x + dx / zoom - dx / next, y + dy / zoom - dy / next);
    }
    press(e) {
      const button = e.target.closest("[data-zoom]");
      if (!button) return;
      const { zoom, x, y } = this.state;
      const target = { in: zoom * 1.5, out: zoom / 1.5, real: this.real(), fit: 1 }[button.dataset.zoom];
      this.set(target, x, y);
    }
    key(e) {
      if (e.target.closest("button") && (e.key === " " || e.key === "Enter")) return;
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      const { zoom, x, y } = this.state, step = 0.1 / zoom;
      const moves = {
        "+": [zoom * 1.5, x, y], "=": [zoom * 1.5, x, y], "-": [zoom / 1.5, x, y], 0: [1, 0.5, 0.5],
        ArrowLeft: [zoom, x - step, y], ArrowRight: [zoom, x + step, y],
        ArrowUp: [zoom, x, y - step], ArrowDown: [zoom, x, y + step],
      };
      const move = moves[e.key];
      if (!move || (zoom === 1 && e.key.startsWith("Arrow"))) return;
      e.preventDefault();
      this.set(...move);
    }
    wheel(e) {
      const view = e.target.closest(".st-view");
      // The page scrolls as usual until the pictures have been clicked, or with Ctrl held
      if (!view || !view.querySelector("img") || !(e.ctrlKey || e.metaKey || this.contains(document.activeElement))) return;
      e.preventDefault();
      this.around(Math.exp(-e.deltaY / 300), view, e.clientX, e.clientY);
    }
    twice(e) {
      const view = e.target.closest(".st-view");
      if (!view || !view.querySelector("img")) return;
      if (this.state.zoom > 1) this.set(1, 0.5, 0.5);
      else this.around(Math.max(2, this.real()), view, e.clientX, e.clientY);
    }
    pointer(kind, e) {
      const view = e.target.closest && e.target.closest(".st-view");
      if (kind === "pointerdown") {
        if (!view || !view.querySelector("img") || e.button) return;
        this.pointers.set(e.pointerId, { x: e.clientX, y: e.clientY, view });
        if (e.pointerType === "mouse") view.setPointerCapture(e.pointerId);
      } else if (kind === "pointermove") {
        const last = this.pointers.get(e.pointerId);
        if (!last) return;
        const others = [...this.pointers.entries()].filter(([id]) => id !== e.pointerId).map(([, p]) => p);
        const { zoom, x, y } = this.state;
        const { w, h, scale } = this.fit(last.view);
        if (others.length) {
          const far = Math.hypot(e.clientX - others[0].x, e.clientY - others[0].y);
          const near = Math.hypot(last.x - others[0].x, last.y - others[0].y);
          if (near > 0) this.around(far / near, last.view, (e.clientX + others[0].x) / 2, (e.clientY + others[0].y) / 2);
        } else if (zoom > 1) {
          this.set(zoom, x - (e.clientX - last.x) / (w * scale * zoom), y - (e.clientY - last.y) / (h * scale * zoom));
        }
        this.pointers.set(e.pointerId, { x: e.clientX, y: e.clientY, view: last.view });
      } else {
        this.pointers.delete(e.pointerId);
      }
    }
  }

  class Slider extends HTMLElement {
    connectedCallback() {
      this.watcher = new ResizeObserver(() => this.move());
      this.watcher.observe(this);
      this.move();
      if (this.ready) return;
      this.ready = true;
      this.addEventListener("input", (e) => {
        if (e.target.matches("input[type=range]")) this.move();
      });
      this.addEventListener("change", (e) => {
        if (e.target.matches("select")) this.choose(e.target);
      });
      this.addEventListener("load", () => this.move(), true);
    }
    disconnectedCallback() {
      this.watcher.disconnect();
    }
    move() {
      const range = this.querySelector("input[type=range]"), left = this.querySelector('img[data-side="left"]');
      if (!range || !left) return;
      left.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`;
      this.querySelector(".st-line").style.left = `${range.value}%`;
    }
    choose(select) {
      const side = select.dataset.side, img = this.querySelector(`img[data-side="${side}"]`);
      const name = select.selectedOptions[0].textContent;
      img.src = select.value;
      img.alt = name;
      this.querySelector(`.st-${side}`).textContent = name;
    }
  }

  customElements.define("style-tiles", Tiles);
  customElements.define("style-slider", Slider);
})();
