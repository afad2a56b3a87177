// Sols across, local mean solar time up: when pictures were taken; below it drives, pauses, and sols that lack photos.

import { announce, canvas, colour, h, tooltip } from "./dom.js";
import { table } from "./data.js";
import { go, state } from "./state.js";
import { day, distance, number, plural } from "./words.js";

const LEFT = 56,
  RIGHT = 18,
  TOP = 10,
  ROWS = 48;
// Below the map: how high a drive is, and a strip of pauses or gaps; between them the space; the numbers of sols.
const BARS = 28,
  STRIP = 10,
  SPACE = 12,
  AXIS = 26;
const BOTTOM = BARS + 2 * STRIP + 4 * SPACE + AXIS;

function facts(found) {
  const bySol = new Map(table(found.sols).map((row) => [row.sol, row]));
  const gaps = new Map();
  for (const gap of table(found.gaps))
    if (gap.reason !== "expected_gap") gaps.set(gap.sol, [...(gaps.get(gap.sol) ?? []), gap]);
  const cameras = new Map(table(found.cameras).map((each) => [each.camera, new Set(each.sols)]));
  return { bySol, gaps, cameras, pauses: table(found.pauses), cells: table(found.cells) };
}

/** The heat map of what sols.json holds of a rover. */
export function heatMap(found, rover) {
  const held = facts(found),
    tip = tooltip();
  const first = rover.first_sol,
    last = Math.max(rover.last_sol ?? first, first + 10),
    count = last - first + 1;
  held.pauses = held.pauses.filter((pause) => pause.first_sol <= last);
  let cursor = null,
    dragged = null,
    width = 1;
  const chart = canvas(
    {
      class: "heat",
      tabindex: "0",
      role: "application",
      "aria-label":
        "Heat map of sols and local time. Left and right go from sol to sol, with Shift they choose a range, " +
        "Enter chooses the sol, Escape all sols.",
    },
    (context, wide, height) => {
      width = wide;
      const scale = (wide - LEFT - RIGHT) / count,
        top = height - BOTTOM;
      const names = ["accent", "quiet", "line", "text", "panel", "warn", "pause", "day"];
      const colours = Object.fromEntries(names.map((name) => [name, colour(chart.element, `--${name}`)]));
      context.font = `11px ${getComputedStyle(chart.element).fontFamily}`;
      const x = (sol) => LEFT + (sol - first) * scale;
      drawGrid(context, wide, top, colours, x, first, last);
      drawCells(context, held, top, x, scale, colours);
      drawStrips(context, held, top, x, scale, colours, wide, last);
      const range = dragged ?? state().sols;
      if (range) drawRange(context, range, top, x, scale, colours, first, last);
      if (cursor !== null) drawCursor(context, x(cursor), Math.max(scale, 2), height - AXIS, colours);
    },
  );
  const solAt = (event) => {
    const px = event.clientX - chart.element.getBoundingClientRect().left;
    return Math.min(last, Math.max(first, first + Math.floor(((px - LEFT) / (width - LEFT - RIGHT)) * count)));
  };
  const choose = (range) => go({ sols: range, stop: null });
  listen(chart, {
    tip,
    solAt,
    choose,
    describe: (sol) => described(sol, held, rover),
    first,
    last,
    get: () => ({ cursor, dragged }),
    set: (next) => {
      ({ cursor, dragged } = { cursor, dragged, ...next });
      chart.redraw();
    },
  });
  const key = (name, text) => h("span", {}, h("i", { class: `key ${name}`, "aria-hidden": "true" }), text);
  const element = h(
    "div",
    { class: "heat-frame" },
    chart.element,
    tip.element,
    h(
      "p",
      { class: "legend" },
      key("photos", "pictures in half an hour"),
      key("drove", "driven"),
      key("paused", "no pictures expected"),
      key("lacking", "photos missing here"),
    ),
  );
  return { element, update: chart.redraw };
}

function described(sol, { bySol, gaps, pauses }, rover) {
  const row = bySol.get(sol);
  const pause = pauses.find((each) => each.first_sol <= sol && sol <= each.last_sol);
  return [
    `Sol ${sol}`,
    row?.earth_date && day(row.earth_date),
    row?.photos ? `${plural(row.photos, "photo")}, ${plural(row.cameras, "camera")}` : "no photos",
    row?.distance_m ? `${distance(row.distance_m)} driven` : null,
    pause && `expected pause: ${pause.reason}`,
    ...(gaps.get(sol) ?? []).map(
      (gap) => `${gap.source}: ${number(gap.found)} of ${number(gap.expected)} (${gap.reason.replaceAll("_", " ")})`,
    ),
    sol === rover.last_sol && "the latest sol held",
  ];
}

function drawGrid(context, width, top, colours, x, first, last) {
  context.fillStyle = colours.day;
  context.fillRect(LEFT, TOP + (top - TOP) / 4, width - LEFT - RIGHT, (top - TOP) / 2);
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.fillStyle = colours.quiet;
  context.textAlign = "right";
  for (const hour of [0, 6, 12, 18, 24]) {
    const y = top - (hour / 24) * (top - TOP);
    context.beginPath();
    context.moveTo(LEFT, y);
    context.lineTo(width - RIGHT, y);
    context.stroke();
    context.fillText(`${String(hour).padStart(2, "0")}:00`, LEFT - 8, y + 4);
  }
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
  const step = steps.find((each) => (last - first) / each <= (width - LEFT - RIGHT) / 70) ?? 2000;
  context.textAlign = "center";
  for (let sol = Math.ceil(first / step) * step; sol <= last; sol += step) {
    context.fillText(String(sol), (x(sol) + x(sol + 1)) / 2, top + BOTTOM - 6);
  }
}

function drawCells(context, { cells, cameras }, top, x, scale, colours) {
  // Sols on which the chosen camera took none step back.
  const chosen = state().camera ? (cameras.get(state().camera) ?? new Set()) : null;
  const row = (top - TOP) / ROWS,
    wide = Math.max(scale - (scale > 6 ? 1 : 0), 1);
  const most = Math.log1p(cells.reduce((high, cell) => Math.max(high, cell.pictures), 1));
  context.fillStyle = colours.accent;
  for (const cell of cells) {
    const strength = 0.25 + 0.75 * (Math.log1p(cell.pictures) / most);
    context.globalAlpha = chosen && !chosen.has(cell.sol) ? strength * 0.2 : strength;
    context.fillRect(x(cell.sol), top - (cell.half_hour + 1) * row, wide, Math.max(row - (row > 4 ? 0.75 : 0), 1));
  }
  context.globalAlpha = 1;
}

function drawStrips(context, { bySol, gaps, pauses }, top, x, scale, colours, width, last) {
  const wide = Math.max(scale - (scale > 6 ? 1 : 0), 1),
    base = top + SPACE + BARS;
  const strip = (at) => base + SPACE + at * (STRIP + SPACE);
  context.textAlign = "right";
  context.fillStyle = colours.quiet;
  [
    ["driven", base - BARS / 2],
    ["pause", strip(0) + STRIP / 2],
    ["missing", strip(1) + STRIP / 2],
  ].forEach(([name, y]) => context.fillText(name, LEFT - 8, y + 4));
  const farthest = [...bySol.values()].reduce((high, row) => Math.max(high, row.distance_m ?? 0), 1);
  context.fillStyle = colours.accent;
  for (const row of bySol.values()) {
    if (!row.distance_m) continue;
    const high = Math.max(2, (row.distance_m / farthest) * BARS);
    context.fillRect(x(row.sol), base - high, wide, high);
  }
  context.fillStyle = colours.line;
  for (const y of [base, strip(0) + STRIP / 2, strip(1) + STRIP / 2]) context.fillRect(LEFT, y, width - LEFT - RIGHT, 1);
  context.fillStyle = colours.pause;
  for (const pause of pauses) {
    const [from, to] = [x(pause.first_sol), x(Math.min(pause.last_sol, last) + 1)];
    context.fillRect(from, strip(0), Math.max(to - from - (scale > 6 ? 1 : 0), 2), STRIP);
  }
  context.fillStyle = colours.warn;
  for (const sol of gaps.keys()) context.fillRect(x(sol), strip(1), Math.max(wide, 2), STRIP);
}

function drawRange(context, [from, to], top, x, scale, colours, first, last) {
  const [left, right] = [x(Math.max(from ?? first, first)), x(Math.min(to ?? last, last) + 1)];
  context.fillStyle = colours.panel;
  context.globalAlpha = 0.62;
  context.fillRect(LEFT, TOP, left - LEFT, top + BOTTOM - AXIS - TOP);
  context.fillRect(right, TOP, x(last + 1) - right, top + BOTTOM - AXIS - TOP);
  context.globalAlpha = 1;
  context.strokeStyle = colours.text;
  context.lineWidth = 1.5;
  context.strokeRect(left - 0.5, TOP - 1, Math.max(right - left, 2), top + BOTTOM - AXIS - TOP + 1);
}

function drawCursor(context, x, wide, bottom, colours) {
  context.strokeStyle = colours.quiet;
  context.lineWidth = 1;
  context.strokeRect(x - 0.5, TOP, wide, bottom - TOP);
}

function listen({ element }, chart) {
  const { tip, solAt, choose, describe, first, last, get, set } = chart;
  let from = null;
  element.addEventListener("pointerdown", (event) => {
    from = solAt(event);
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    const sol = solAt(event),
      box = element.getBoundingClientRect();
    tip.at(event.clientX - box.left, event.clientY - box.top, describe(sol));
    set({ cursor: sol, dragged: from === null ? null : [Math.min(from, sol), Math.max(from, sol)] });
  });
  element.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const sol = solAt(event),
      range = [Math.min(from, sol), Math.max(from, sol)],
      before = state().sols;
    from = null;
    set({ dragged: null });
    // A click on what is chosen already takes it back.
    choose(before && String(before) === String(range) ? null : range);
  });
  element.addEventListener("pointercancel", () => {
    from = null;
    set({ dragged: null });
  });
  element.addEventListener("pointerleave", () => {
    tip.hide();
    if (from === null) set({ cursor: null });
  });
  element.addEventListener("blur", () => {
    tip.hide();
    set({ cursor: null });
  });
  element.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -50, PageDown: 50, Home: -Infinity, End: Infinity }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const now = get().cursor ?? state().sols?.[1] ?? last,
        sol = Math.min(last, Math.max(first, now + step));
      if (event.shiftKey) {
        from ??= now;
        set({ cursor: sol, dragged: [Math.min(from, sol), Math.max(from, sol)] });
      } else {
        from = null;
        set({ cursor: sol, dragged: null });
      }
      announce(describe(sol).filter(Boolean).join(", "));
    } else if (event.key === "Enter") {
      choose(get().dragged ?? (get().cursor === null ? null : [get().cursor, get().cursor]));
      from = null;
      set({ dragged: null });
    } else if (event.key === "Escape") {
      from = null;
      set({ dragged: null });
      choose(null);
    }
  });
}
