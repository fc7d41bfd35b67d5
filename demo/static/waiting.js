// Who waits in the queue is told for whom, and how long, in place of Gradio's "queue: 1/1".
(() => {
  const EVERY = 700; // ms
  const tabs = { "-result": (key) => document.querySelector(`#${key}-method input:checked`)?.value || key, "-tiles": (key) => key, "-player": (key) => key };
  const place = (tracker) => {
    const found = tracker.textContent.match(/queue: (\d+)\//);
    return found && Number(found[1]);
  };
  const word = (block) => block.querySelector(":scope > .st-queue");
  const say = (block, words) => {
    let shown = word(block);
    if (!words) return shown && shown.remove();
    if (!shown) {
      shown = Object.assign(document.createElement("div"), { className: "st-word st-queue" });
      shown.setAttribute("role", "status");
      block.append(shown);
    }
    if (shown.textContent !== words) shown.textContent = words;
  };
  const ask = async (block, suffix, at) => {
    const tab = tabs[suffix](block.id.slice(0, -suffix.length));
    const answer = await fetch(`waiting/${encodeURIComponent(tab)}/${at}`).catch(() => null);
    const words = answer && answer.ok ? await answer.text() : "";
    say(block, block.querySelector("[data-waits]") ? words : ""); // it may have begun meanwhile
  };
  const look = () => {
    for (const tracker of document.querySelectorAll("[data-testid='status-tracker']")) {
      const at = place(tracker);
      tracker.toggleAttribute("data-waits", Boolean(at));
      const block = tracker.closest(".block"), suffix = block && Object.keys(tabs).find((end) => block.id.endsWith(end));
      if (!suffix) continue;
      if (at) ask(block, suffix, at);
      else say(block, "");
    }
    for (const shown of document.querySelectorAll(".st-queue")) {
      if (!shown.parentElement.querySelector("[data-waits]")) shown.remove();
    }
  };
  setInterval(look, EVERY);
})();
