// Shows the findings that fit; without this script all are shown.
"use strict";
(() => {
  const form = document.getElementById("filter");
  if (!form) return;
  const rows = [...document.querySelectorAll("#listed tbody tr")];
  const said = document.getElementById("shown");
  const words = rows.map((row) => row.textContent.toLowerCase());
  const apply = () => {
    const { check, severity, status, text } = Object.fromEntries(new FormData(form));
    const sought = text.trim().toLowerCase();
    let shown = 0;
    rows.forEach((row, k) => {
      const fits = (!check || row.dataset.check === check)
        && (!severity || row.dataset.severity === severity)
        && (!status || row.dataset.status === status)
        && (!sought || words[k].includes(sought));
      row.hidden = !fits;
      shown += fits;
    });
    said.textContent = said.dataset.said.replace("{shown}", shown).replace("{all}", rows.length);
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  document.querySelectorAll("a[data-only]").forEach((link) => link.addEventListener("click", () => {
    form.reset();
    form.elements.check.value = link.dataset.only;
    apply();
  }));
  apply();
})();
