// The charts, as wide as the page and in its theme; what is clicked in them filters the tables too.
"use strict";

const LABELS = 110; // px that names of sites and numbers take beside a chart
const ENTRY = 160; // px of an entry of a legend
const filters = { site: [], cause: [] };

// Show in every table that has such a column only rows with one of the values; all rows if there are none.
const filterTables = (heading, values) => {
  const escaped = values.map((value) => value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  for (const table of window.tables) {
    const column = table.columns().header().toArray().findIndex((cell) => cell.textContent.trim() === heading);
    if (column >= 0) {
      const pattern = escaped.length ? `^(${escaped.join("|")})$` : "";
      table.column(column).search(pattern, { regex: true, smart: false, caseInsensitive: false }).draw();
    }
  }
};

const listen = (view, name) => view.addSignalListener(name, (_name, chosen) => {
  filters[name] = chosen[name] ?? [];
  filterTables(name, filters[name]);
  const told = [...filters.site, ...filters.cause].join(", ");
  document.getElementById("explore-filter").textContent = told ? `Only ${told}.` : "All sites and causes.";
});

const drawCharts = async () => {
  const place = document.getElementById("explore-charts");
  document.getElementById("explore-controls").replaceChildren();
  const specification = JSON.parse(document.getElementById("explore-specification").textContent);
  const width = Math.max(place.clientWidth - LABELS, 180);
  for (const view of specification.vconcat) {
    view.width = width;
    view.encoding.color.legend.columns = Math.max(Math.floor(width / ENTRY), 1);
  }
  const { view } = await vegaEmbed(place, specification, {
    actions: false, renderer: "svg", theme: dark() ? "dark" : undefined, config: { background: "transparent" }, bind: "#explore-controls",
  });
  for (const name of Object.keys(filters)) {
    filterTables(name, []);
    listen(view, name);
  }
  window.charts = view;
};

document.addEventListener("DOMContentLoaded", () => {
  drawCharts();
  document.documentElement.addEventListener("theme", drawCharts);
});
