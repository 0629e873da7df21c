// What two annotators say of one statement, and how far they agree over all.

import { element } from "./marks.js";

export const UNKNOWN = "?";
const FIELDS = { kind: "kind", stance: "stance", stance2: "second", sentiment: "sentiment", speaker: "speaker", target: "target" };

// A table of both annotators' labels; what differs stands out, in words too.
export function sideBySide(pair, [a, b]) {
  const told = (labels, name) => (labels[name] === UNKNOWN ? "not told" : labels[name] ?? "–");
  const cell = (labels, name) => element("td", { dir: "auto" }, labels ? told(labels, name) : "not marked");
  const rows = Object.entries(FIELDS).map(([name, shown]) => {
    const differs = pair.differing.includes(name) || pair.differing.includes("marked");
    return element("tr", { className: differs ? "differs" : "" },
      element("th", { scope: "row" }, differs ? `${shown} ≠` : shown), cell(pair.a, name), cell(pair.b, name));
  });
  const head = element("tr", {}, element("td"), element("th", { scope: "col" }, a), element("th", { scope: "col" }, b));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

export function showAgreement(section, found) {
  const figure = ({ value, low, high }) => (value === null ? "–" : `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`);
  const said = section.querySelector("p"), table = section.querySelector("table");
  section.hidden = false;
  if (!found.fields) {
    said.textContent = "None yet: the two share no article that both have done.";
    return;
  }
  const alone = Object.entries(found.alone).map(([who, n]) => `${n} only by ${who}`).join(", ");
  said.textContent = `${found.articles} articles done by both; ${found.both} statements marked by both, ${alone}. Brackets: 95 % over articles.`;
  const head = ["label", "n", "Krippendorff’s alpha", "Cohen’s kappa", "equal"].map((name) => element("th", { scope: "col" }, name));
  const rows = Object.entries(found.fields).map(([name, of]) => element("tr", {}, element("th", { scope: "row" }, name),
    ...[String(of.n), figure(of.alpha), figure(of.kappa), figure(of.raw)].map((cell) => element("td", {}, cell))));
  table.replaceChildren(element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
}
