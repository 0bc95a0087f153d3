// Buttons that copy a text which is on the page anyway: <button data-copy="#id-of-the-text">.
for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.querySelector(button.dataset.copy);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      button.querySelector("[data-copied]").hidden = false;
      button.querySelector("[data-not-copied]").hidden = true;
    } catch {
      getSelection().selectAllChildren(source);
    }
  });
}
