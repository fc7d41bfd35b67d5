// Clips find their tab: one dropped on, or chosen for, a box of photos is handed to the box of clips.
(() => {
  const CLIPS = /\.(mp4|mov|m4v|mkv|webm|avi|mpe?g|m?ts|3gp)$/i;
  const isClip = (file) => file.type.startsWith("video/") || CLIPS.test(file.name);
  const clipOf = (list) => [...(list || [])].find(isClip);
  const isAtHome = (target) => Boolean(target.closest && target.closest("#clip-clip"));
  const input = () => document.querySelector("#clip-clip input[type=file]");
  const until = async (found) => {
    for (let tries = 0; tries < 40; tries++) {
      const it = found();
      if (it) return it;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return null;
  };
  const bring = async (file) => {
    const tab = document.querySelector("[role=tab][data-tab-id=clip]");
    if (tab) tab.click();
    await until(() => document.querySelector("#clip-clip, #clip-missing"));
    const remove = document.querySelector("#clip-clip [aria-label='Remove this file'], #clip-clip [aria-label='Clear']");
    if (remove) remove.click();
    const box = await until(input);
    if (!box) return;
    const transfer = new DataTransfer();
    transfer.items.add(file);
    box.files = transfer.files;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  };
  document.addEventListener("drop", (event) => {
    const file = event.dataTransfer && clipOf(event.dataTransfer.files);
    if (!file || isAtHome(event.target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true })); // the box waits for no drop any more
    bring(file);
  }, true);
  document.addEventListener("change", (event) => {
    const chosen = event.target;
    if (!(chosen instanceof HTMLInputElement) || chosen.type !== "file" || isAtHome(chosen)) return;
    const file = clipOf(chosen.files);
    if (!file) return;
    event.stopImmediatePropagation();
    chosen.value = "";
    bring(file);
  }, true);
  document.addEventListener("click", (event) => { // what the dialog of files offers
    const chosen = event.target.closest && event.target.closest("#clip-clip input[type=file]");
    if (chosen) chosen.accept = "video/*,image/gif,image/webp,image/apng,.mkv,.mov,.webm,.avi,.mts,.ts,.apng";
  }, true);
})();
