// Below the map: elevation along the path; for a rover without elevations, how far it had driven on which sol.

import { canvas, colour, h, tooltip } from "./dom.js";
import { roundLength } from "./drawing.js";
import { nearest } from "./path.js";
import { state } from "./state.js";
import { distance, elevation } from "./words.js";

const LEFT = 66,
  RIGHT = 18,
  TOP = 14,
  BOTTOM = 24;

/** What is drawn: across and up of each point, and how both are written. */
function axes(drive) {
  if (drive.hasHeights) {
    return {
      points: drive.points.filter((point) => point.z !== null),
      across: (point) => point.along,
      up: (point) => point.z,
      bottom: (value) => (value < 1000 ? `${value} m` : `${Number((value / 1000).toPrecision(6))} km`),
      side: (value) => elevation(value),
      name: "Elevation along the path",
    };
  }
  return {
    points: drive.points.filter((point) => point.sol !== null),
    across: (point) => point.sol,
    up: (point) => point.along,
    bottom: (value) => `sol ${value.toFixed(0)}`,
    side: (value) => distance(value),
    name: "Distance driven by sol",
  };
}

function ticks(from, to, most) {
  const step = roundLength(Math.max((to - from) / most, 1e-9) * 2.5);
  const found = [];
  for (let value = Math.ceil(from / step) * step; value <= to; value += step) found.push(value + 0); // never minus nought
  return found;
}

/** The profile; it and the map show each other's place through `pointer`. */
export function profile(drive, pointer) {
  const shown = axes(drive),
    tip = tooltip();
  let hovered = null,
    place = null;
  const chart = canvas(
    { class: "profile", role: "img", "aria-label": `${shown.name}, ${distance(drive.length)} in all` },
    (context, width, height) => {
      if (shown.points.length < 2) return;
      const element = chart.element;
      const [accent, quiet, line, text] = ["accent", "quiet", "line", "text"].map((name) => colour(element, `--${name}`));
      const xs = shown.points.map(shown.across),
        ys = shown.points.map(shown.up);
      const low = ys.reduce((a, b) => Math.min(a, b)),
        high = ys.reduce((a, b) => Math.max(a, b));
      const pad = Math.max((high - low) * 0.12, 0.5);
      const box = { left: xs[0], right: Math.max(xs[xs.length - 1], xs[0] + 1), low: low - pad, high: high + pad };
      place = (point) => [
        LEFT + ((shown.across(point) - box.left) / (box.right - box.left)) * (width - LEFT - RIGHT),
        height - BOTTOM - ((shown.up(point) - box.low) / (box.high - box.low)) * (height - TOP - BOTTOM),
      ];
      context.font = `11px ${getComputedStyle(element).fontFamily}`;
      drawAxes(context, width, height, box, shown, { quiet, line });
      drawLine(context, height, shown.points, place, accent);
      const mark = hovered ?? stopPoint(drive, shown);
      if (mark) drawMark(context, place(mark), height, text);
    },
  );
  const element = h("div", { class: "profile-frame" }, h("p", { class: "label" }, shown.name), chart.element, tip.element);
  element.hidden = shown.points.length < 2;
  chart.element.addEventListener("pointermove", (event) => {
    if (!place) return;
    const x = event.clientX - chart.element.getBoundingClientRect().left;
    const point = nearest(shown.points, (each) => Math.abs(place(each)[0] - x));
    tip.at(
      ...place(point),
      `Sol ${point.sol ?? "unknown"}`,
      `${distance(point.along)} along the path`,
      point.z !== null && `elevation ${elevation(point.z, 1)}`,
    );
    pointer.dispatchEvent(new CustomEvent("along", { detail: point }));
  });
  chart.element.addEventListener("pointerleave", () => {
    tip.hide();
    pointer.dispatchEvent(new CustomEvent("along", { detail: null }));
  });
  pointer.addEventListener("along", (event) => {
    hovered = event.detail;
    chart.redraw();
  });
  return { element, update: chart.redraw };
}

/** Where the chosen stop lies along the path. */
function stopPoint(drive, shown) {
  const stop = drive.stopOf(state().stop);
  return stop?.placed ? nearest(shown.points, (point) => Math.hypot(point.x - stop.x, point.y - stop.y)) : null;
}

function drawAxes(context, width, height, box, shown, { quiet, line }) {
  context.fillStyle = quiet;
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.textAlign = "right";
  for (const value of ticks(box.low, box.high, 4)) {
    const y = height - BOTTOM - ((value - box.low) / (box.high - box.low)) * (height - TOP - BOTTOM);
    context.beginPath();
    context.moveTo(LEFT, y);
    context.lineTo(width - RIGHT, y);
    context.stroke();
    context.fillText(shown.side(value), LEFT - 8, y + 4);
  }
  context.textAlign = "center";
  for (const value of ticks(box.left, box.right, width / 130)) {
    const x = LEFT + ((value - box.left) / (box.right - box.left)) * (width - LEFT - RIGHT);
    context.fillText(shown.bottom(value), Math.min(x, width - RIGHT - 12), height - 6);
  }
}

function drawLine(context, height, points, place, accent) {
  const drawn = new Path2D();
  points.forEach((point, at) => drawn[at ? "lineTo" : "moveTo"](...place(point)));
  const area = new Path2D(drawn);
  area.lineTo(place(points[points.length - 1])[0], height - BOTTOM);
  area.lineTo(place(points[0])[0], height - BOTTOM);
  context.globalAlpha = 0.14;
  context.fillStyle = accent;
  context.fill(area);
  context.globalAlpha = 1;
  context.strokeStyle = accent;
  context.lineWidth = 1.8;
  context.lineJoin = "round";
  context.stroke(drawn);
}

function drawMark(context, [x, y], height, style) {
  context.strokeStyle = context.fillStyle = style;
  context.lineWidth = 1;
  context.globalAlpha = 0.5;
  context.beginPath();
  context.moveTo(x, TOP);
  context.lineTo(x, height - BOTTOM);
  context.stroke();
  context.globalAlpha = 1;
  context.beginPath();
  context.arc(x, y, 4, 0, 2 * Math.PI);
  context.fill();
}
