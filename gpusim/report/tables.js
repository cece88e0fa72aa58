// Tables can be sorted by any column, searched where they are long, and saved as CSV.
"use strict";

const LONG = 10; // rows from which a table has a box to search in

// A cell for a file: numbers without the commas between thousands.
const plain = (_data, _row, _column, cell) => {
  const text = cell.textContent.trim();
  return /^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(text) ? text.replaceAll(",", "") : text;
};

window.tables = [...document.querySelectorAll("main table[id]")].map((table) => {
  const csv = { extend: "csv", text: "CSV", title: null, footer: false, filename: table.id, escapeExcelFormula: true,
    exportOptions: { format: { body: plain } } };
  const search = table.tBodies[0].rows.length > LONG ? { search: { text: "", placeholder: "search" } } : null;
  return new DataTable(table, {
    columnDefs: [{ targets: [...table.tHead.rows[0].cells].flatMap((cell, at) => cell.classList.contains("t") ? [at] : []), className: "t" }],
    paging: false, info: false, order: [], autoWidth: false,
    layout: { topStart: search, topEnd: { buttons: [csv] }, bottomStart: null, bottomEnd: null },
  });
});
