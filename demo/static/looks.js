// The row of looks: the one that the style box shows is pressed, and "surprise me". Run by Gradio with its element.
const row = element.closest("[id$='-looks']") || element;
const buttons = () => [...element.querySelectorAll("[data-look]")];
const follow = (box) => {
  const picture = box.querySelector("img");
  const file = picture ? picture.src.split("/").pop() : "";
  for (const each of buttons()) each.setAttribute("aria-pressed", String(each.dataset.file === file));
};
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-look]");
  if (button) trigger("select", { index: Number(button.dataset.look) });
});
row.surprise = () => {
  const others = buttons().filter((each) => each.getAttribute("aria-pressed") !== "true");
  const chosen = others[Math.floor(Math.random() * others.length)];
  chosen.scrollIntoView({ inline: "center", block: "nearest" });
  chosen.click();
};
const attend = () => { // the box may be drawn after the row
  const box = document.getElementById(row.id.replace(/-looks$/, "-style"));
  if (!box) return setTimeout(attend, 100);
  new MutationObserver(() => follow(box)).observe(box, { childList: true, subtree: true, attributeFilter: ["src"] });
  follow(box);
};
attend();
