"use strict";
// Draws each chart once its place is visible, offers it as a file, and shows a backbone wherever it stands. Colours are
// CSS variables, so light, dark and print need no redrawing.
(() => {
  if (!document.getElementById("specifications")) return;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const [look, shapes, specifications] = ["look", "shapes", "specifications"].map(read);
  const specificationOf = (id) => {
    const { shape, rows, ...own } = specifications[id];
    return shape ? { ...shapes[shape], ...own, datasets: { rows } } : own;
  };
  const options = {
    config: look.config,
    renderer: "svg",
    actions: false,
    ast: true, // interpreted expressions: the page's policy forbids eval
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  };

  // ---- files
  const save = (name, text, kind) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: kind }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  const inColours = (svg) => svg.replace(/var\(--([a-z0-9-]+)\)/g, (_, name) => look.colours[name] ?? "#000");
  // What a chart shows: of its tables the one with the most columns; the others are lines and limits made of it.
  const rowsOf = (specification) => {
    const tables = Object.values(specification.datasets ?? {}).filter((rows) => rows.length);
    tables.sort((a, b) => Object.keys(b[0]).length - Object.keys(a[0]).length || b.length - a.length);
    return (tables[0] ?? []).flatMap((row) => {
      const lists = Object.keys(row).filter((key) => Array.isArray(row[key]));
      if (!lists.length) return [row];
      return row[lists[0]].map((_, at) => ({ ...row, ...Object.fromEntries(lists.map((key) => [key, row[key][at]])) }));
    });
  };
  const placing = new Set(["dx", "dy", "align"]); // where a label goes is no datum
  const csv = (rows) => {
    const heads = Object.keys(rows[0] ?? {}).filter((key) => !placing.has(key));
    const cell = (value) => (/[",\n]/.test(value ?? "") ? `"${String(value).replaceAll('"', '""')}"` : value ?? "");
    return [heads, ...rows.map((row) => heads.map((key) => row[key]))].map((row) => row.map(cell).join(",")).join("\n") + "\n";
  };
  const button = (text, title, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, title });
    made.setAttribute("aria-label", title);
    made.addEventListener("click", act);
    return made;
  };
  const offer = (place, view) => {
    const name = place.dataset.name;
    const row = Object.assign(document.createElement("div"), { className: "files" });
    row.append(
      button("SVG", `Save the chart ${name} as SVG`, async () => save(`${name}.svg`, inColours(await view.toSVG()), "image/svg+xml")),
      button("CSV", `Save the data of the chart ${name} as CSV`, () => save(`${name}.csv`, csv(rowsOf(specificationOf(place.dataset.chart))), "text/csv")),
    );
    place.after(row);
  };

  // ---- drawing
  const places = [...document.querySelectorAll("[data-chart]")];
  const draw = async (place) => {
    if (place.dataset.drawn || place.closest("details:not([open])")) return; // folded ones have a width, too
    place.dataset.drawn = "yes";
    try {
      offer(place, (await window.vegaEmbed(place, specificationOf(place.dataset.chart), options)).view);
      // a layer without marks would be read out as a picture without a name
      for (const layer of place.querySelectorAll("g[role=graphics-symbol]:empty")) layer.setAttribute("aria-hidden", "true");
    } catch (error) {
      place.textContent = "This chart could not be drawn; its numbers stand in the text. " + error;
      console.error(error);
    }
  };
  const drawAll = async (within = places) => {
    for (const place of within) {
      await draw(place);
      await new Promise((next) => setTimeout(next));
    }
  };
  const opened = (event) => { if (event.target.open) drawAll(event.target.querySelectorAll("[data-chart]")); };
  document.addEventListener("toggle", opened, true); // what was opened at once, whatever else is still being drawn

  // ---- a backbone under the pointer, or clicked, is shown in all charts and tables of its section
  const marks = ".role-mark.mark-symbol > *, .role-mark.mark-rule > *, .role-mark.mark-text > *";
  const nameOf = (element) => element.__data__?.datum?.name ?? element.closest?.("tr[data-name]")?.dataset.name;
  let pinned = null;
  let shown = null;
  const show = (element) => {
    const name = element && nameOf(element);
    const section = name && element.closest("section");
    if (shown?.name === name && shown?.section === section) return;
    for (const old of document.querySelectorAll(".lit, .linked")) old.classList.remove("lit", "linked");
    shown = name ? { name, section } : null;
    if (!name) return;
    for (const chart of section.querySelectorAll(".chart[data-drawn]")) {
      const same = [...chart.querySelectorAll(marks)].filter((mark) => mark.__data__?.datum?.name === name);
      if (same.length) chart.classList.add("linked");
      for (const mark of same) mark.classList.add("lit");
    }
    for (const row of section.querySelectorAll("tr[data-name]")) row.classList.toggle("lit", row.dataset.name === name);
  };
  document.addEventListener("pointerover", (event) => show(nameOf(event.target) ? event.target : pinned));
  document.addEventListener("click", (event) => {
    if (event.target.closest("button, a, summary, input")) return;
    pinned = nameOf(event.target) && pinned !== event.target ? event.target : null;
    show(pinned);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") show((pinned = null)); });
  if (places.length) drawAll();
})();
