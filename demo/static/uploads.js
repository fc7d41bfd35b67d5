// Pictures that browsers do not know as such (HEIC from phones, JPEG XL, …): let them in, and show a JPEG of them.
// And pictures that are dragged from one place of the page to another.
(() => {
  const TYPES = {
    heic: "image/heic", heif: "image/heif", hif: "image/heif", avif: "image/avif", jxl: "image/jxl",
    jp2: "image/jp2", j2k: "image/jp2", jpx: "image/jp2", mpo: "image/jpeg", jfif: "image/jpeg",
    tif: "image/tiff", tiff: "image/tiff", ppm: "image/x-portable-pixmap", pgm: "image/x-portable-graymap",
    pnm: "image/x-portable-anymap", apng: "image/png",
  };
  const suffix = (name) => name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  // Gradio lets files through by their type, which the browser leaves empty for suffixes it does not know.
  const named = (file) => {
    const type = TYPES[suffix(file.name)];
    return type && !file.type.startsWith("image/") ? new File([file], file.name, { type }) : file;
  };
  const renamed = (files) => {
    const list = [...files];
    if (!list.some((file) => named(file) !== file)) return null;
    const transfer = new DataTransfer();
    for (const file of list) transfer.items.add(named(file));
    return transfer;
  };
  document.addEventListener("click", (event) => {
    const input = event.target.closest && event.target.closest("input[type=file]");
    if (input && input.accept && input.accept.includes("image/*") && !input.accept.includes(".heic")) {
      input.accept += "," + Object.keys(TYPES).map((ending) => "." + ending).join(",");
    }
  }, true);
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || input.type !== "file" || !input.files) return;
    const transfer = renamed(input.files);
    if (transfer) input.files = transfer.files;
  }, true);
  for (const kind of ["drop", "paste"]) {
    document.addEventListener(kind, (event) => {
      const given = kind === "drop" ? event.dataTransfer : event.clipboardData;
      const transfer = given && event.isTrusted !== undefined && !event.renamed && renamed(given.files);
      if (!transfer) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const again = kind === "drop"
        ? new DragEvent("drop", { bubbles: true, cancelable: true, composed: true, dataTransfer: transfer })
        : new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: transfer });
      again.renamed = true;
      event.target.dispatchEvent(again);
    }, true);
  }
  const boxAt = (event) => event.target.closest && event.target.closest(".block:has(.image-container)");
  // A box takes a drop at every moment, not only while Gradio listens there, which it ceases to while it draws anew
  document.addEventListener("dragover", (event) => { if (boxAt(event)) event.preventDefault(); }, true);
  // A picture of this page dropped on a box: the file itself, which the browser does not hand over
  document.addEventListener("drop", async (event) => {
    const given = event.dataTransfer, box = boxAt(event);
    const address = given && !given.files.length && (given.getData("text/uri-list") || given.getData("text/plain"));
    if (!box || event.renamed || !address || !URL.canParse(address, location.href)) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Gradio would empty the box
    const url = new URL(address, location.href);
    if (url.origin !== location.origin) return;
    const answer = await fetch(url);
    if (!answer.ok) return;
    const picture = await answer.blob(), transfer = new DataTransfer();
    transfer.items.add(new File([picture], decodeURIComponent(url.pathname.split("/").pop()), { type: picture.type }));
    const again = new DragEvent("drop", { bubbles: true, cancelable: true, composed: true, dataTransfer: transfer });
    again.renamed = true;
    // The box may have been drawn anew while the file was fetched: its parts of before hear nothing any more
    const target = event.target.isConnected ? event.target : box.querySelector(".image-container img, .image-container button");
    if (target) target.dispatchEvent(again);
  }, true);
  document.addEventListener("error", (event) => {
    const img = event.target;
    if (!(img instanceof HTMLImageElement) || !img.src.includes("/file=")) return;
    const [root, file] = img.src.split(/\/gradio_api\/file=|\/file=/);
    img.src = `${root}/shown?file=${encodeURIComponent(decodeURIComponent(file))}`;
  }, true);
})();
