// How a drive is drawn: legs coloured by sol, stops as large as their pictures are many, and the window upon them.

import { between } from "./dom.js";
import { state } from "./state.js";

const NICE = [1, 2, 5];

/** A length that is a round number and at most so long. */
export function roundLength(longest) {
  const power = 10 ** Math.floor(Math.log10(longest));
  return (
    [...NICE]
      .reverse()
      .map((each) => each * power)
      .find((each) => each <= longest) ?? power
  );
}

const within = (range, first, last) =>
  !range || ((range[1] === null || first <= range[1]) && (range[0] === null || last >= range[0]));

/** The window: its centre in metres and its scale in pixels a metre; `at` is null while the whole drive is shown. */
export class View {
  constructor(drive) {
    this.drive = drive;
    this.at = null;
  }

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

  move(dx, dy) {
    const { x, y, scale } = this.current;
    this.at = { x: x - dx / scale, y: y + dy / scale, scale };
  }

  zoom(factor, px, py) {
    const { x, y, scale, width, height } = this.current;
    const next = Math.min(200, Math.max(0.002, scale * factor)),
      held = this.metres(px ?? width / 2, py ?? height / 2);
    const share = scale / next;
    this.at = { x: held.x + (x - held.x) * share, y: held.y + (y - held.y) * share, scale: next };
  }
}

/** A faint grid of the length of the scale bar. */
function drawGrid(context, view, colours) {
  const step = roundLength(140 / view.scale),
    { width, height } = view;
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

/** Of a stop in pixels, in a window: smaller where stops would hide each other. */
export const radius = (stop, view, drive) => sized(stop) * crowded(view, drive);

const sized = (stop) => 2.6 + Math.min(9, Math.sqrt(stop.pictures) * 0.32);

function crowded(view, drive) {
  const apart = (drive.length * view.scale) / Math.max(1, drive.placed.length);
  return Math.min(1, Math.max(0.4, apart / 14));
}

function drawStops(context, drive, place, view, colours) {
  for (const stop of [...drive.placed].sort((a, b) => b.pictures - a.pictures)) {
    const [x, y] = place(stop);
    if (x < -20 || y < -20 || x > view.width + 20 || y > view.height + 20) continue;
    context.globalAlpha = within(state().sols, stop.first_sol, stop.last_sol) ? 1 : 0.25;
    if (stop.uncertainty_m > 0) ring(context, x, y, Math.max(6, stop.uncertainty_m * view.scale), colours.accent, [3, 4]);
    context.beginPath();
    context.arc(x, y, radius(stop, view, drive), 0, 2 * Math.PI);
    context.fillStyle = colours.accent;
    context.fill();
    context.lineWidth = 1.4;
    context.strokeStyle = colours.panel;
    context.stroke();
  }
  context.globalAlpha = 1;
  const chosen = drive.stopOf(state().stop);
  if (chosen?.placed) ring(context, ...place(chosen), radius(chosen, view, drive) + 5, colours.text, []);
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
  const metres = roundLength(140 / view.scale),
    length = metres * view.scale;
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

/** Draw everything; `hovered` is the point that the pointer is on, or null. */
export function drawMap(context, drive, view, place, colours, hovered) {
  drawGrid(context, view, colours);
  drawLegs(context, drive, place, state().sols, [colours.ramp, colours.accent]);
  drawStops(context, drive, place, view, colours);
  drawEnds(context, drive, place, colours);
  drawScale(context, view, colours);
  if (hovered) ring(context, ...place(hovered), 6, colours.text, []);
}
