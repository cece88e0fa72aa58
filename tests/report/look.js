// What readers of pages do and see: they click, and what they find is written into the page.
"use strict";

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const bars = () => document.querySelectorAll("#explore-charts path[aria-roledescription='bar']");
const paper = () => getComputedStyle(document.body).backgroundColor;
const bodies = (id) => [...document.querySelectorAll(`#${id} tbody tr:has(td:not(.dt-empty))`)]
  .map((row) => [...row.cells].map((cell) => cell.textContent));
const click = async (mark) => {
  const box = mark.getBoundingClientRect();
  const at = { bubbles: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
  for (const kind of ["pointerdown", "pointerup", "click"]) mark.dispatchEvent(new PointerEvent(kind, at));
  await window.charts.runAsync();
  await pause(200);
};
const press = async (button) => {
  button.click();
  await window.charts.runAsync();
  await pause(200);
};

const told = () => document.getElementById("explore-filter").textContent;

// Read a page once its charts are there.
const look = async (read) => {
  const seen = {};
  try {
    while (!window.charts) await pause(50);
    await read(seen);
  } catch (error) {
    window.failed.push(String(error.stack));
  }
  const pre = document.createElement("pre");
  pre.id = "seen";
  pre.textContent = JSON.stringify({ ...seen, failed: window.failed });
  document.body.append(pre);
};
