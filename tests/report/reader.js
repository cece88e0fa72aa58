// Reads the page as a person does, and writes down what is seen.
"use strict";

const texts = (column) => [...document.querySelectorAll(`#bottlenecks tbody tr td:nth-child(${column})`)]
  .map((cell) => cell.textContent);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const planned = () => window.charts.data(Object.keys(window.charts.getState({ data: () => true }).data)
  .find((name) => window.charts.data(name).some((row) => row.low !== undefined)))
  .reduce((sum, row) => sum + row.gpus * (row.to - row.from), 0);
const bars = () => document.querySelectorAll("#explore-charts path[aria-roledescription='bar']");
const paper = () => getComputedStyle(document.body).backgroundColor;

const read = async () => {
  const seen = {};
  while (!window.charts) await pause(50);
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
  const bar = bars()[0], box = bar.getBoundingClientRect();
  const at = { bubbles: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
  for (const kind of ["pointerdown", "pointerup", "click"]) bar.dispatchEvent(new PointerEvent(kind, at));
  await window.charts.runAsync();
  await pause(200);
  seen.clicked = bar.__data__.datum.site;
  seen.sites = texts(2);
  seen.told = document.getElementById("explore-filter").textContent;
  seen["planned of one"] = planned();

  const area = document.querySelector("#explore-charts .did_group path.background").getBoundingClientRect();
  document.querySelector("#explore-charts .did_group path.background").dispatchEvent(new WheelEvent("wheel",
    { bubbles: true, cancelable: true, deltaY: -300, clientX: area.x + area.width / 2, clientY: area.y + 20 }));
  await window.charts.runAsync();
  seen.domains = ["did_x", "power_x", "jobs_x"].map((name) => window.charts.scale(name).domain());

  seen.paper = [paper()];
  seen["charts in the light"] = bars().length;
  document.getElementById("theme").click();
  await pause(1500);
  seen.paper.push(paper());
  seen["charts in the dark"] = bars().length;
  seen.failed = window.failed;
  return seen;
};

read().catch((error) => ({ failed: [...window.failed, String(error.stack)] })).then((seen) => {
  const pre = document.createElement("pre");
  pre.id = "seen";
  pre.textContent = JSON.stringify(seen);
  document.body.append(pre);
});
