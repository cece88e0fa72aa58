// Reads the page of a run as a person does, and writes down what is seen.
"use strict";

const texts = (column) => [...document.querySelectorAll(`#bottlenecks tbody tr td:nth-child(${column})`)]
  .map((cell) => cell.textContent);
const planned = () => window.charts.data(Object.keys(window.charts.getState({ data: () => true }).data)
  .find((name) => window.charts.data(name).some((row) => row.planned !== undefined && row.gpus !== undefined)))
  .reduce((sum, row) => sum + row.gpus * (row.to - row.from), 0);
const column = (id, at) => bodies(id).reduce((sum, cells) => sum + parseFloat(cells[at].replaceAll(",", "")), 0);
const hours = () => column("explore-held", 2);
const charts = () => document.querySelector("#explore-charts svg").clientWidth;
const lanes = () => document.querySelectorAll("#explore-charts .lanes_marks path").length;

look(async (seen) => {
  seen.days = window.charts.scale("did_x").domain()[1];

  document.querySelector("#bottlenecks thead th:nth-child(5)").click();
  await pause(200);
  seen.sorted = texts(5);
  const table = window.tables.find((one) => one.table().node().id === "bottlenecks");
  seen.word = texts(4)[0];
  table.search(seen.word).draw();
  seen.searched = texts(4);
  table.search("").draw();

  const saved = [];
  URL.createObjectURL = (blob) => { saved.push(blob); return "#"; };
  document.querySelector(".dt-container:has(#bottlenecks) .dt-button").click();
  await pause(200);
  seen.csv = await saved[0].text();

  seen["planned of all"] = planned();
  const bar = bars()[0];
  await click(bar);
  seen.clicked = bar.__data__.datum.site;
  seen.sites = texts(2);
  seen.told = told();
  seen["planned of one"] = planned();

  const area = document.querySelector("#explore-charts .did_group path.background").getBoundingClientRect();
  document.querySelector("#explore-charts .did_group path.background").dispatchEvent(new WheelEvent("wheel",
    { bubbles: true, cancelable: true, deltaY: -300, clientX: area.x + area.width / 2, clientY: area.y + 20 }));
  await window.charts.runAsync();
  seen.domains = ["did_x", "lost_x", "power_x", "waiting_x", "running_x", "lanes_x"].map((name) => window.charts.scale(name).domain());

  document.querySelector("#explore-charts .did_group path.background").dispatchEvent(new MouseEvent("dblclick",
    { bubbles: true, cancelable: true, clientX: area.x + area.width / 2, clientY: area.y + 20 }));
  await pause(200);
  seen["domain after a double click"] = window.charts.scale("did_x").domain();

  await press(document.getElementById("explore-all"));
  seen["told of all"] = told();
  seen["sites of all"] = texts(2);
  seen["domain of all"] = window.charts.scale("did_x").domain();

  await click([...bars()].find((one) => one.__data__.datum.tenant));
  seen["told of a tenant"] = told();
  seen.tenant = bodies("explore-waits").map((cells) => cells[0]);
  seen["tenants waiting"] = bodies("delays-tenant").map((cells) => cells[0]);
  seen["lanes of a tenant"] = lanes();
  seen["note of a table"] = document.querySelector(".dt-container:has(#bottlenecks) + .untold").textContent;
  seen["note with another table"] = document.querySelector(".dt-container:has(#delays-job_class) + .untold").textContent;
  seen["jobs of a tenant"] = bodies("explore-jobs").map((cells) => [cells[0], parseFloat(cells[2])]);
  seen["note of a figure"] = document.querySelector("#figure-matrix + .untold").textContent;
  await press(document.getElementById("explore-all"));
  seen["lanes of all"] = lanes();

  seen["hours of all"] = hours();
  seen["used of all"] = column("explore-used", 2);
  seen["energy of all"] = column("explore-energy", 1);
  seen["jobs of all"] = column("explore-jobs", 2);
  await press([...document.querySelectorAll("#explore-periods button")].at(-1));
  seen["told of a period"] = told();
  seen["hours of a period"] = hours();
  seen["used of a period"] = column("explore-used", 2);
  seen["energy of a period"] = column("explore-energy", 1);
  seen["days of lanes"] = window.charts.scale("lanes_x").domain();
  seen["events of a period"] = bodies("events").map((cells) => parseFloat(cells[0]));
  seen["note with rows of many days"] = document.querySelector(".dt-container:has(#bottlenecks) + .untold").textContent;
  seen["on paper"] = document.querySelector("main").dataset.only;

  seen.widths = [charts()];
  await click(bars()[0]);
  document.querySelector("#explore-controls select").value = "share of planned";
  document.querySelector("#explore-controls select").dispatchEvent(new Event("change"));
  document.body.style.maxWidth = "600px";
  dispatchEvent(new Event("resize"));
  const before = window.charts;
  while (window.charts === before) await pause(50);
  await pause(200);
  seen.widths.push(charts());
  seen["told when narrower"] = told();
  seen["days when narrower"] = window.charts.scale("did_x").domain();
  seen["sites when narrower"] = texts(2);
  seen["controls when narrower"] = [...document.querySelectorAll("#explore-controls select")].map((one) => one.value);
  document.body.style.maxWidth = "400px";
  const figures = [...document.querySelectorAll("figure")];
  seen["figures at 400 px"] = figures.map((one) => [one.clientWidth, one.scrollWidth]);
  const phone = document.createElement("iframe");
  phone.style.width = "404px"; // 400 within its border
  phone.srcdoc = `<!doctype html>${document.querySelector("style").outerHTML}${figures.map((one) => one.outerHTML).join("")}`;
  await new Promise((done) => { phone.addEventListener("load", done); document.body.append(phone); });
  seen["figures of a phone"] = [...phone.contentDocument.images].map((one) => [one.naturalWidth, one.clientWidth]);
  phone.remove();
  document.body.style.maxWidth = "320px";
  dispatchEvent(new Event("resize"));
  const wider = window.charts;
  while (window.charts === wider) await pause(50);
  await pause(200);
  const place = document.getElementById("explore-charts");
  seen["charts at 320 px"] = [place.parentElement.clientWidth, place.scrollWidth];
  document.body.style.maxWidth = "600px";
  await press([...document.querySelectorAll("#explore-periods button")][0]);
  seen["told of the whole when narrower"] = told();
  await press(document.getElementById("explore-all"));

  seen.map = [...document.querySelectorAll("#explore-charts path[aria-roledescription='circle']")]
    .map((one) => [one.__data__.datum.site, one.getBoundingClientRect().x]);
  seen.land = document.querySelectorAll("#explore-charts .mark-shape path").length;

  dispatchEvent(new Event("beforeprint"));
  seen["charts on paper"] = [...document.querySelectorAll("#explore-charts .sheet .role-title text")].map((one) => one.textContent);
  seen["sheets"] = [...document.querySelectorAll("#explore-charts .sheet")].map((one) => one.getBoundingClientRect().height);
  seen["height on paper"] = document.getElementById("explore-charts").offsetHeight;
  seen["clips on paper"] = [...document.querySelectorAll("#explore-charts .sheet [clip-path]")]
    .map((one) => document.getElementById(one.getAttribute("clip-path").match(/#([^")]+)/)[1]))
    .map((clip) => getComputedStyle(clip.closest("svg")).display);
  dispatchEvent(new Event("afterprint"));
  seen["sheets left"] = document.querySelectorAll("#explore-charts .sheet").length;

  seen.terms = [...document.querySelectorAll("#ranking abbr")].map((one) => [one.textContent, one.title]);

  seen.paper = [paper()];
  seen["charts in the light"] = bars().length;
  document.getElementById("theme").click();
  await pause(1500);
  seen.paper.push(paper());
  seen["charts in the dark"] = bars().length;
});
