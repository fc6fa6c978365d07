"use strict";

// The state of a sheet: a verdict or null for each annotation, where we are, and what
// was done, so that it can be undone. These functions know nothing of the page.
const VERDICTS = ["yes", "no", "unsure"];
const NAMES = { yes: "sensible", no: "not sensible", unsure: "can’t tell" };

function begin(n, kept) {
  const verdicts = Array.from({ length: n }, (_, i) =>
    Array.isArray(kept) && VERDICTS.includes(kept[i]) ? kept[i] : null
  );
  return { verdicts, at: Math.max(verdicts.indexOf(null), 0), past: [] };
}

function nextOpen(state) {
  const n = state.verdicts.length;
  for (let step = 1; step <= n; step++) {
    const i = (state.at + step) % n;
    if (state.verdicts[i] === null) return { ...state, at: i };
  }
  return state;
}

function give(state, verdict) {
  const verdicts = state.verdicts.slice();
  const past = [...state.past, { at: state.at, verdict: verdicts[state.at] }];
  verdicts[state.at] = verdict;
  return nextOpen({ verdicts, at: state.at, past });
}

function undo(state) {
  if (!state.past.length) return state;
  const last = state.past[state.past.length - 1];
  const verdicts = state.verdicts.slice();
  verdicts[last.at] = last.verdict;
  return { verdicts, at: last.at, past: state.past.slice(0, -1) };
}

function move(state, step) {
  const last = state.verdicts.length - 1;
  return { ...state, at: Math.min(Math.max(state.at + step, 0), last) };
}

function count(state) {
  const counts = { yes: 0, no: 0, unsure: 0, open: 0 };
  for (const verdict of state.verdicts) counts[verdict ?? "open"]++;
  return counts;
}

function toFile(data, state) {
  const verdicts = data.checks.map(({ shown, ...check }, i) => ({
    ...check,
    verdict: state.verdicts[i],
  }));
  const { checks, ...head } = data;
  return JSON.stringify({ ...head, verdicts }, null, 1) + "\n";
}

const KEYS = {
  y: "yes", n: "no", "?": "unsure", u: "undo", o: "open", s: "save",
  ArrowLeft: "back", ArrowRight: "next", ArrowUp: "back", ArrowDown: "next",
};
const ACTIONS = {
  yes: (state) => give(state, "yes"),
  no: (state) => give(state, "no"),
  unsure: (state) => give(state, "unsure"),
  undo,
  open: nextOpen,
  back: (state) => move(state, -1),
  next: (state) => move(state, 1),
};

// Some browsers keep nothing for files, or not in private windows
function openStore(key) {
  try {
    localStorage.setItem(key + "-test", "1");
    localStorage.removeItem(key + "-test");
    return {
      read: () => JSON.parse(localStorage.getItem(key) || "null"),
      write: (value) => localStorage.setItem(key, JSON.stringify(value)),
    };
  } catch (error) {
    return null;
  }
}

function show(data, state) {
  const set = (id, text) => { document.getElementById(id).textContent = text; };
  const { shown, id } = data.checks[state.at];
  for (const part of ["before", "mention", "after", "concept"]) set(part, shown[part]);
  set("description", shown.description || "–");
  const verdict = state.verdicts[state.at];
  set("verdict", verdict ? NAMES[verdict] : "open");
  document.getElementById("card").className = verdict || "";
  set("place", `${state.at + 1} of ${data.checks.length} · ${id}`);
  const counts = count(state);
  const done = data.checks.length - counts.open;
  const judged = counts.yes + counts.no;
  const share = judged ? `, ${((100 * counts.yes) / judged).toFixed(0)} % sensible` : "";
  set("counts", `${done} checked: ${counts.yes} sensible, ${counts.no} not, ` +
    `${counts.unsure} can’t tell; ${counts.open} open${share}`);
  const bar = document.getElementById("bar");
  bar.setAttribute("aria-valuenow", done);
  bar.firstElementChild.style.width = `${(100 * done) / data.checks.length}%`;
  document.getElementById("mention").scrollIntoView({ block: "nearest" });
}

function save(data, state) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([toFile(data, state)], { type: "application/json" }));
  link.download = `verdicts-${data.sheet}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function run() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const store = openStore(`spacy-nuner-check-${data.sheet}`);
  let kept = null;
  try { kept = store && store.read(); } catch (error) { kept = null; }
  let state = begin(data.checks.length, kept);
  let saved = true;
  const note = document.getElementById("note");
  if (!store) note.textContent = "This browser keeps nothing for this page: save the verdicts before you leave.";

  function act(name) {
    if (name === "save") {
      save(data, state);
      saved = true;
      return;
    }
    const before = state.verdicts;
    state = ACTIONS[name](state);
    if (state.verdicts !== before) {
      saved = false;
      try {
        if (store) store.write(state.verdicts);
      } catch (error) {
        note.textContent = "The verdicts could not be kept in this browser: save them.";
      }
    }
    show(data, state);
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!name) return;
    event.preventDefault();
    act(name);
  });
  document.getElementById("buttons").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    act(button.dataset.do);
    button.blur();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!saved && !store) event.preventDefault();
  });
  show(data, state);
}

if (typeof document !== "undefined") run();
if (typeof module !== "undefined") module.exports = { begin, nextOpen, give, undo, move, count, toFile };
