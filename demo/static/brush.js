// The colors above the brush choose what it paints with, in both pictures: Gradio hides its own behind an icon.
(() => {
  const EVERY = 50, TRIES = 40; // ms between looks whether Gradio has drawn, and how many
  const until = async (isThere) => {
    for (let tries = 0; tries < TRIES && !isThere(); tries++) await new Promise((resolve) => setTimeout(resolve, EVERY));
  };
  const choose = async (editor, number) => {
    const icon = editor.querySelector(".toolbar-wrap .half-container.right button");
    const list = () => editor.querySelectorAll(".swatch .color");
    if (!icon) return;
    editor.classList.add("st-choosing");
    if (!list().length) icon.click();
    await until(() => list().length);
    list()[number]?.click();
    await until(() => !list().length || getComputedStyle(icon).color === list()[number].style.backgroundColor);
    if (list().length) icon.click();
    await until(() => !list().length);
    editor.classList.remove("st-choosing");
  };
  document.addEventListener("change", async (event) => {
    const colors = event.target.closest && event.target.closest("[id$='-draw-color']");
    if (!colors) return;
    const number = [...colors.querySelectorAll("input")].indexOf(event.target);
    const key = colors.id.replace(/-draw-color$/, "");
    for (const side of ["content", "style"]) {
      const editor = document.getElementById(`${key}-draw-${side}`);
      if (editor) await choose(editor, number);
    }
  }, true);
})();
