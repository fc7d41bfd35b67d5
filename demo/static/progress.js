// The share that a status line ends with ("Being painted … 45%") is drawn as a bar below the line.
(() => {
  const SHARE = /(\d{1,3})\s?%\s*$/;
  const draw = (line) => {
    const found = line.textContent.match(SHARE), words = line.querySelector("p") || line;
    if (!found) {
      line.style.removeProperty("--done");
      for (const name of ["role", "aria-valuenow", "aria-label"]) line.removeAttribute(name);
      return;
    }
    line.style.setProperty("--done", `${found[1]}%`);
    line.setAttribute("role", "progressbar");
    line.setAttribute("aria-valuenow", found[1]);
    line.setAttribute("aria-label", words.textContent.replace(SHARE, "").replace(/[\s…]+$/, ""));
  };
  const lines = () => document.querySelectorAll("[id$='-status']");
  const watched = new WeakSet();
  const watch = () => {
    for (const line of lines()) {
      if (watched.has(line)) continue;
      watched.add(line);
      new MutationObserver(() => draw(line)).observe(line, { childList: true, characterData: true, subtree: true });
      draw(line);
    }
  };
  setInterval(watch, 1000); // tabs are built when they are opened
})();
