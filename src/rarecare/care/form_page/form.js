"use strict";
(() => {
  const kit = JSON.parse(document.getElementById("kit").textContent);
  const form = document.getElementById("record");
  const by = (id) => document.getElementById(id);
  const named = new Map(kit.variables.map((v) => [v.name, v]));
  const isDate = new RegExp(kit.date);
  const records = [];
  let saved = 0;

  const value = (name) => {
    const own = form.elements.namedItem(name);
    return own ? own.value.trim() : "";
  };

  // true, false, or null where a variable of the condition is blank: as the reader has it
  const compare = ([name, sign, values]) => {
    const own = by("f-" + name).hidden ? "" : value(name);
    if (own === "") return null;
    if (sign === "in" || sign === "=") return values.includes(own);
    if (sign === "!=") return own !== values[0];
    const a = Number(own), b = Number(values[0]);
    if (Number.isNaN(a)) return null;
    return sign === ">=" ? a >= b : sign === "<=" ? a <= b : sign === ">" ? a > b : a < b;
  };
  const all = (found) => found.includes(false) ? false : found.includes(null) ? null : true;
  const any = (found) => found.includes(true) ? true : found.includes(null) ? null : false;
  const asked = (v) => v.condition === null || any(v.condition.map((g) => all(g.map(compare)))) === true;

  // an item that is not asked is closed; what was in it stays until the record is added
  const open = () => {
    for (let round = 0; round < kit.variables.length; round += 1) {
      let changed = false;
      for (const v of kit.variables) {
        const field = by("f-" + v.name), closed = !asked(v);
        if (field.hidden !== closed) { field.hidden = closed; changed = true; }
      }
      if (!changed) return;
    }
  };

  const pad = (n) => String(n).padStart(2, "0");
  const whole = (text) => {
    if (!isDate.test(text)) return false;
    const [y, m, d] = text.split("-").map(Number);
    if (y === 9999) return true;
    if (y < 1850 || y > 2100) return false;
    return !d || d <= new Date(Date.UTC(y, m, 0)).getUTCDate();
  };
  const first = (text) => [text, text + "-01", text + "-01-01"][3 - text.split("-").length];
  const last = (text) => {
    const [y, m, d] = text.split("-").map(Number);
    if (d) return text;
    return m ? `${text}-${pad(new Date(Date.UTC(y, m, 0)).getUTCDate())}` : `${text}-12-31`;
  };

  const wrong = (v, text) => {
    if (v.type === "date") return whole(text) ? "" : "This is no date: write YYYY-MM-DD.";
    if (v.type === "integer" || v.type === "number") {
      if (v.codes.includes(text)) return "";
      const n = Number(text);
      if (!/^-?\d+(\.\d+)?$/.test(text) || (v.type === "integer" && !Number.isInteger(n))) return `Allowed: ${v.allowed}.`;
      if ((v.minimum !== null && n < v.minimum) || (v.maximum !== null && n > v.maximum)) return `Out of range. Allowed: ${v.allowed}.`;
    }
    return "";
  };

  const check = () => {
    const bad = new Map(), gaps = new Map();
    const shown = (v) => !by("f-" + v.name).hidden;
    for (const v of kit.variables) {
      if (!shown(v)) continue;
      const text = value(v.name);
      if (text === "") { if (v.need === "required") gaps.set(v.name, "Enter it, or that it is unknown."); }
      else { const said = wrong(v, text); if (said) bad.set(v.name, said); }
    }
    const dated = (name) => {
      const text = shown(named.get(name)) ? value(name) : "";
      return text !== "" && !bad.has(name) && !text.startsWith("9999") ? text : "";
    };
    const order = [];
    for (const [early, late, between] of kit.pairs) {
      const a = dated(early), b = dated(late);
      if (a && b && first(a) > last(b) && !between.some((n) => dated(n))) {
        order.push([late, `It is before: ${named.get(early).label}.`]);
      }
    }
    for (const [name, said] of order) bad.set(name, said);
    if (records.some((r) => ["registry", "patient_id", "tumour_id"].every((n) => r[n] === value(n)))) {
      bad.set("tumour_id", "This tumour is among the records already.");
    }
    for (const n of ["registry", "patient_id", "tumour_id"]) if (gaps.has(n)) { bad.set(n, gaps.get(n)); gaps.delete(n); }
    return { bad, gaps };
  };

  const mark = (said) => {
    for (const v of kit.variables) {
      const field = by("f-" + v.name), text = said.get(v.name) || "";
      by("e-" + v.name).textContent = text;
      field.classList.toggle("wrong", text !== "");
      for (const own of field.querySelectorAll("input, select")) {
        if (text) own.setAttribute("aria-invalid", "true"); else own.removeAttribute("aria-invalid");
      }
    }
  };

  const tell = ({ bad, gaps }) => {
    const box = by("problems");
    mark(new Map([...gaps, ...bad]));
    box.hidden = bad.size + gaps.size === 0;
    by("gaps").hidden = bad.size > 0 || gaps.size === 0;
    if (box.hidden) return;
    const head = document.createElement("p");
    head.textContent = bad.size ? `${bad.size} to correct${gaps.size ? `, ${gaps.size} required and blank` : ""}.` : `${gaps.size} required and blank. Fill in, or add the record with its gaps.`;
    const list = document.createElement("ul");
    for (const [name, said] of [...bad, ...gaps]) {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = "#f-" + name;
      link.textContent = named.get(name).label;
      link.addEventListener("click", (event) => { event.preventDefault(); by("f-" + name).querySelector("input, select").focus(); });
      item.append(link, ": " + said);
      list.append(item);
    }
    box.replaceChildren(head, list);
    box.focus();
  };

  const show = (said) => {
    const list = by("list");
    list.replaceChildren(...records.map((record, place) => {
      const item = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      button.textContent = "Remove";
      button.setAttribute("aria-label", `Remove record ${place + 1}, patient ${record.patient_id}`);
      button.addEventListener("click", () => { records.splice(place, 1); show(`Record ${place + 1} removed.`); });
      item.append(`Patient ${record.patient_id}, tumour ${record.tumour_id}`, button);
      return item;
    }));
    by("status").textContent = `${said} ${records.length === 1 ? "1 record" : `${records.length} records`} to save.`;
    by("save").disabled = records.length === 0;
  };

  const add = () => {
    const record = {};
    for (const v of kit.variables) record[v.name] = by("f-" + v.name).hidden ? "" : value(v.name);
    records.push(record);
    form.reset();
    open();
    tell({ bad: new Map(), gaps: new Map() });
    show("Added.");
    by("records").scrollIntoView();
    by("save").focus();
  };

  const cell = (text) => /[",\n\r;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const csv = () => [kit.variables.map((v) => v.name), ...records.map((r) => kit.variables.map((v) => cell(r[v.name])))].map((line) => line.join(",")).join("\n") + "\n";

  form.addEventListener("input", open);
  form.addEventListener("change", open);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const found = check();
    if (found.bad.size + found.gaps.size) tell(found); else add();
  });
  by("gaps").addEventListener("click", () => { const found = check(); if (found.bad.size) tell(found); else add(); });
  by("clear").addEventListener("click", () => { form.reset(); open(); tell({ bad: new Map(), gaps: new Map() }); form.querySelector("input").focus(); });
  by("save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv;charset=utf-8" }));
    link.download = `${kit.kit}-${kit.version}-${records.length}-records.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
    saved = records.length;
    by("status").textContent = `Saved: ${link.download}.`;
  });
  window.addEventListener("beforeunload", (event) => { if (records.length > saved) event.preventDefault(); });
  open();
})();
