// Terms of the glossary, the first in each section: point at one, or touch it, for what it means.
"use strict";

const glossary = JSON.parse(document.getElementById("glossary").textContent);
const escapeTerm = (term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// Mark the first place of a term in the text of an element; whether there is one.
const markTerm = (element, term) => {
  const pattern = new RegExp(`(?<![\\w-])${escapeTerm(term)}(?![\\w-])`, term === term.toUpperCase() ? "" : "i");
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const found = pattern.exec(node.data);
    if (!found || node.parentElement.closest("a, abbr, button, code, pre, svg, script, #explore-charts")) continue;
    const word = node.splitText(found.index);
    word.splitText(found[0].length);
    const mark = document.createElement("abbr");
    mark.tabIndex = 0;
    mark.title = glossary[term];
    word.replaceWith(mark);
    mark.append(word);
    return true;
  }
  return false;
};

for (const section of document.querySelectorAll("header, main > section"))
  for (const term of Object.keys(glossary))
    [...section.querySelectorAll("p, li, th, figcaption, .card, caption")].some((element) => markTerm(element, term));
