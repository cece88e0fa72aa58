// Light or dark as the reader's system has it, and the other way round by the button.
"use strict";

const root = document.documentElement;
const dark = () => getComputedStyle(root).getPropertyValue("--dark").trim() === "1";
document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = dark() ? "light" : "dark";
  root.dispatchEvent(new Event("theme"));
});
