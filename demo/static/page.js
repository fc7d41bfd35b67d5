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
    for (const button of document.querySelectorAll(".upload-container > button[aria-label]")) button.removeAttribute("aria-label");
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
  // On a phone the stage may be above the window when Run is pressed
  const phone = matchMedia("(max-width: 640px)");
  document.addEventListener("click", (event) => {
    const run = event.target.closest && event.target.closest("button[id$='-run']");
    const stage = run && phone.matches && document.getElementById(run.id.replace(/-run$/, "-result"));
    if (stage) stage.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
  // A wheel over a number that was typed scrolls the page and leaves the number
  document.addEventListener("wheel", (event) => {
    const target = event.target;
    if (target instanceof HTMLInputElement && target.type === "number" && target === document.activeElement) target.blur();
  }, { passive: true });
})();
