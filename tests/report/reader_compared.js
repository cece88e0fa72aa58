// Reads the page of a comparison of runs.
"use strict";

// A window that is made narrower while its charts are being drawn.
const embed = window.vegaEmbed;
window.vegaEmbed = async (...given) => {
  window.vegaEmbed = embed;
  const drawn = await embed(...given);
  document.body.style.maxWidth = "600px";
  dispatchEvent(new Event("resize"));
  await pause(500);
  return drawn;
};

look(async (seen) => {
  const first = window.charts;
  for (let tries = 0; window.charts === first && tries < 40; tries++) await pause(50);
  seen.width = document.querySelector("#explore-charts svg").clientWidth;
  seen.headings = [...document.querySelectorAll("#compared-figures thead th")].map((cell) => cell.textContent.trim());
  await click([...bars()].find((one) => one.__data__.datum.run));
  seen.told = told();
  seen["headings of one"] = [...document.querySelectorAll("#compared-figures thead th")].map((cell) => cell.textContent.trim());
  await press(document.getElementById("explore-all"));
  await click([...bars()].find((one) => one.__data__.datum.site));
  seen["told of a site"] = told();
  seen["sites held back"] = bodies("compared-held").map((cells) => cells[0]);
  await press(document.getElementById("explore-all"));
  await window.charts.signal("zoom_from", [0, 1]).runAsync();
  await pause(200);
  seen["told of a period"] = told();
  seen.courses = {};
  for (const option of document.querySelector("#explore-controls select").options) {
    await window.charts.signal("what", option.value).runAsync();
    seen.courses[option.value] = document.querySelectorAll("#explore-charts .course_line_marks path").length
      || document.querySelectorAll("#explore-charts path[aria-roledescription='line mark']").length;
  }
});
