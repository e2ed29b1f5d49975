// Tables are sorted by their heads and, where they are long, filtered; text to be cited is copied; print opens all.
(() => {
  const units = { s: 1, min: 60, h: 3600 };
  const number = (text) => {
    const found = text.replaceAll("\u2212", "-").match(/^([+-]?[\d,]*\.?\d+(?:e[+-]?\d+)?)\s*(s|min|h)?(?![\w])/);
    return found ? Number(found[1].replaceAll(",", "")) * (units[found[2]] ?? 1) : null;
  };
  const none = new Set(["", "-", "\u2014", "unknown", "not defined"]);
  const textOf = (row, at) => row.cells[at].firstChild?.textContent.trim() ?? "";
  const compare = (a, b) => {
    if (none.has(a) || none.has(b)) return none.has(a) - none.has(b); // what is missing stands last
    const [x, y] = [number(a), number(b)];
    return x !== null && y !== null ? x - y : a.localeCompare(b, "en", { numeric: true });
  };
  const sortable = (table) => {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, at) => {
      const made = Object.assign(document.createElement("button"), { type: "button", className: "sort" });
      made.append(...head.childNodes);
      head.append(made);
      made.addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort") ?? "none"];
        for (const other of heads) other.removeAttribute("aria-sort");
        if (next !== "none") head.setAttribute("aria-sort", next);
        const turn = next === "descending" ? -1 : 1;
        const order = next === "none" ? original : [...original].sort((a, b) => {
          const missing = none.has(textOf(a, at)) || none.has(textOf(b, at));
          return compare(textOf(a, at), textOf(b, at)) * (missing ? 1 : turn);
        });
        body.append(...order);
      });
    });
  };
  const filtered = (table) => {
    const rows = [...table.tBodies[0].rows];
    const box = Object.assign(document.createElement("label"), { className: "filter", textContent: "Filter " });
    const field = Object.assign(document.createElement("input"), { type: "search", placeholder: `${rows.length} rows` });
    const told = document.createElement("span");
    told.setAttribute("role", "status");
    box.append(field);
    const line = Object.assign(document.createElement("div"), { className: "filter-line" });
    line.append(box, told);
    table.parentElement.before(line);
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of rows) row.hidden = !words.every((word) => `${row.textContent} ${row.cells[0].title}`.toLowerCase().includes(word));
      told.textContent = words.length ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
    });
  };
  for (const table of document.querySelectorAll("main table")) {
    const rows = table.tBodies[0].rows.length;
    if (rows > 2) sortable(table);
    if (rows > 9) filtered(table);
  }

  for (const text of document.querySelectorAll("pre[data-copy]")) {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "copy", textContent: "Copy" });
    made.addEventListener("click", async () => {
      const range = document.createRange();
      range.selectNodeContents(text);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      const done = navigator.clipboard ? await navigator.clipboard.writeText(text.textContent).then(() => true, () => false) : false;
      made.textContent = done ? "Copied" : "Selected: copy it";
    });
    text.before(made);
  }
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")].filter((part) => !part.classList.contains("search"));
    for (const part of folded) part.open = true;
  });
  window.addEventListener("afterprint", () => { for (const part of folded) part.open = false; });
})();
