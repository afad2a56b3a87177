// What is shown stands in the address, all of it: a link restores the view, and so does the browser's back.

const TEXT = (text) => text || null;
const FLAG = (text) => text === "1" || null;

/** `a..b`, where one side may be missing: of numbers, or of times of day in minutes. */
function range(read) {
  return (text) => {
    const sides = (text ?? "").split("..");
    const [from, to] = sides.length === 1 ? [sides[0], sides[0]] : sides;
    const values = [from, to].map((side) => (side === "" || side === undefined ? null : read(side)));
    return values.some((value) => value !== null && !Number.isNaN(value)) && !values.some(Number.isNaN) ? values : null;
  };
}

const minutes = (text) => {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text);
  return found ? Number(found[1]) * 60 + Number(found[2]) : NaN;
};
const clock = (value) => `${String(Math.floor(value / 60)).padStart(2, "0")}:${String(value % 60).padStart(2, "0")}`;
const sides = (write) => (values) => values.map((value) => (value === null ? "" : write(value))).join("..");
const whole = (text) => (/^\d+$/.test(text) ? Number(text) : NaN);

// Name in the address -> how it is read, and how it is written.
const FIELDS = {
  rover: [TEXT, String],
  sols: [range(whole), sides(String)],
  camera: [TEXT, String],
  role: [TEXT, String],
  lmst: [range(minutes), sides(clock)],
  sun: [range(Number), sides(String)],
  looking: [range(Number), sides(String)],
  type: [TEXT, String],
  color: [TEXT, String],
  thumbnails: [FLAG, () => "1"],
  order: [(text) => (text === "oldest" ? text : null), String],
  stop: [(text) => (/^\d+\.\d+$/.test(text ?? "") ? text : null), String],
  photo: [(text) => (/^\d+\|[^|]+\|.+$/.test(text ?? "") ? text : null), String],
  map: [
    (text) => {
      const at = (text ?? "").split(",").map(Number);
      return at.length === 3 && at.every(Number.isFinite) ? at : null;
    },
    (at) => at.join(","),
  ],
  pictures: [FLAG, () => "1"],
};

/** The names of what filters photos. */
export const FILTERS = ["sols", "camera", "role", "lmst", "sun", "looking", "type", "color", "thumbnails", "stop"];

/** The view that an address describes; null for what it does not say, and for what cannot be read. */
export function read(search) {
  const parameters = new URLSearchParams(search);
  return Object.fromEntries(Object.entries(FIELDS).map(([name, [reading]]) => [name, reading(parameters.get(name))]));
}

/** The address of a view. */
export function write(view) {
  const parameters = new URLSearchParams();
  for (const [name, [, writing]] of Object.entries(FIELDS)) {
    if (view[name] !== null && view[name] !== undefined) parameters.set(name, writing(view[name]));
  }
  // These characters need no code in a query, and an address is read by people too.
  return `?${parameters.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%7C", "|")}`;
}

export const formatRange = (name, values) => (values ? FIELDS[name][1](values) : "");
export const parseRange = (name, text) => FIELDS[name][0](text);

const listeners = new Set();
let current = read(location.search);

export const state = () => current;
export const onChange = (listener) => listeners.add(listener);

/** The address of this view with changes; of another rover nothing else is kept but whether pictures are shown. */
export const link = (changes) => write(changed(changes));

function changed(changes) {
  const kept = "rover" in changes && changes.rover !== current.rover ? { ...read(""), pictures: current.pictures } : current;
  return { ...kept, ...changes };
}

/** Show something else; `quiet` leaves no step in the history. */
export function go(changes, { quiet = false } = {}) {
  const before = current;
  current = changed(changes);
  history[quiet ? "replaceState" : "pushState"](null, "", write(current));
  for (const listener of listeners) listener(current, before);
}

window.addEventListener("popstate", () => {
  const before = current;
  current = read(location.search);
  for (const listener of listeners) listener(current, before);
});

// Links within the page are followed here; with Ctrl and the like the browser does it.
document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[href^='?']");
  if (!anchor || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
  event.preventDefault();
  const before = current;
  current = read(anchor.search);
  history.pushState(null, "", anchor.getAttribute("href"));
  for (const listener of listeners) listener(current, before);
});
