// What Gradio's elements are called for those who do not see them, the Copy buttons of shared links, and how the page moves.
(() => {
  const name = (img) => {
    const block = img.closest(".block");
    const label = block && block.querySelector("label, .label, [data-testid='block-label']");
    return label ? label.textContent.trim() : "";
  };
  const describe = () => {
    for (const img of document.querySelectorAll(".gradio-container img:not([data-named])")) {
      const text = img.getAttribute("alt") || name(img);
      if (!text) continue;
      img.setAttribute("alt", text);
      img.dataset.named = "1";
    }
    // A name that says other than the words in the button, and one for an element that may have none
    for (const button of document.querySelectorAll(".upload-container > button[aria-label], button.upload-container[aria-label]")) button.removeAttribute("aria-label");
    for (const border of document.querySelectorAll(".slider-wrap .outer:not([tabindex])")) {
      const word = document.documentElement.lang.startsWith("zh") ? "前后图片的分界" : "Border between before and after";
      const attributes = { tabindex: 0, role: "slider", "aria-label": word, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 50 };
      for (const [key, value] of Object.entries(attributes)) border.setAttribute(key, value);
    }
    for (const empty of document.querySelectorAll(".empty[aria-label]:not([role])")) empty.setAttribute("role", "img");
  };
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; describe(); });
  }).observe(document.documentElement, { childList: true, subtree: true });
  document.addEventListener("click", (event) => {
    const pressing = event.target.closest && event.target.closest("[data-press]");
    if (pressing) document.getElementById(pressing.dataset.press).click();
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest && event.target.closest("[data-copy]");
    if (!button) return;
    const link = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(link);
    } catch {
      const box = Object.assign(document.createElement("textarea"), { value: link });
      document.body.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    button.textContent = "✓";
  });
  // The border of a stage by keyboard: Gradio's can be dragged alone, so it is dragged
  const place = (border) => {
    const clip = border.closest(".slider-wrap").querySelector("img.fixed").style.clipPath.match(/([\d.]+)%\)$/);
    return clip ? Math.round(Number(clip[1])) : 50;
  };
  const drag = (border, share) => {
    const picture = border.closest(".slider-wrap").querySelector("img.fixed").getBoundingClientRect();
    const handle = border.getBoundingClientRect(), y = handle.y + handle.height / 2;
    const from = handle.x + handle.width / 2, to = picture.x + share * picture.width;
    const move = (kind, target, x) => target.dispatchEvent(
      new MouseEvent(kind, { bubbles: true, cancelable: true, view: window, clientX: x, clientY: y }));
    move("mousedown", border, from);
    move("mousemove", window, to);
    move("mouseup", window, to);
    border.setAttribute("aria-valuenow", Math.round(100 * share));
  };
  document.addEventListener("focusin", (event) => {
    const border = event.target.closest && event.target.closest(".slider-wrap .outer");
    if (border) border.setAttribute("aria-valuenow", place(border));
  });
  document.addEventListener("keydown", (event) => {
    const border = event.target.closest && event.target.closest(".slider-wrap .outer");
    if (!border) return;
    const now = place(border);
    const wanted = { ArrowLeft: now - 5, ArrowRight: now + 5, Home: 0, End: 100 }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    drag(border, Math.min(100, Math.max(0, wanted)) / 100);
  });
  // The stage may be above the window when Run is pressed, or an example below it; one that is empty yet is
  // shown once there is something, unless the visitor has moved the page meanwhile
  const SEEN = 120; // px
  const grown = new ResizeObserver((entries) => {
    const stage = entries.map((entry) => entry.target).find((each) => each.offsetHeight >= SEEN);
    if (!stage) return;
    grown.disconnect();
    requestAnimationFrame(() => stage.scrollIntoView({ block: "nearest", behavior: "smooth" }));
  });
  for (const kind of ["wheel", "touchmove", "keydown"]) document.addEventListener(kind, () => grown.disconnect(), { passive: true });
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest && event.target.closest("button[id$='-run'], [id$='-examples'] tr");
    const key = pressed && pressed.closest("[id$='-run'], [id$='-examples']").id.replace(/-(run|examples)$/, "");
    const stage = key && (document.getElementById(`${key}-result`) || document.getElementById(`${key}-slider`) || document.getElementById(`${key}-player`));
    if (!stage) return;
    grown.disconnect();
    if (stage.offsetHeight >= SEEN) stage.scrollIntoView({ block: "nearest", behavior: "smooth" });
    else grown.observe(stage);
  });
  // A wheel over a number that was typed scrolls the page and leaves the number
  document.addEventListener("wheel", (event) => {
    const target = event.target;
    if (target instanceof HTMLInputElement && target.type === "number" && target === document.activeElement) target.blur();
  }, { passive: true });
})();
