// Reads the page of a sweep or of a comparison of policies.
"use strict";

const dots = (name) => [...document.querySelectorAll(`#explore-charts .${name}_dot_marks path`)];
const headings = () => [...document.querySelectorAll("#means thead th")].map((cell) => cell.textContent.trim());

look(async (seen) => {
  seen.views = ["means", "differences", "along0", "along1", "trade"].filter((name) => dots(name).length);
  seen.measures = [...document.querySelector("#explore-controls select").options].map((option) => option.value);
  seen.means = dots("means").map((dot) => dot.__data__.datum.mean);
  await window.charts.signal("shown", seen.measures[1]).runAsync();
  seen["means of another"] = dots("means").map((dot) => dot.__data__.datum.mean);
  seen.points = bodies("means").length;
  seen.method = document.getElementById("method").textContent;
  seen.headings = headings();
  await click(dots("means")[1]);
  seen.told = told();
  seen["points of one"] = bodies("means").map((cells) => cells[0]);
  seen["headings of one"] = headings();
});
