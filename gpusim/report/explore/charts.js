// The charts, as wide as the page and in its theme; what is chosen in them filters the tables and figures of the page too.
"use strict";

const LABELS = 110; // px that names of sites and numbers take beside a chart
const ENTRY = 160; // px of an entry of a legend
const NARROW = 440; // px, below which maps stand one under the other
const PANEL = 280, PANEL_GAP = 70; // px of a panel, and between two
const GAP = 20; // px between maps
const CLOSE = 8; // px by which the page may change in width and charts stay as they are
const RESTS = 150; // ms for which a window that is being resized is waited for
const HEADINGS = { cause: ["cause", "mostly due to"], period: ["from day", "day"] }; // of columns, where not as the filter

let specification, about; // of the charts, and what the page is to know of them
let drawn; // charts of now, and the width that they were drawn for
const chosen = {}; // by filter what is chosen in it, [] for all; of the period its first and last day

const listed = (words) => words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
const active = () => Object.keys(chosen).filter((name) => chosen[name].length);

// The place of the column of a table by which a filter tells its rows apart; -1 if there is none.
const columnOf = (table, name) => table.columns().header().toArray()
  .findIndex((cell) => (HEADINGS[name] ?? [name]).includes(cell.textContent.trim()));

// Filters by which a table of the charts is told apart.
const toldBy = (live) => ["period", ...Object.keys(rowsOf(live.data)[0] ?? {})];

// Say below a table or figure which filters it takes no notice of, and what is there instead; of rows with a first and a
// last day, that their numbers are of all these days.
const noteUntold = (element, id, known, spans = false) => {
  const untold = active().filter((name) => !known.includes(name));
  let note = element.nextElementSibling;
  if (!note?.classList.contains("untold")) {
    note = document.createElement("p");
    note.className = "muted untold";
    element.after(note);
  }
  const whole = spans && chosen.period.length > 0;
  note.textContent = [untold.length ? `Not filtered by ${listed(untold)}.` : "",
    whole ? "Rows that overlap these days; their numbers are for the whole run." : ""].filter(Boolean).join(" ");
  const instead = about.instead?.[id];
  if (!(untold.length || whole) || !instead || !active().every((name) => toldBy(about.live[instead]).includes(name))) return;
  const link = document.createElement("a");
  link.href = `#${instead}`;
  link.textContent = `${document.querySelector(`#${instead} caption`).textContent}, filtered`;
  link.addEventListener("click", () => { document.getElementById("explore-live").open = true; });
  note.append(" ", link);
};

const isInside = (first, last) => {
  const [from, to] = chosen.period;
  return first === last ? from <= first && first <= to : first < to && last > from;
};

// Of a table with a column for each of the values of a filter, show those that are chosen; whether it is one.
const showColumns = (table, values, only) => {
  const own = table.columns().header().toArray().map((cell, at) => [cell.textContent.trim(), at]).filter(([text]) => values.includes(text));
  for (const [text, at] of own) table.column(at).visible(!only.length || only.includes(text), false);
  return own.length > 0;
};

// Show in every table the rows of what is chosen, as far as it has columns that tell them apart.
const filterTables = () => {
  for (const table of window.tables) {
    const known = Object.keys(chosen).filter((name) => columnOf(table, name) >= 0);
    let spans = false;
    for (const name of known.filter((one) => one !== "period")) {
      const escaped = chosen[name].map((value) => value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      const pattern = escaped.length ? `^(${escaped.join("|")})$` : "";
      table.column(columnOf(table, name)).search(pattern, { regex: true, smart: false, caseInsensitive: false });
    }
    if (known.includes("period")) {
      const at = columnOf(table, "period");
      spans = table.column(at).header().textContent.trim() === "from day";
      const ends = spans ? at + 1 : at;
      const day = (row, column) => parseFloat(table.row(row).node().cells[column].textContent.replaceAll(",", ""));
      table.search.fixed("period", chosen.period.length ? (_text, _data, row) => isInside(day(row, at), day(row, ends)) : null);
    }
    for (const [name, values] of Object.entries(about.values ?? {}))
      if (showColumns(table, values, chosen[name])) known.push(name);
    table.draw();
    if (!about.live?.[table.table().node().id]) noteUntold(table.table().container(), table.table().node().id, known, spans);
  }
};

const filterFigures = () => {
  for (const part of document.querySelectorAll("main [data-site], main [data-cause]")) {
    const known = Object.keys(part.dataset).filter((name) => chosen[name]?.length);
    part.hidden = known.some((name) => !chosen[name].includes(part.dataset[name]));
  }
  for (const figure of document.querySelectorAll("main figure"))
    noteUntold(figure, figure.id, figure.closest("[data-site]") ? ["site"] : []);
};

// Rows of a table of the charts.
const rows = {};
const rowsOf = (name) => {
  const numbers = ["from", "to", ...Object.values(about.live).flatMap((live) => live.sums)];
  const parse = Object.fromEntries(numbers.map((column) => [column, "number"]));
  rows[name] ??= vega.read(specification.datasets[name], { type: "csv", parse });
  return rows[name];
};

// Sums of a table of the charts over what is chosen: rows of names and sums, the most first.
const totals = ({ data, by, sums, hourly }) => {
  const found = new Map();
  for (const row of rowsOf(data)) {
    if (active().some((name) => name in row && !chosen[name].includes(row[name]))) continue;
    const [from, to] = chosen.period?.length ? chosen.period : [row.from, row.to];
    const inside = Math.max(0, Math.min(row.to, to) - Math.max(row.from, from)) / (row.to - row.from);
    if (!inside) continue;
    const key = JSON.stringify(by.map((name) => row[name]));
    const weight = hourly ? 24 * inside * (row.to - row.from) : inside;
    const before = found.get(key) ?? sums.map(() => 0);
    found.set(key, before.map((sum, i) => sum + row[sums[i]] * weight));
  }
  const number = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 2 : 0 });
  return [...found].sort((a, b) => b[1][0] - a[1][0]).map(([key, values]) => [...JSON.parse(key), ...values.map(number)]);
};

// Where a server has the whole result (`gpusim open`), lanes show all jobs of the days that are zoomed to.
const served = document.querySelector("meta[name=served]")?.content;
const fetchLanes = async (view) => {
  const [from, to] = chosen.period.length ? chosen.period : about.whole;
  const asked = new URLSearchParams({ pool: view.signal("pool"), from, to });
  for (const tenant of chosen.tenant ?? []) asked.append("tenant", tenant);
  const answer = await fetch(`/lanes?${asked}`);
  if (!answer.ok) return;
  const { rows, said } = await answer.json();
  document.getElementById("explore-lanes").textContent = `Lanes of ${view.signal("pool")} on these days: ${said}.`;
  await view.data("lanes", rows).runAsync();
};

// What is chosen, in words, in the tables and in the figures.
const show = (view) => {
  for (const [id, live] of Object.entries(about.live ?? {}))
    window.tables.find((one) => one.table().node().id === id)?.clear().rows.add(totals(live));
  filterTables();
  filterFigures();
  if (served && about.pools) fetchLanes(view);
  const days = (day) => day.toLocaleString("en", { maximumFractionDigits: 2 });
  const words = active().map((name) => name === "period" ? `days ${chosen.period.map(days).join(" to ")}` : `${name === "point" ? "point " : ""}${chosen[name].join(", ")}`);
  const untold = active().filter((name) => about.untold?.[name]).map((name) => `${about.untold[name]} are not split by ${name}.`);
  document.getElementById("explore-filter").textContent = words.length ? `Only ${words.join("; ")}.` : about.all;
  document.getElementById("explore-untold").textContent = untold.join(" ");
  document.getElementById("explore-all").hidden = !words.length;
  document.querySelector("main").dataset.only = words.length ? `Only ${words.join("; ")}.` : ""; // for paper
};

// Zoom to days of the run, to all of them if none are given.
const zoomTo = (view, days) => about.whole && view.signal("zoom_from", days ?? about.whole).runAsync();

const isWhole = ([from, to]) => from <= about.whole[0] && to >= about.whole[1];

const listen = (view) => {
  let waits = null;
  const hear = (name, values) => {
    chosen[name] = values;
    clearTimeout(waits);
    waits = setTimeout(() => show(view), 60); // a drag is many events
  };
  for (const { name, select } of specification.params.filter((one) => one.select)) {
    if (select.type === "point") {
      chosen[name] = [];
      view.addSignalListener(name, (_name, value) => hear(name, (value[name] ?? []).map(String)));
      continue;
    }
    chosen.period = [];
    view.addSignalListener(`${name}_from`, (_name, days) => {
      if (!days) setTimeout(() => zoomTo(view)); // a double click forgets the period, but leaves the axes as they are
      hear("period", !days || isWhole(days) ? [] : [...days]);
    });
  }
  if (served && about.pools) view.addSignalListener("pool", () => fetchLanes(view));
  if (about.pools) view.addSignalListener("site", (_name, { site }) => { // the lanes go with it
    const pool = site?.length === 1 && about.pools[site[0]];
    if (pool) view.signal("pool", pool).runAsync();
  });
};

const drawPeriods = () => {
  const place = document.getElementById("explore-periods");
  for (const { label, days } of about.periods ?? []) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => zoomTo(window.charts, days));
    place.append(button);
  }
};

// Maps side by side in one height, or one under the other.
const fitMaps = (view, width) => {
  const ratios = view.hconcat.map((map) => about.maps[map.name][0] / about.maps[map.name][1]);
  const under = width < NARROW || ratios.length === 1;
  const height = (width - GAP * (ratios.length - 1)) / ratios.reduce((sum, one) => sum + one, 0);
  view.hconcat.forEach((map, i) => {
    map.width = under ? Math.min(width, NARROW) : height * ratios[i];
    map.height = map.width / ratios[i];
    Object.assign(map.projection, {
      scale: map.width / about.maps[map.name][0], translate: [map.width / 2, map.height / 2],
      clipExtent: [[0, 0], [map.width, map.height]],
    });
  });
  if (under) {
    view.vconcat = view.hconcat;
    delete view.hconcat;
  }
};

// Panels of equal width, as many in a row as can be read.
const fitPanels = (view, width) => {
  const columns = Math.min(view.hconcat.length, Math.max(Math.floor(width / PANEL), 1));
  for (const panel of view.hconcat) panel.width = Math.max((width - (columns - 1) * PANEL_GAP) / columns, 100);
  view.concat = view.hconcat;
  view.columns = columns;
  delete view.hconcat;
};

// Of the section that the charts are in: their own place is as wide as they are.
const room = () => document.getElementById("explore-charts").parentElement.clientWidth;

// A title in as many lines as it takes in the width of the page: a longer one would widen all charts.
const pen = document.createElement("canvas").getContext("2d");
const inLines = (title) => [title].flat().flatMap((text) => {
  pen.font = `bold ${CONFIG.title.fontSize}px ${CONFIG.font}`;
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (lines.at(-1) && pen.measureText(longer).width > room()) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
});

const fitTitle = (view) => {
  if (typeof view.title === "string") view.title = inLines(view.title);
  else if (view.title) view.title.text.expr = `inLines(${view.title.text.expr})`;
};

const fit = (view, width) => {
  fitTitle(view);
  if (view.hconcat) return about.maps ? fitMaps(view, width) : fitPanels(view, width);
  view.width = width;
  for (const part of [view, ...(view.layer ?? [])]) {
    const legend = part.encoding?.color?.legend;
    if (legend) legend.columns = Math.max(Math.floor(width / ENTRY), 1);
  }
};

const SPARE = 3; // around a chart on paper
const INK = "currentColor"; // that of the page around the charts, in light and dark and on paper
const CONFIG = {
  background: "transparent", font: "system-ui, sans-serif", view: { stroke: null }, text: { fill: INK }, rule: { color: INK },
  axisX: { labelOverlap: "parity", labelSeparation: 8 }, axis: { gridColor: "#88888855", domainColor: "#888888", tickColor: "#888888", labelColor: INK, titleColor: INK },
  legend: { labelColor: INK, titleColor: INK }, title: { anchor: "start", fontSize: 13, color: INK },
};

// Numbers of axes: 2.5k, 3M, 1.2B.
const short = (value) => {
  const [size, letter] = [[1e9, "B"], [1e6, "M"], [1e3, "k"]].find(([least]) => Math.abs(value) >= least) ?? [1, ""];
  return `${Number((value / size).toPrecision(4))}${letter}`;
};

// What `packed` of report/document.py wrote.
const unpacked = async (text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
};

// What is chosen in charts, and what they are set to show.
const choicesOf = (view) => ({
  stores: specification.params.filter(({ select }) => select?.type === "point").map(({ name }) => [`${name}_store`, view.data(`${name}_store`)]),
  signals: specification.params.filter(({ bind }) => bind?.input).map(({ name }) => [name, view.signal(name)]),
  days: chosen.period?.length ? [...chosen.period] : null,
});

const choose = async (view, { stores, signals, days }) => {
  for (const [name, values] of stores) view.data(name, values);
  await view.runAsync();
  for (const [name, value] of signals) view.signal(name, value); // a site has set its pool by now
  await view.runAsync();
  if (days) await zoomTo(view, days);
};

// Draw the charts in the width of the page, with what was chosen in those before.
const draw = async () => {
  const place = document.getElementById("explore-charts"), controls = document.getElementById("explore-controls");
  const choices = drawn && choicesOf(drawn.view);
  place.style.minHeight = `${place.offsetHeight}px`; // the page keeps its place meanwhile
  drawn?.finalize();
  controls.replaceChildren();
  const width = room(), fitted = structuredClone(specification);
  for (const view of fitted.vconcat) fit(view, Math.max(width - (about.labels ?? LABELS), 180));
  drawn = await vegaEmbed(place, fitted, { actions: false, renderer: "svg", config: CONFIG, bind: controls });
  drawn.width = width;
  listen(drawn.view);
  if (choices) await choose(drawn.view, choices);
  place.style.minHeight = "";
  show(drawn.view);
  window.charts = drawn.view;
};

const redrawInWidth = async () => {
  const width = room();
  if (width && Math.abs(width - drawn.width) > CLOSE) await draw();
};

// On paper each chart is a drawing of its own, which no end of a page cuts in two.
const takeApart = () => {
  const place = document.getElementById("explore-charts"), svg = place.querySelector("svg");
  if (!svg) return;
  const { top, width } = svg.getBoundingClientRect(), unit = svg.viewBox.baseVal.width / width;
  for (const chart of svg.querySelector(".root > g > g").children) {
    const box = chart.getBoundingClientRect(), sheet = document.createElement("div"), copy = svg.cloneNode(false);
    if (!box.height) continue;
    const from = (box.top - top) * unit - SPARE, height = box.height * unit + 2 * SPARE;
    copy.setAttribute("viewBox", `0 ${from} ${svg.viewBox.baseVal.width} ${height}`);
    copy.setAttribute("height", height);
    let part = chart.cloneNode(true);
    for (let around = chart.parentNode; around !== svg; around = around.parentNode) {
      const shell = around.cloneNode(false);
      shell.append(part);
      part = shell;
    }
    copy.append(...[...svg.querySelectorAll(":scope > defs")].map((defs) => defs.cloneNode(true)), part);
    sheet.className = "sheet";
    sheet.append(copy);
    place.append(sheet);
  }
  svg.classList.add("apart"); // not hidden: the copies are clipped by what it defines
};

const putTogether = () => {
  for (const sheet of document.querySelectorAll("#explore-charts .sheet")) sheet.remove();
  document.querySelector("#explore-charts svg")?.classList.remove("apart");
};

document.addEventListener("DOMContentLoaded", async () => {
  specification = await unpacked(document.getElementById("explore-specification").textContent);
  about = specification.usermeta;
  vega.expressionFunction("short", short);
  vega.expressionFunction("inLines", inLines);
  drawPeriods();
  document.getElementById("explore-all").addEventListener("click", () => {
    for (const { name, select } of specification.params.filter((one) => one.select)) 
      if (select.type === "point") window.charts.data(`${name}_store`, []);
    zoomTo(window.charts);
  });
  if (served) document.querySelector("nav ul").insertAdjacentHTML("beforeend", `<li><a href="${served}">All tables</a></li>`);
  document.getElementById("explore-live")?.removeAttribute("hidden");
  let waits = null, redrawn = draw();
  addEventListener("resize", () => { // also while the first charts are being drawn
    clearTimeout(waits);
    waits = setTimeout(() => { redrawn = redrawn.then(redrawInWidth); }, RESTS);
  });
  await redrawn;
  addEventListener("beforeprint", takeApart);
  addEventListener("afterprint", putTogether);
});
