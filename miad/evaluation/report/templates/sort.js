for (const head of document.querySelectorAll("thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.title = "Sort by this column";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = head.closest("table").tBodies[0], place = head.cellIndex;
    const number = (cell) => ({inf: Infinity, "-inf": -Infinity})[cell.dataset.sort] ?? Number(cell.dataset.sort);
    const compare = (one, other) => one.dataset.sort && other.dataset.sort
      ? number(one) - number(other)
      : one.textContent.localeCompare(other.textContent, "en", {numeric: true});
    const missing = (cell) => cell.classList.contains("missing");
    body.append(...[...body.rows].sort((one, other) => {
      const [a, b] = [one.cells[place], other.cells[place]];
      return missing(a) - missing(b) || (missing(a) ? 0 : (up ? 1 : -1) * compare(a, b));
    }));
  });
}
