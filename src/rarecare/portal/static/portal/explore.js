// A figure to explore: drawn anew in the browser when someone asks, by a script loaded only then.
// The drawing and its table stay until it is there, and come back on Escape.
"use strict";

{
  const VEGA = document.currentScript.dataset.vega;
  const NARROW = "(max-width: 40rem)";
  let loaded = null;

  const library = () => {
    loaded ??= new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = VEGA;
      script.onload = done;
      script.onerror = () => { loaded = null; failed(new Error("no script")); };
      document.head.append(script);
    });
    return loaded;
  };

  const meet = (mark, kinds) => {
    const box = mark.getBoundingClientRect();
    const at = { bubbles: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
    for (const kind of kinds) {
      const Kind = kind.startsWith("pointer") ? PointerEvent : MouseEvent;
      mark.dispatchEvent(new Kind(kind, at));
    }
  };

  // Values that answer, from left to right, or from top to bottom where they stand in rows.
  const values = (plot) => {
    const marks = [...plot.querySelectorAll("svg *")].filter((one) => one.__data__?.tooltip);
    const place = new Map(marks.map((one) => [one, one.getBoundingClientRect()]));
    const spread = (name) => {
      const all = [...place.values()].map((box) => box[name]);
      return new Set(all.map(Math.round)).size;
    };
    const [first, second] = spread("y") > spread("x") ? ["y", "x"] : ["x", "y"];
    return marks.sort((a, b) => place.get(a)[first] - place.get(b)[first]
      || place.get(a)[second] - place.get(b)[second]);
  };

  const explore = async (button) => {
    const figure = button.closest("figure");
    const still = figure.querySelector(".plot");
    const said = button.parentElement.querySelector("[role=status]");
    const data = button.dataset;
    if (figure.querySelector(".explored")) {
      figure.dispatchEvent(new Event("leave"));
      return;
    }
    said.textContent = data.wait;
    button.disabled = true;
    const plot = document.createElement("div");
    let view = null;
    try {
      const address = matchMedia(NARROW).matches ? data.narrow : data.wide;
      const [answer] = await Promise.all([fetch(address), library()]);
      if (!answer.ok) throw new Error(answer.status);
      plot.className = "plot explored";
      plot.tabIndex = 0;
      plot.setAttribute("role", "group");
      plot.setAttribute("aria-label", data.name);
      still.after(plot);
      view = await window.vegaEmbed(plot, await answer.json(), {
        ast: true, renderer: "svg", actions: false, defaultStyle: false,
        tooltip: { disableDefaultStyle: true }, loader: { http: { credentials: "omit" } },
      });
    } catch {
      plot.remove();
      said.textContent = data.failed;
      return;
    } finally {
      button.disabled = false;
    }
    plot.querySelector("svg").classList.add("taken");
    for (const one of plot.querySelectorAll("svg *")) { // what does not answer is in nobody's way
      if (!one.__data__?.tooltip) one.style.pointerEvents = one.tagName === "g" ? "" : "none";
    }
    const words = button.firstChild.textContent;
    button.firstChild.textContent = data.back;
    said.textContent = data.keys;
    still.hidden = true;
    plot.focus({ preventScroll: true });

    let at = -1;
    const walk = (event) => {
      const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") figure.dispatchEvent(new Event("leave"));
      if (!way) return;
      event.preventDefault();
      const all = values(plot);
      if (!all.length) return;
      if (all[at]) {
        meet(all[at], ["pointerout", "mouseout"]);
        all[at].classList.remove("met");
      }
      at = (at + way + all.length) % all.length;
      all[at].classList.add("met");
      meet(all[at], ["pointerover", "mouseover", "pointermove", "mousemove"]);
      said.textContent = all[at].__data__.tooltip;
    };
    plot.addEventListener("keydown", walk);
    figure.addEventListener("leave", () => {
      view.finalize();
      plot.remove();
      document.getElementById("vg-tooltip-element")?.classList.remove("visible");
      still.hidden = false;
      button.firstChild.textContent = words;
      said.textContent = "";
      button.focus();
    }, { once: true });
  };

  for (const button of document.querySelectorAll(".explore button")) {
    button.hidden = false;
    button.addEventListener("click", () => explore(button));
  }
}
