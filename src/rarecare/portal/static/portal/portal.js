// What the pages gain from a script: nothing on them needs it.
"use strict";

// Suggestions: arrow keys move through them, Escape puts them away.
document.addEventListener("keydown", (event) => {
  const box = document.getElementById("suggestions");
  const field = document.getElementById("q");
  if (!box || !field || !(event.target === field || box.contains(event.target))) return;
  const links = [...box.querySelectorAll("a")];
  if (event.key === "Escape" && links.length) {
    event.preventDefault(); // the browser would empty the field too
    box.replaceChildren();
    field.focus();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && links.length) {
    event.preventDefault();
    const at = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    if (at < 0) field.focus();
    else links[Math.min(at, links.length - 1)].focus();
  }
});

// They go away when one looks elsewhere.
document.addEventListener("focusin", (event) => {
  const box = document.getElementById("suggestions");
  const field = document.getElementById("q");
  if (box && event.target !== field && !box.contains(event.target)) box.replaceChildren();
});

// The language menu closes on Escape and on a click elsewhere.
const menu = document.getElementById("lang");
if (menu) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

// A drawing becomes part of the page, in the page's own type, when it is about to be seen.
// The image stays where this fails.
const DRAWN = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    DRAWN.unobserve(entry.target);
    take(entry.target);
  }
}, { rootMargin: "200px" });

async function take(image) {
  try {
    await image.decode();
    const answer = await fetch(image.currentSrc);
    if (!answer.ok) return;
    const text = (await answer.text()).replace(/<style>[^<]*<\/style>/, "");
    const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    if (svg.nodeName !== "svg") return;
    svg.removeAttribute("aria-labelledby");
    svg.setAttribute("aria-label", image.alt);
    for (const said of svg.querySelectorAll(":scope > title, :scope > desc")) said.remove();
    svg.classList.add("taken");
    image.closest("picture").replaceWith(document.adoptNode(svg));
  } catch {
    // the image is there already
  }
}

for (const image of document.querySelectorAll(".drawn img")) DRAWN.observe(image);
