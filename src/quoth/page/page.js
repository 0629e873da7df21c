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
    if (!response.ok) {
      if (response.status === 401) {
        $("key").closest("details").open = true;
        $("key").focus();
      }
      throw new Error(`${answer.error.message} (request ${answer.error.request_id})`);
    }
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
  say([n ? `${n} statement${n === 1 ? "" : "s"}.` : "No statement found.", ...record.warnings].join(" "));
  $("model").textContent = `Model ${record.model.name} ${record.model.version}, ${record.model.hash}`;
  $("answer").hidden = !n;
  for (const stance of STANCES) {
    $(`count-${stance}`).textContent = record.statements.filter((statement) => statement.stance === stance).length;
  }
  mark(text, record.statements);
  graph(record.statements);
  table(record.statements);
  if (n) $("status").scrollIntoView();
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
    const made = element("mark", { className: statement.stance, tabIndex: 0 }, element("small", {}, heading(statement, 32)));
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

const short = (name, length) => (name.length > length ? `${name.slice(0, length - 1)}…` : name);

function heading(statement, length = Infinity) {
  const toward = whom(statement) ? ` → ${short(whom(statement), length)}` : "";
  return `${short(who(statement), length)}${toward} · ${statement.stance} ${percent(statement.stance_probabilities[statement.stance])}`;
}

function tip(mark, statement) {
  untip();
  const rows = [
    ...STANCES.map((stance) => [stance, percent(statement.stance_probabilities[stance])]),
    ...(statement.second_stance ? [["second stance", statement.second_stance]] : []),
    ["sentiment", `${statement.sentiment} ${percent(statement.sentiment_probabilities[statement.sentiment])}`],
    ...(statement.label ? [["label", `${statement.label} ${percent(statement.label_probabilities[statement.label])}`]] : []),
    ["is a statement", percent(statement.probability)],
    ["speaker", statement.speaker ? `${who(statement)} ${percent(statement.speaker.probability)}` : "unknown"],
    ...(statement.target ? [["target", statement.target.text]] : []),
    ["kind", statement.kind],
  ];
  const list = element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  const made = element("div", { id: "tip", role: "tooltip" }, list);
  $("answer").append(made);
  mark.setAttribute("aria-describedby", "tip");
  const boxes = mark.getClientRects(), first = boxes[0], last = boxes[boxes.length - 1];
  const below = last.bottom + 6 + made.offsetHeight <= window.innerHeight || first.top < made.offsetHeight + 6;
  made.style.top = `${window.scrollY + (below ? last.bottom + 6 : first.top - made.offsetHeight - 6)}px`;
  made.style.left = `${Math.max(8, Math.min(window.scrollX + (below ? last : first).left, document.documentElement.clientWidth - made.offsetWidth - 8))}px`;
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
  const ties = new Map(), spelt = new Map();
  const once = (name) => { // "The union" is "the union"
    const key = name.toLowerCase();
    if (!spelt.has(key)) spelt.set(key, name);
    return spelt.get(key);
  };
  for (const statement of statements) {
    if (!statement.speaker?.name || !statement.target?.name || statement.stance === "other") continue;
    const key = JSON.stringify([once(statement.speaker.name), once(statement.target.name), statement.stance]);
    ties.set(key, (ties.get(key) ?? 0) + 1);
  }
  if (!ties.size) {
    $("graph").replaceChildren(element("p", { className: "note" }, "No statement names both who speaks and toward whom."));
    return;
  }
  // Each tie leaves its speaker on a line of its own, so that its stance can be written there.
  const most = [...ties].map(([key, n]) => [...JSON.parse(key), n]).sort((a, b) => b[3] - a[3]).slice(0, 24);
  const speakers = [...new Set(most.map((edge) => edge[0]))], targets = [...new Set(most.map((edge) => edge[1]))];
  const edges = speakers.flatMap((name) => most.filter((edge) => edge[0] === name));
  const width = Math.min(760, Math.max(300, $("graph").clientWidth)), tie = Math.max(130, width / 3);
  const left = (width - tie) / 2, right = left + tie, row = 34, height = row * Math.max(edges.length, targets.length);
  const spread = (k, n) => (height * (k + 0.5)) / n;
  const named = (name, x, y, anchor) =>
    drawn("text", { x, y: y + 4, "text-anchor": anchor }, short(name, Math.floor(left / 7)), drawn("title", {}, name));
  const lines = edges.flatMap(([speaker, target, stance, n], k) => {
    const a = spread(k, edges.length), b = spread(targets.indexOf(target), targets.length), bend = left + tie * 0.65;
    return [
      drawn("path", { d: `M ${left} ${a} C ${bend} ${a} ${bend} ${b} ${right - 6} ${b}`, class: `line-${stance}`, "stroke-width": Math.min(1 + n, 6) },
        drawn("title", {}, `${speaker} → ${target}: ${stance}, ${n}`)),
      drawn("polygon", { points: `${right},${b} ${right - 9},${b - 5} ${right - 9},${b + 5}`, class: `line-${stance}` }),
    ];
  });
  const stances = edges.map(([, , stance, n], k) =>
    drawn("text", { x: left + 8, y: spread(k, edges.length) + 4, class: "stance" }, n > 1 ? `${stance} (${n})` : stance));
  const names = [
    ...speakers.map((name) => {
      const own = edges.map((edge, k) => [edge[0], k]).filter(([speaker]) => speaker === name).map(([, k]) => spread(k, edges.length));
      return named(name, left - 8, (own[0] + own[own.length - 1]) / 2, "end");
    }),
    ...targets.map((name, k) => named(name, right + 8, spread(k, targets.length), "start")),
  ];
  const told = edges.map(([speaker, target, stance, n]) => `${speaker} toward ${target}: ${stance}, ${n}`).join("; ");
  $("graph").replaceChildren(drawn("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": told }, ...lines, ...stances, ...names));
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
  $("stances").append(element("label", {}, box, element("span", { className: `swatch ${stance}` }, stance), element("span", { id: `count-${stance}` })));
}
$("form").addEventListener("submit", label);
$("sample").addEventListener("click", () => { $("text").value = SAMPLE; $("form").requestSubmit(); });
$("json").addEventListener("click", () => save("statements.json", "application/json", JSON.stringify(shown.record, null, 1)));
$("csv").addEventListener("click", () => save("statements.csv", "text/csv", csv(shown.record.statements)));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") untip(); });
