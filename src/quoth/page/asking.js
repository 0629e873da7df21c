// What annotators ask by keys, and what the page asks of quoth.

export async function ask(path, body) {
  const posted = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, body === undefined ? {} : posted);
  } catch {
    throw new Error("Not saved: quoth does not answer. Start it again with the same command; all that was saved is there.");
  }
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status });
  return answer;
}

export function keyOf(event) {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  if (digit && !event.shiftKey) return digit[1];
  if (event.key.startsWith("Arrow") && event.shiftKey) return { ArrowRight: "Shift+→", ArrowLeft: "Shift+←" }[event.key];
  if (/^[a-z]$/i.test(event.key)) return event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase();
  return event.key === "Backspace" ? "Delete" : event.key;
}

const SHOWN = { ArrowRight: "→", ArrowLeft: "←", Delete: "Del" };
export const shownAs = (key) => SHOWN[key] ?? (/^[A-Z]$/.test(key) ? `Shift+${key}` : key);
