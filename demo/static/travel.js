// A result travels: from the stage onto a box by a drag, and to the clipboard.
(() => {
  // Gradio's slider takes every press on its pictures for a pan; of one that is not zoomed there is nothing to pan.
  const isWhole = (img) => img.matches("[data-testid='imageslider-image']") && /scale\(1\)/.test(img.style.transform);
  for (const kind of ["mousedown", "pointerdown"]) {
    document.addEventListener(kind, (event) => {
      if (event.target instanceof HTMLImageElement && isWhole(event.target)) event.stopImmediatePropagation();
    }, true);
  }
  // The picture on the stage is a light one: what is dragged is the file
  document.addEventListener("dragstart", (event) => {
    const img = event.target, block = img instanceof HTMLImageElement && img.matches(".fixed") && img.closest("[id$='-result']");
    const link = block && document.querySelector(`#${block.id.replace(/-result$/, "-extras")} a[href$='.png'], #${block.id.replace(/-result$/, "-extras")} a[href$='.jpg']`);
    if (link) event.dataTransfer.setData("text/uri-list", link.href);
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest && event.target.closest("[data-copy-picture]");
    if (!button) return;
    const picture = fetch(button.dataset.copyPicture).then((answer) => answer.ok ? answer.blob() : Promise.reject(answer.status));
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
      button.textContent = `✓ ${button.dataset.copied}`;
    } catch {
      picture.catch(() => {}); // it may be the picture that is gone; the sentence holds for both
      button.textContent = button.dataset.refused;
    }
    button.setAttribute("aria-live", "polite");
    setTimeout(() => { button.textContent = button.dataset.named; }, 4000);
  });
})();
