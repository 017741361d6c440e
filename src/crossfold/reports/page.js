// A click on the head of a column sorts its table; without a script tables stay as they are.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  if (!body || body.rows.length < 4) continue;
  for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const order = head.ariaSort === "descending" ? 1 : -1;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.ariaSort = order === 1 ? "ascending" : "descending";
      const key = (row) => row.cells[column].textContent.trim();
      const value = (row) => parseFloat(key(row).replace(/[,\s<]/g, "").replace("−", "-"));
      const compare = (a, b) => {
        const [x, y] = [value(a), value(b)];
        if (!head.classList.contains("number")) return order * -key(a).localeCompare(key(b));
        return isNaN(x) - isNaN(y) || order * (x - y);
      };
      body.append(...[...body.rows].sort(compare));
    });
  }
}
// Print unfolds what is folded.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
