// Alt texts for Gradio's pictures (it draws them without), and the Copy buttons of shared links.
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
  };
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; describe(); });
  }).observe(document.documentElement, { childList: true, subtree: true });
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
})();
