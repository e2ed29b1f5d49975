// The verdict in other words: of the backbones above a cut, on another axis. All of it is in the page; one is shown.
(() => {
  for (const place of document.querySelectorAll("[data-wordings]")) {
    const turn = place.querySelector(".turn");
    if (!turn) continue;
    const readings = [...place.querySelectorAll(".wording")];
    const slider = turn.querySelector("input[type=range]");
    const show = () => {
      const cut = slider?.value ?? "0";
      const axis = turn.querySelector("input[type=radio]:checked")?.value ?? "linear";
      for (const each of readings) each.hidden = each.dataset.cut !== cut || each.dataset.axis !== axis;
      const who = readings.find((each) => !each.hidden).dataset.who;
      if (!slider) return;
      slider.setAttribute("aria-valuetext", who);
      turn.querySelector("output").textContent = who;
    };
    turn.addEventListener("input", show);
    turn.hidden = false;
  }
})();
