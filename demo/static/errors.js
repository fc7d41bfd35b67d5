// A refusal is one sentence in a corner; it goes when something is added, chosen or pressed that may end its cause.
(() => {
  const forget = () => {
    for (const toast of document.querySelectorAll("[data-testid='toast-body'].error")) {
      const close = toast.querySelector("[data-testid='toast-close']");
      if (close) close.click();
    }
  };
  const isToast = (target) => target.closest && target.closest("[data-testid='toast-body']");
  for (const kind of ["change", "drop", "paste"]) document.addEventListener(kind, forget, true);
  document.addEventListener("click", (event) => {
    if (!isToast(event.target) && event.target.closest && event.target.closest("button, [role='button'], tr")) forget();
  }, true);
})();
