// The map of a drive: north up, in metres; legs coloured by sol, stops as large as their pictures are many.

import { announce, between, canvas, colour, h, tooltip } from "./dom.js";
import { nearest } from "./path.js";
import { go, state } from "./state.js";
import { distance, elevation, plural, sols } from "./words.js";

const NICE = [1, 2, 5];

/** A length that is a round number and at most so long. */
export function roundLength(longest) {
  const power = 10 ** Math.floor(Math.log10(longest));
  return [...NICE].reverse().map((each) => each * power).find((each) => each <= longest) ?? power;
}

const within = (range, first, last) =>
  !range || ((range[1] === null || first <= range[1]) && (range[0] === null || last >= range[0]));

/** The lines of the tooltip of a stop. */
const described = (stop) => [
  `Site ${stop.site}, drive ${stop.drive}`, sols(stop.first_sol, stop.last_sol), plural(stop.pictures, "picture"),
  stop.distance_m !== null && `${distance(stop.distance_m)} driven`,
  stop.uncertainty_m > 0 && `within ${distance(stop.uncertainty_m)}`,
];

class View {
  // The centre in metres and the scale in pixels a metre.
  constructor(drive) { this.drive = drive; this.at = null; }

  fit(width, height) {
    const places = [...this.drive.points, ...this.drive.placed];
    if (!places.length) return { x: 0, y: 0, scale: 1 };
    const [xs, ys] = ["x", "y"].map((axis) => places.map((place) => place[axis]));
    const extent = (all) => [Math.min(...all), Math.max(...all)].map(Number);
    const [[west, east], [south, north]] = [extent(xs), extent(ys)];
    const scale = Math.min((width - 130) / Math.max(east - west, 20), (height - 150) / Math.max(north - south, 20));
    return { x: (west + east) / 2, y: (south + north) / 2, scale };
  }

  use(width, height) {
    const { x, y, scale } = this.at ?? this.fit(width, height);
    this.current = { x, y, scale, width, height };
    return (point) => [width / 2 + (point.x - x) * scale, height / 2 - (point.y - y) * scale];
  }

  metres(px, py) {
    const { x, y, scale, width, height } = this.current;
    return { x: x + (px - width / 2) / scale, y: y - (py - height / 2) / scale };
  }

  move(dx, dy) { const { x, y, scale } = this.current; this.at = { x: x - dx / scale, y: y + dy / scale, scale }; }

  zoom(factor, px, py) {
    const { x, y, scale, width, height } = this.current;
    const next = Math.min(200, Math.max(0.002, scale * factor)), held = this.metres(px ?? width / 2, py ?? height / 2);
    const share = scale / next;
    this.at = { x: held.x + (x - held.x) * share, y: held.y + (y - held.y) * share, scale: next };
  }
}

/** A faint grid of the length of the scale bar. */
function drawGrid(context, view, colours) {
  const step = roundLength(140 / view.scale), { width, height } = view;
  const [west, north] = [view.x - width / 2 / view.scale, view.y + height / 2 / view.scale];
  context.strokeStyle = colours.grid;
  context.lineWidth = 1;
  context.beginPath();
  for (let x = Math.ceil(west / step) * step; (x - west) * view.scale < width; x += step) {
    const px = Math.round((x - west) * view.scale) + 0.5;
    context.moveTo(px, 0);
    context.lineTo(px, height);
  }
  for (let y = Math.floor(north / step) * step; (north - y) * view.scale < height; y -= step) {
    const py = Math.round((north - y) * view.scale) + 0.5;
    context.moveTo(0, py);
    context.lineTo(width, py);
  }
  context.stroke();
}

function drawLegs(context, drive, place, range, [from, to]) {
  context.lineWidth = 2.2;
  context.lineJoin = context.lineCap = "round";
  const span = Math.max(1, drive.lastSol - drive.firstSol);
  for (const leg of drive.legs) {
    const sol = leg.sol ?? leg.last_sol ?? drive.firstSol;
    context.globalAlpha = within(range, leg.first_sol ?? sol, leg.last_sol ?? sol) ? 1 : 0.22;
    context.strokeStyle = between(from, to, (sol - drive.firstSol) / span);
    for (const line of leg.lines) {
      context.beginPath();
      line.forEach((point, at) => context[at ? "lineTo" : "moveTo"](...place(point)));
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

const radius = (stop) => 2.6 + Math.min(9, Math.sqrt(stop.pictures) * 0.32);

function drawStops(context, drive, place, view, colours) {
  for (const stop of [...drive.placed].sort((a, b) => b.pictures - a.pictures)) {
    const [x, y] = place(stop);
    if (x < -20 || y < -20 || x > view.width + 20 || y > view.height + 20) continue;
    context.globalAlpha = within(state().sols, stop.first_sol, stop.last_sol) ? 1 : 0.25;
    if (stop.uncertainty_m > 0) ring(context, x, y, Math.max(6, stop.uncertainty_m * view.scale), colours.accent, [3, 4]);
    context.beginPath();
    context.arc(x, y, radius(stop), 0, 2 * Math.PI);
    context.fillStyle = colours.accent;
    context.fill();
    context.lineWidth = 1.4;
    context.strokeStyle = colours.panel;
    context.stroke();
    if (stop.key === state().stop) ring(context, x, y, radius(stop) + 5, colours.text, []);
  }
  context.globalAlpha = 1;
}

function ring(context, x, y, size, style, dashes) {
  context.save();
  context.setLineDash(dashes);
  context.lineWidth = 2;
  context.strokeStyle = style;
  context.beginPath();
  context.arc(x, y, size, 0, 2 * Math.PI);
  context.stroke();
  context.restore();
}

function drawEnds(context, drive, place, colours) {
  const [first, last] = [drive.points[0], drive.points[drive.points.length - 1]];
  if (!first) return;
  context.font = colours.font;
  context.fillStyle = colours.text;
  const labelled = (point, text, below) => {
    const [x, y] = place(point);
    context.textAlign = "center";
    context.lineWidth = 4;
    context.strokeStyle = colours.panel;
    context.strokeText(text, x, y + (below ? 27 : -17));
    context.fillText(text, x, y + (below ? 27 : -17));
  };
  const south = place(first)[1] > place(last)[1];
  ring(context, ...place(first), 9, colours.quiet, []);
  labelled(first, "Landing", south);
  labelled(last, `Sol ${drive.lastSol}`, !south);
}

function drawScale(context, view, colours) {
  const metres = roundLength(140 / view.scale), length = metres * view.scale;
  context.strokeStyle = context.fillStyle = colours.quiet;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(18, view.height - 24);
  context.lineTo(18, view.height - 18);
  context.lineTo(18 + length, view.height - 18);
  context.lineTo(18 + length, view.height - 24);
  context.stroke();
  context.font = colours.font;
  context.textAlign = "left";
  context.fillText(metres < 1000 ? `${metres} m` : `${metres / 1000} km`, 24, view.height - 25);
}

/** The map; moving over it and over the profile says to `pointer` where along the path. */
export function driveMap(drive, rover, pointer) {
  const view = new View(drive), tip = tooltip();
  let hovered = null, timer = 0;
  const chart = canvas({
    class: "map", tabindex: "0", role: "application", "aria-label": `Map of the drive of ${rover.title}. `
      + "Arrow keys go from stop to stop, plus and minus zoom, 0 shows the whole drive.",
  }, (context, width, height) => {
    const place = view.use(width, height), element = chart.element;
    const named = Object.fromEntries(["accent", "ramp", "panel", "text", "quiet", "grid"].map((name) => [name, colour(element, `--${name}`)]));
    const colours = { ...named, font: `12px ${getComputedStyle(element).fontFamily}` };
    drawGrid(context, view.current, colours);
    drawLegs(context, drive, place, state().sols, [colours.ramp, colours.accent]);
    drawStops(context, drive, place, view.current, colours);
    drawEnds(context, drive, place, colours);
    drawScale(context, view.current, colours);
    if (hovered) ring(context, ...place(hovered), 6, colours.text, []);
  });
  const keep = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const at = view.at && [view.at.x, view.at.y, view.at.scale].map((value) => Number(value.toPrecision(6)));
      go({ map: at }, { quiet: true });
    }, 250);
  };
  const stopAt = (x, y) => {
    const place = view.use(chart.element.clientWidth, chart.element.clientHeight);
    const far = (stop) => { const [px, py] = place(stop); return Math.hypot(px - x, py - y) - radius(stop); };
    const found = nearest(drive.placed, far);
    return found && far(found) < 9 ? found : null;
  };
  pointer.addEventListener("along", (event) => { hovered = event.detail; chart.redraw(); });
  listen(chart, view, drive, { tip, stopAt, keep, pointer });
  const button = (text, label, action) => h("button", { type: "button", "aria-label": label, onclick: () => { action(); chart.redraw(); keep(); } }, text);
  const element = h("div", { class: "map-frame" }, chart.element, tip.element,
    h("div", { class: "map-north", "aria-hidden": "true" }, "N"),
    h("div", { class: "map-tools" }, button("+", "Zoom in", () => view.zoom(1.6)), button("−", "Zoom out", () => view.zoom(1 / 1.6)),
      button("◻", "Show the whole drive", () => { view.at = null; })),
    !drive.points.length && h("p", { class: "map-empty" }, "No path of this rover is published yet."));
  return {
    element,
    update: (next) => {
      const [x, y, scale] = next.map ?? [];
      view.at = next.map ? { x, y, scale } : null;
      chart.redraw();
    },
  };
}

function listen(chart, view, drive, { tip, stopAt, keep, pointer }) {
  const { element, redraw } = chart, held = new Map();
  let moved = false;
  const at = (event) => { const box = element.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  element.addEventListener("pointerdown", (event) => { held.set(event.pointerId, at(event)); moved = false; element.setPointerCapture(event.pointerId); });
  element.addEventListener("pointerup", (event) => {
    held.delete(event.pointerId);
    if (moved) return keep();
    const stop = stopAt(...at(event));
    if (stop) go({ stop: stop.key === state().stop ? null : stop.key });
  });
  element.addEventListener("pointercancel", (event) => held.delete(event.pointerId));
  element.addEventListener("pointermove", (event) => {
    const now = at(event), before = held.get(event.pointerId);
    if (!before) return hover(now);
    if (!moved && Math.hypot(now[0] - before[0], now[1] - before[1]) < 4) return;
    moved = true;
    tip.hide();
    const others = [...held].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    if (others.length) {
      const far = (place) => Math.hypot(place[0] - others[0][0], place[1] - others[0][1]);
      view.zoom(far(now) / Math.max(1, far(before)), ...others[0]);
    } else view.move(now[0] - before[0], now[1] - before[1]);
    held.set(event.pointerId, now);
    redraw();
  });
  element.addEventListener("pointerleave", () => { tip.hide(); pointer.dispatchEvent(new CustomEvent("along", { detail: null })); });
  element.addEventListener("wheel", (event) => {
    // Without Ctrl the page scrolls, as everywhere.
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    view.zoom(Math.exp(-event.deltaY / 300), ...at(event));
    redraw();
    keep();
  }, { passive: false });
  element.addEventListener("dblclick", (event) => { view.zoom(2, ...at(event)); redraw(); keep(); });
  element.addEventListener("keydown", (event) => onKey(event, chart, view, drive, keep));

  function hover([x, y]) {
    const stop = stopAt(x, y), here = view.metres(x, y);
    const point = nearest(drive.points, (each) => Math.hypot(each.x - here.x, each.y - here.y));
    const close = point && Math.hypot(point.x - here.x, point.y - here.y) * view.current.scale < 12;
    element.style.cursor = stop ? "pointer" : "grab";
    if (stop) tip.at(x, y, described(stop));
    else if (close) tip.at(x, y, `Sol ${point.sol ?? "unknown"}`, `${distance(point.along)} along the path`, point.z !== null && `elevation ${elevation(point.z)}`);
    else tip.hide();
    pointer.dispatchEvent(new CustomEvent("along", { detail: close ? point : null }));
  }
}

function onKey(event, chart, view, drive, keep) {
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in steps && drive.stops.length) {
    event.preventDefault();
    const at = drive.stops.findIndex((stop) => stop.key === state().stop);
    const next = drive.stops[at < 0 ? drive.stops.length - 1 : (at + steps[event.key] + drive.stops.length) % drive.stops.length];
    announce(described(next).filter(Boolean).join(", "));
    go({ stop: next.key }, { quiet: true });
  } else if (event.key === "+" || event.key === "=") { view.zoom(1.6); keep(); }
  else if (event.key === "-") { view.zoom(1 / 1.6); keep(); }
  else if (event.key === "0") { view.at = null; keep(); }
  chart.redraw();
}
