"use strict";
// Draws each chart once its place is visible; colours are CSS variables, so light, dark and print need no redrawing.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const [shapes, specifications] = [read("shapes"), read("specifications")];
  const specificationOf = (id) => {
    const { shape, rows, ...own } = specifications[id];
    return shape ? { ...shapes[shape], ...own, datasets: { rows } } : own;
  };
  const options = {
    config: read("config"),
    renderer: "svg",
    actions: false,
    ast: true, // interpreted expressions: the page's policy forbids eval
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  };
  const places = [...document.querySelectorAll("[data-chart]")];
  const draw = async (place) => {
    if (place.dataset.drawn || place.clientWidth === 0) return;
    place.dataset.drawn = "yes";
    try {
      await window.vegaEmbed(place, specificationOf(place.dataset.chart), options);
    } catch (error) {
      place.textContent = "This chart could not be drawn; its numbers stand in the text. " + error;
      console.error(error);
    }
  };
  const drawAll = async () => {
    for (const place of places) {
      await draw(place);
      await new Promise((next) => setTimeout(next));
    }
  };
  document.addEventListener("toggle", (event) => { if (event.target.open) drawAll(); }, true);
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });
  if (places.length) drawAll();
})();
