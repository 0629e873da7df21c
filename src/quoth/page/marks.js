// The article's text with its statements marked, and places in it: code points to elements and back.

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role" || key === "scope") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

// Offsets count code points, strings of this language count UTF-16 units.
export class Points {
  constructor(text) {
    this.text = text;
    this.units = [];
    let unit = 0;
    for (const point of text) { this.units.push(unit); unit += point.length; }
    this.units.push(unit);
    this.tokens = [...text.matchAll(/\S+/gu)].map((m) => [m.index, m.index + m[0].length]);
  }

  slice(start, end) { return this.text.slice(this.units[start], this.units[end]); }

  // The code point at a unit, by bisection.
  point(unit) {
    let low = 0, high = this.units.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.units[middle] < unit) low = middle + 1; else high = middle;
    }
    return low;
  }

  // Without what `outside` matches at both ends of the units [start, end).
  trimmed([start, end], outside) {
    while (start < end && outside.test(this.text[start])) start++;
    while (start < end && outside.test(this.text[end - 1])) end--;
    return [start, end];
  }
}

// Draws statements as nested marks; dress(statement, mark) gives each its looks.
export function draw(home, points, statements, dress) {
  const root = element("div"), open = [{ node: root, end: Infinity }];
  let done = 0;
  const copy = (until) => {
    if (until > done) open[open.length - 1].node.append(points.slice(done, until));
    done = Math.max(done, until);
  };
  const close = (before) => {
    while (open.length > 1 && open[open.length - 1].end <= before) { copy(open[open.length - 1].end); open.pop(); }
  };
  statements.forEach((statement, k) => {
    close(statement.start);
    copy(statement.start);
    const made = element("mark");
    made.dataset.number = k;
    dress(statement, made, k);
    open[open.length - 1].node.append(made);
    open.push({ node: made, end: Math.min(statement.end, open[open.length - 1].end) });
  });
  close(Infinity - 1);
  while (open.length > 1) { copy(open[open.length - 1].end); open.pop(); }
  copy(points.units.length - 1);
  // Words that are selected while an answer comes back stay so.
  const kept = home.textContent === points.text ? selected(home) : null;
  home.replaceChildren(root);
  if (kept) select(home, kept);
}

// The units [start, end) that are selected in `home`, null where nothing is.
export function selected(home) {
  const chosen = getSelection();
  if (!chosen.rangeCount || chosen.isCollapsed) return null;
  const range = chosen.getRangeAt(0);
  if (!home.contains(range.startContainer) || !home.contains(range.endContainer)) return null;
  const before = document.createRange();
  before.setStart(home, 0);
  before.setEnd(range.startContainer, range.startOffset);
  const start = before.toString().length;
  return [start, start + range.toString().length];
}

function select(home, [start, end]) {
  const walker = document.createTreeWalker(home, NodeFilter.SHOW_TEXT), range = document.createRange();
  let at = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode, next = at + node.data.length;
    if (at <= start && start < next) range.setStart(node, start - at);
    if (at < end && end <= next) { range.setEnd(node, end - at); break; }
    at = next;
  }
  const chosen = getSelection();
  chosen.removeAllRanges();
  chosen.addRange(range);
  return range;
}

function reveal(range) {
  range.endContainer.parentElement.scrollIntoView({ block: "nearest" });
}

// Select a word by the keyboard: the one after or before the selection, or (grow) one more or less at its end.
export function step(home, points, direction, grow, from) {
  const chosen = selected(home);
  if (!chosen) {
    const first = points.tokens.find(([, end]) => end > from) ?? points.tokens[0];
    if (first) reveal(select(home, first));
    return;
  }
  const last = points.tokens.findLastIndex(([start]) => start < chosen[1]);
  const first = points.tokens.findIndex(([, end]) => end > chosen[0]);
  const next = points.tokens[direction > 0 ? last + 1 : grow ? last - 1 : first - 1];
  if (!next || (grow && next[1] <= chosen[0])) return;
  reveal(select(home, grow ? [chosen[0], next[1]] : next));
}
