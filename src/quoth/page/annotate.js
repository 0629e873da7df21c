// The annotators' page.  Text from articles and answers reaches it as text nodes only; what the server has written is shown.

import { UNKNOWN, showAgreement, sideBySide } from "./adjudicate.js";
import { ask, keyOf, shownAs } from "./asking.js";
import { Points, draw, element, selected, step } from "./marks.js";

const STANCES = { a: "accusation", d: "denial", c: "condemnation", s: "solidarity", o: "other" };
const SENTIMENTS = { 1: "negative", 2: "neutral", 3: "positive" };
const NEEDED = ["stance", "sentiment", "speaker"];
const SPACE = /\s/u, NO_WORD = /[^\p{L}\p{N}\p{M}%$\uD800-\uDFFF]/u;
const $ = (id) => document.getElementById(id);
let all = null, article = null, points = null, current = 0, work = Promise.resolve();

// One request after the other, so that quick keys are applied in their order, each to what the one before left.
function queue(step) {
  work = work.then(step).catch(async (error) => {
    if (error.status === 409) await open(article.id);
    say(error.message, true);
    const number = /^statement (\d+):/.exec(error.message);
    if (number) { current = number[1] - 1; show(); }
  });
  return work;
}

function say(message, failed = false) {
  $("status").textContent = message;
  $("status").classList.toggle("failed", failed);
}

const statement = () => article?.statements[current];
const lacking = (labels) => NEEDED.filter((name) => labels[name] === undefined);
const at = (labels) => [labels.start, labels.end];

async function refresh() {
  all = await ask("/overview");
  const done = all.articles.filter((row) => row.done).length;
  $("who").textContent = all.pair.length ? `adjudicate ${all.pair.join(" and ")}` : `annotate · ${all.annotator} · ${all.mode}`;
  $("choice").replaceChildren(...all.articles.map((row, k) =>
    element("option", { value: row.id }, `${row.done ? "✓ " : ""}${k + 1}. ${row.title}`)));
  if (article) $("choice").value = article.id;
  $("bar").max = Math.max(1, all.articles.length);
  $("bar").value = done;
  count();
}

function count() {
  const done = all.articles.filter((row) => row.done).length, of = article?.statements ?? [];
  const labelled = of.filter((labels) => !lacking(labels).length).length;
  const here = article ? `; here ${labelled} of ${of.length} statements labelled${article.done ? ", done" : ""}` : "";
  $("counts").textContent = `${done} of ${all.articles.length} articles done${here}`;
}

async function open(id) {
  article = await ask("/open", { article: id, version: 0 });
  points = new Points(article.text);
  current = Math.max(0, article.statements.findIndex((labels) => lacking(labels).length));
  location.hash = encodeURIComponent(id);
  $("choice").value = id;
  $("title").textContent = article.title;
  $("byline").textContent = article.byline;
  show();
  scrollTo(0, 0);
  if (article.statements.length) $("text").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

function show(scroll = true) {
  draw($("text"), points, article.statements, (labels, mark, k) => {
    const toward = labels.target ? ` → ${labels.target}` : "";
    const speaker = labels.speaker === UNKNOWN ? "not told" : labels.speaker;
    mark.className = `${labels.stance ?? ""} ${lacking(labels).length ? "" : "whole"} ${pairOf(labels)?.differing.length ? "disputed" : ""}`;
    const stance = labels.stance2 ? `${labels.stance ?? "?"} + ${labels.stance2}` : labels.stance;
    mark.dataset.label = [k + 1, stance, speaker].filter(Boolean).join(" · ") + toward;
    if (k === current) mark.setAttribute("aria-current", "true");
  });
  const labels = statement(), n = article.statements.length;
  $("place").textContent = labels ? `Statement ${current + 1} of ${n}, ${labels.kind}` : "No statement yet";
  $("words").textContent = labels ? points.slice(...at(labels)) : "Select the words of one in the text, then press n.";
  $("labels").hidden = !labels;
  press("stances", labels?.stance);
  press("seconds", labels?.stance2);
  press("sentiments", labels?.sentiment);
  const proposed = labels?.proposed;
  $("proposed").textContent = proposed === undefined ? "" : `(proposed, ${Math.round(100 * proposed)} %)`;
  // What is being typed there stays, whatever comes back meanwhile.
  if (document.activeElement !== $("speaker")) showSpeaker();
  $("target").textContent = labels?.target ?? "none";
  document.querySelector('[data-key="u"]').disabled = !article.undoable;
  names();
  both();
  count();
  if (scroll) $("text").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

function showSpeaker() {
  const name = statement()?.speaker;
  $("speaker").value = name === UNKNOWN ? "(not told)" : name ?? "";
}

function press(fieldset, value) {
  for (const button of $(fieldset).querySelectorAll("button")) {
    button.setAttribute("aria-pressed", button.dataset.value === value);
  }
}

// Names used here already, then the article's, nearest first.
function names() {
  const place = statement()?.start ?? 0;
  const gap = (entity) => Math.min(...entity.at.map((start) => Math.abs(start - place)));
  const near = [...article.names].sort((a, b) => gap(a) - gap(b)).map((entity) => entity.name);
  const used = article.statements.map((labels) => labels.speaker).filter((name) => name && name !== UNKNOWN);
  $("names").replaceChildren(...[...new Set([...near, ...used])].map((value) => element("option", { value })));
}

const pairOf = (labels) => article.compared?.find(({ ends }) => ends[0] === labels?.start && ends[1] === labels?.end);

function both() {
  const pair = pairOf(statement());
  $("both").hidden = !pair;
  if (!pair) return;
  const buttons = all.pair.map((who, k) => keyed(element("button", { type: "button" }, `Take ${who}’s`), "45"[k]));
  $("both").replaceChildren(sideBySide(pair, all.pair), element("div", { className: "row" }, ...buttons));
}

async function agreement() {
  showAgreement($("agreement"), await ask("/agreement"));
}

// Changes.  build(labels) is called when its turn has come, and gives [removed, put, the statement to go to] or a message.
function change(action, build) {
  queue(async () => {
    const made = build(statement());
    if (!made) return;
    if (typeof made === "string") return say(made, true);
    const [removed, put, goal] = made;
    const body = { article: article.id, version: article.version, action, removed: removed.map(at), put };
    Object.assign(article, await ask("/edit", body));
    const found = article.statements.findIndex((labels) => goal && labels.start === goal.start && labels.end === goal.end);
    current = found < 0 ? Math.max(0, Math.min(current, article.statements.length - 1)) : found;
    show();
    say("Saved.");
  });
}

function relabel(action, fields) {
  change(action, (labels) => {
    if (!labels) return "There is no statement: select its words, then press n.";
    const told = typeof fields === "function" ? fields(labels) : fields;
    if (typeof told === "string") return told;
    const put = { ...labels, ...told };
    for (const name of Object.keys(put)) if (put[name] === null) delete put[name];
    return [[labels], [put], put];
  });
}

function setStance(value) {
  relabel("stance", (labels) => {
    const stance2 = labels.stance2 === value ? null : labels.stance2;
    const target = value === "other" && !stance2 ? null : labels.target;
    return { stance: value, stance2, target, proposed: null };
  });
}

function setSecond(value) {
  relabel("stance2", (labels) => ({ stance2: labels.stance2 === value ? null : value }));
}

// What is selected when the key is pressed, as code points; null (and a word of help) where nothing is.
function chosen(outside) {
  const units = selected($("text"));
  const [start, end] = units ? points.trimmed(units, outside) : [0, 0];
  getSelection().removeAllRanges();
  if (start < end) return { start: points.point(start), end: points.point(end) };
  say("Select words in the text first: with the mouse, or with . and , and Shift and the arrow keys.", true);
  return null;
}

function setTarget() {
  const span = chosen(NO_WORD);
  if (span) relabel("target", { target: points.slice(span.start, span.end) });
}

function setSpeaker() {
  const units = selected($("text"));
  if (!units) { $("speaker").focus(); $("speaker").select(); return; }
  const span = chosen(NO_WORD);
  if (span) relabel("speaker", { speaker: points.slice(span.start, span.end) });
}

function asBefore() {
  relabel("speaker", () => {
    const before = article.statements.slice(0, current).findLast((labels) => labels.speaker);
    return before ? { speaker: before.speaker } : "No statement before this one has a speaker.";
  });
}

function add() {
  const span = chosen(SPACE);
  if (!span) return;
  if (!/^["“„«‘'`]/u.test(points.slice(span.start, span.end))) {
    // A paraphrase ends before the full stop.
    while (span.end > span.start && /[.,;:]/u.test(points.slice(span.end - 1, span.end))) span.end--;
  }
  change("add", () => [[], [span], span]);
}

function cut() {
  const span = chosen(SPACE);
  if (!span) return;
  change("cut", (labels) => {
    if (!labels || span.start <= labels.start || span.start >= labels.end) return "Select words inside this statement: it is cut before them.";
    let end = span.start;
    while (SPACE.test(points.slice(end - 1, end))) end--;
    const { proposed, kind, ...rest } = labels;
    const first = { ...rest, end }, second = { ...rest, start: span.start };
    return [[labels], [first, second], second];
  });
}

function join() {
  change("join", (labels) => {
    const next = article.statements[current + 1];
    if (!labels || !next) return "No statement comes after this one.";
    const { proposed, kind, ...rest } = labels;
    const whole = { ...rest, end: Math.max(labels.end, next.end) };
    return [[labels, next], [whole], whole];
  });
}

function take(which) {
  change("take", (labels) => {
    const pair = pairOf(labels);
    if (!pair) return "Nothing to take here.";
    return pair[which] ? [[labels], [pair[which]], pair[which]] : [[labels], [], null];
  });
}

function undo() {
  queue(async () => {
    Object.assign(article, await ask("/undo", { article: article.id, version: article.version }));
    current = Math.max(0, Math.min(current, article.statements.length - 1));
    show();
    say("Undone.");
  });
}

function finish() {
  queue(async () => {
    const found = await ask("/done", { article: article.id, version: article.version });
    Object.assign(article, found);
    await refresh();
    if (all.pair.length) await agreement();
    const waiting = found.waiting && all.pair.length ? ` ${found.waiting} wait for a decision.` : "";
    const said = `Done; ${all.out} is written.${waiting}`;
    const next = all.articles.find((row) => !row.done);
    if (next) await open(next.id); else show();
    say(next ? said : `${said} All articles are done: you can close this page and end quoth with Ctrl-C.`);
  });
}

function go(by) {
  queue(async () => {
    const place = all.articles.findIndex((row) => row.id === article?.id) + by;
    if (all.articles[place]) { await open(all.articles[place].id); await refresh(); say(""); }
  });
}

function move(by) {
  getSelection().removeAllRanges();
  queue(() => {
    const next = current + by;
    if (article?.statements[next]) { current = next; show(); say(""); }
  });
}

function onward() {
  queue(() => {
    const order = article.statements.map((_, k) => (current + 1 + k) % article.statements.length);
    const next = order.find((k) => lacking(article.statements[k]).length);
    if (next === undefined) return say("Every statement here is labelled: press f when the article is done.");
    current = next;
    show();
    say(`Still to tell: ${lacking(statement()).join(", ")}.`);
  });
}

async function codebook() {
  const book = $("codebook");
  if (!book.firstChild) {
    // Our own Markdown, rendered by our own server.
    const parsed = new DOMParser().parseFromString(await (await fetch("/codebook")).text(), "text/html");
    book.replaceChildren(...parsed.body.childNodes);
  }
  book.hidden = !book.hidden;
  document.querySelector("main").classList.toggle("booked", !book.hidden);
  document.querySelector('[data-key="h"]').setAttribute("aria-expanded", !book.hidden);
  if (!book.hidden && getComputedStyle($("side")).display === "contents") book.scrollIntoView({ block: "nearest" });
}

const word = (direction, grow) => step($("text"), points, direction, grow, points.units[statement()?.start ?? 0]);
const KEYS = {
  ...Object.fromEntries(Object.entries(STANCES).map(([key, value]) => [key, [`stance ${value}`, () => setStance(value)]])),
  ...Object.fromEntries(Object.entries(STANCES).filter(([key]) => key !== "o").map(([key, value]) =>
    [key.toUpperCase(), [`second stance ${value}, or not`, () => setSecond(value)]])),
  ...Object.fromEntries(Object.entries(SENTIMENTS).map(([key, value]) =>
    [key, [`sentiment ${value}`, () => relabel("sentiment", { sentiment: value })]])),
  w: ["who: choose the speaker, or take the selected words", setSpeaker],
  r: ["repeat the speaker of the statement before", asBefore],
  0: ["the text does not tell the speaker", () => relabel("speaker", { speaker: UNKNOWN })],
  t: ["target: the selected words", setTarget],
  T: ["no target", () => relabel("target", { target: null })],
  n: ["new statement: the selected words", add],
  x: ["cut the statement before the selected words", cut],
  j: ["join the statement with the next one", join],
  k: ["kind: quoted or indirect", () => relabel("kind", (labels) => ({ kind: labels.kind === "quoted" ? "indirect" : "quoted" }))],
  Delete: ["delete the statement", () => change("delete", (labels) => labels && [[labels], [], null])],
  u: ["undo the last change of this article", undo],
  ArrowRight: ["next statement", () => move(1)],
  ArrowLeft: ["previous statement", () => move(-1)],
  Enter: ["next statement that lacks a label", onward],
  g: ["next article", () => go(1)],
  b: ["previous article", () => go(-1)],
  f: ["finished: this article is done", finish],
  4: ["adjudicate: take the first annotator’s labels", () => take("a")],
  5: ["adjudicate: take the second annotator’s labels", () => take("b")],
  ".": ["select the next word", () => word(1, false)],
  ",": ["select the word before", () => word(-1, false)],
  "Shift+→": ["select one word more", () => word(1, true)],
  "Shift+←": ["select one word less", () => word(-1, true)],
  h: ["codebook", () => queue(codebook)],
  "?": ["these keys", () => $("keys").showModal()],
};
function keyed(button, key) {
  button.dataset.key = key;
  if (key.length > 1 && key.startsWith("Arrow")) button.title = shownAs(key);
  else button.append(element("kbd", { "aria-hidden": "true" }, shownAs(key)));
  button.addEventListener("click", () => KEYS[key][1]());
  // The words stay selected while their button is clicked.
  button.addEventListener("mousedown", (event) => event.preventDefault());
  return button;
}

document.addEventListener("keydown", (event) => {
  const inside = event.target;
  if (inside === $("speaker") && (event.key === "Enter" || event.key === "Escape")) {
    if (event.key === "Escape") showSpeaker();
    inside.blur();
    return;
  }
  if ($("keys").open || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(inside.tagName)) return;
  const key = keyOf(event);
  if (!$("keyed").checked && (key?.length === 1)) return;
  if (key === "Enter" && inside.tagName === "BUTTON" || !Object.hasOwn(KEYS, key ?? "") || !article) return;
  event.preventDefault();
  KEYS[key][1]();
});

for (const [id, labels, key] of [["stances", STANCES, (k) => k], ["seconds", STANCES, (k) => k.toUpperCase()], ["sentiments", SENTIMENTS, (k) => k]]) {
  for (const [k, value] of Object.entries(labels)) {
    if (id === "seconds" && value === "other") continue;
    const button = element("button", { type: "button", className: id === "sentiments" ? "" : value }, value);
    button.dataset.value = value;
    $(id).append(keyed(button, key(k)));
  }
}
for (const button of document.querySelectorAll("button[data-key]:not([data-value])")) keyed(button, button.dataset.key);
$("key-list").append(...Object.entries(KEYS).flatMap(([key, [what]]) =>
  [element("dt", {}, element("kbd", {}, shownAs(key))), element("dd", {}, what)]));
$("speaker").addEventListener("focus", () => { if ($("speaker").value === "(not told)") $("speaker").value = ""; });
$("speaker").addEventListener("blur", showSpeaker);
$("speaker").addEventListener("change", () => {
  const name = $("speaker").value.trim();
  if (name === "(not told)") return;
  if (name !== (statement()?.speaker ?? "")) relabel("speaker", { speaker: name || null });
});
$("choice").addEventListener("change", () => queue(async () => { await open($("choice").value); await refresh(); $("choice").blur(); }));
$("text").addEventListener("click", (event) => {
  const mark = event.target.closest("mark");
  if (mark && getSelection().isCollapsed) queue(() => { current = Number(mark.dataset.number); show(false); });
});

queue(async () => {
  await refresh();
  const asked = decodeURIComponent(location.hash.slice(1));
  const first = all.articles.find((row) => row.id === asked) ?? all.articles.find((row) => !row.done) ?? all.articles[0];
  if (all.pair.length) await agreement();
  if (!first) return say(`Nothing to adjudicate yet: no article is done by both ${all.pair.join(" and ")}.`);
  await open(first.id);
  say(all.warning ?? (all.mode === "training" ? "Training: these labels are a model’s. Mend what is wrong; quoth eval will say that they were shown." : ""), Boolean(all.warning));
});
