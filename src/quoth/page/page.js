"use strict";
// Text from articles and answers reaches the page as text nodes only.

const STANCES = ["accusation", "denial", "condemnation", "solidarity", "other"];
const SAMPLE = `LINDHOLT, March 3 - Energy Minister Ruth Okoro on Monday accused the Lindholt Dam Commission of hiding a crack in the dam for nine days.

“They lied to us,” Okoro told reporters. “This is a disgrace.”

The commission's chairman, Jonas Ek, denied it. “We reported the crack within the hour,” he said.

“Our hearts are with the families below the dam,” said Mayor Ada Renn. The river was falling, the weather service said.`;
const $ = (id) => document.getElementById(id);
let shown = null;

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("aria-") || key === "role" || key === "scope") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

function say(message, failed = false) {
  $("status").textContent = message;
  $("status").classList.toggle("failed", failed);
}

async function label(event) {
  event.preventDefault();
  const text = $("text").value, button = $("form").querySelector("button");
  const headers = { "content-type": "application/json" };
  if ($("key").value) headers.authorization = `Bearer ${$("key").value}`;
  button.disabled = true;
  say("Reading …");
  try {
    const response = await fetch("/v1/label", { method: "POST", headers, body: JSON.stringify({ text }) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${answer.error.message} (request ${answer.error.request_id})`);
    show(text, answer);
  } catch (error) {
    $("answer").hidden = true;
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

function show(text, record) {
  shown = { text, record };
  const n = record.statements.length;
  say([`${n} statement${n === 1 ? "" : "s"}.`, ...record.warnings].join(" "));
  $("model").textContent = `Model ${record.model.name} ${record.model.version}, ${record.model.hash}`;
  $("answer").hidden = false;
  mark(text, record.statements);
  graph(record.statements);
  table(record.statements);
}

// Offsets count code points, strings of this language count UTF-16 units.
function units(text) {
  const at = [];
  let unit = 0;
  for (const point of text) { at.push(unit); unit += point.length; }
  at.push(unit);
  return at;
}

function mark(text, statements) {
  const at = units(text), home = element("div"), open = [{ node: home, end: Infinity }];
  let done = 0;
  const copy = (until) => {
    if (until > done) open[open.length - 1].node.append(text.slice(at[done], at[until]));
    done = Math.max(done, until);
  };
  const close = (before) => {
    while (open.length > 1 && open[open.length - 1].end <= before) { copy(open[open.length - 1].end); open.pop(); }
  };
  for (const statement of [...statements].sort((a, b) => a.start - b.start || b.end - a.end)) {
    close(statement.start);
    copy(statement.start);
    const made = element("mark", { className: statement.stance, tabIndex: 0 }, element("small", {}, heading(statement)));
    made.setAttribute("aria-label", `${heading(statement)}: ${statement.text}`);
    made.setAttribute("role", "note");
    for (const kind of ["mouseenter", "focus"]) made.addEventListener(kind, () => tip(made, statement));
    for (const kind of ["mouseleave", "blur"]) made.addEventListener(kind, untip);
    open[open.length - 1].node.append(made);
    open.push({ node: made, end: Math.min(statement.end, open[open.length - 1].end) });
  }
  close(Infinity - 1);
  while (open.length > 1) { copy(open[open.length - 1].end); open.pop(); }
  copy(at.length - 1);
  $("marked").replaceChildren(home);
  filter();
}

const percent = (p) => `${Math.round(100 * p)} %`;
const who = (statement) => statement.speaker?.name ?? "unknown";
const whom = (statement) => statement.target?.name ?? statement.target?.text ?? "";

function heading(statement) {
  const toward = whom(statement) ? ` → ${whom(statement)}` : "";
  return `${who(statement)}${toward} · ${statement.stance} ${percent(statement.stance_probabilities[statement.stance])}`;
}

function tip(mark, statement) {
  untip();
  const rows = [
    ...STANCES.map((stance) => [stance, percent(statement.stance_probabilities[stance])]),
    ["sentiment", `${statement.sentiment} ${percent(statement.sentiment_probabilities[statement.sentiment])}`],
    ["a statement", percent(statement.probability)],
    ["speaker", statement.speaker ? `${who(statement)} ${percent(statement.speaker.probability)}` : "unknown"],
    ...(statement.target ? [["target", statement.target.text]] : []),
    ["kind", statement.kind],
  ];
  const list = element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  const made = element("div", { id: "tip", role: "tooltip" }, list);
  $("answer").append(made);
  mark.setAttribute("aria-describedby", "tip");
  const box = mark.getClientRects()[0];
  made.style.top = `${window.scrollY + box.bottom + 6}px`;
  made.style.left = `${Math.max(8, Math.min(window.scrollX + box.left, document.documentElement.clientWidth - made.offsetWidth - 8))}px`;
}

function untip() {
  $("tip")?.remove();
  for (const mark of document.querySelectorAll("[aria-describedby=tip]")) mark.removeAttribute("aria-describedby");
}

function filter() {
  for (const box of $("stances").querySelectorAll("input")) {
    for (const mark of $("marked").querySelectorAll(`mark.${box.value}`)) {
      mark.classList.toggle("hidden-stance", !box.checked);
      mark.tabIndex = box.checked ? 0 : -1;
    }
    for (const row of $("table").querySelectorAll(`tr[data-stance=${box.value}]`)) row.hidden = !box.checked;
  }
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function graph(statements) {
  const ties = new Map();
  for (const statement of statements) {
    if (!statement.speaker?.name || !statement.target?.name || statement.stance === "other") continue;
    const key = JSON.stringify([statement.speaker.name, statement.target.name, statement.stance]);
    ties.set(key, (ties.get(key) ?? 0) + 1);
  }
  if (!ties.size) {
    $("graph").replaceChildren(element("p", { className: "note" }, "No statement names both who speaks and toward whom."));
    return;
  }
  const edges = [...ties].map(([key, n]) => [...JSON.parse(key), n]).sort((a, b) => b[3] - a[3]).slice(0, 24);
  const left = [...new Set(edges.map((edge) => edge[0]))], right = [...new Set(edges.map((edge) => edge[1]))];
  const height = 34 * Math.max(left.length, right.length) + 16;
  const y = (names, name) => 8 + (height - 16) * ((names.indexOf(name) + 0.5) / names.length);
  const short = (name) => (name.length > 32 ? `${name.slice(0, 31)}…` : name);
  const lines = edges.map(([speaker, target, stance, n]) => {
    const a = y(left, speaker), b = y(right, target);
    return drawn("path", { d: `M 250 ${a} C 350 ${a} 350 ${b} 450 ${b}`, class: `line-${stance}`, "stroke-width": 1 + 1.5 * n },
      drawn("title", {}, `${speaker} → ${target}: ${stance}, ${n}`));
  });
  const names = [
    ...left.map((name) => drawn("text", { x: 242, y: y(left, name) + 4, "text-anchor": "end" }, short(name))),
    ...right.map((name) => drawn("text", { x: 458, y: y(right, name) + 4 }, short(name))),
  ];
  const told = edges.map(([speaker, target, stance, n]) => `${speaker} toward ${target}: ${stance}, ${n}`).join("; ");
  $("graph").replaceChildren(drawn("svg", { viewBox: `0 0 700 ${height}`, role: "img", "aria-label": told }, ...lines, ...names));
}

const COLUMNS = {
  statement: (s) => s.text, speaker: who, stance: (s) => s.stance,
  probability: (s) => s.stance_probabilities[s.stance].toFixed(2), target: whom, sentiment: (s) => s.sentiment, kind: (s) => s.kind,
};

function table(statements) {
  const head = element("tr", {}, ...Object.keys(COLUMNS).map((name) => element("th", { scope: "col" }, name)));
  const rows = statements.map((statement) => {
    const row = element("tr", {}, ...Object.values(COLUMNS).map((cell) => element("td", { dir: "auto" }, cell(statement))));
    row.dataset.stance = statement.stance;
    return row;
  });
  $("table").replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
  filter();
}

function csv(statements) {
  // A spreadsheet would run a text that begins so as a formula.
  const cell = (value) => `"${String(value).replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const rows = statements.map((statement) => Object.values(COLUMNS).map((of) => cell(of(statement))).join(","));
  return `\ufeff${[Object.keys(COLUMNS).join(","), ...rows].join("\r\n")}\r\n`;
}

function save(name, type, content) {
  const link = element("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

for (const stance of STANCES) {
  const box = element("input", { type: "checkbox", value: stance, checked: true });
  box.addEventListener("change", filter);
  $("stances").append(element("label", {}, box, element("span", { className: `swatch ${stance}` }, stance)));
}
$("form").addEventListener("submit", label);
$("sample").addEventListener("click", () => { $("text").value = SAMPLE; $("form").requestSubmit(); });
$("json").addEventListener("click", () => save("statements.json", "application/json", JSON.stringify(shown.record, null, 1)));
$("csv").addEventListener("click", () => save("statements.csv", "text/csv", csv(shown.record.statements)));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") untip(); });
