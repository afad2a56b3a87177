// The map of a drive, north up, in metres: what it shows of the pointer, and what mouse, fingers and keys do.

import { announce, canvas, colour, h, tooltip } from "./dom.js";
import { drawMap, radius, View } from "./drawing.js";
import { nearest } from "./path.js";
import { go, state } from "./state.js";
import { distance, elevation, plural, sols } from "./words.js";

/** The lines of the tooltip of a stop. */
const described = (stop) => [
  `Site ${stop.site}, drive ${stop.drive}`,
  sols(stop.first_sol, stop.last_sol),
  plural(stop.pictures, "picture"),
  stop.distance_m !== null && `${distance(stop.distance_m)} driven`,
  stop.uncertainty_m > 0 && `within ${distance(stop.uncertainty_m)}`,
];

/** The map; moving over it and over the profile says to `pointer` where along the path. */
export function driveMap(drive, rover, pointer) {
  const view = new View(drive),
    tip = tooltip();
  let hovered = null,
    timer = 0;
  const chart = canvas(
    {
      class: "map",
      tabindex: "0",
      role: "application",
      "aria-label":
        `Map of the drive of ${rover.title}. ` +
        "Arrow keys go from stop to stop, plus and minus zoom, 0 shows the whole drive.",
    },
    (context, width, height) => {
      const place = view.use(width, height),
        element = chart.element;
      const named = Object.fromEntries(
        ["accent", "ramp", "panel", "text", "quiet", "grid"].map((name) => [name, colour(element, `--${name}`)]),
      );
      const colours = { ...named, font: `12px ${getComputedStyle(element).fontFamily}` };
      drawMap(context, drive, view.current, place, colours, hovered);
    },
  );
  const keep = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const at = view.at && [view.at.x, view.at.y, view.at.scale].map((value) => Number(value.toPrecision(6)));
      go({ map: at }, { quiet: true });
    }, 250);
  };
  const stopAt = (x, y) => {
    const place = view.use(chart.element.clientWidth, chart.element.clientHeight);
    const far = (stop) => {
      const [px, py] = place(stop);
      return Math.hypot(px - x, py - y) - radius(stop, view.current, drive);
    };
    const found = nearest(drive.placed, far);
    return found && far(found) < 9 ? found : null;
  };
  pointer.addEventListener("along", (event) => {
    hovered = event.detail;
    chart.redraw();
  });
  listen(chart, view, drive, { tip, stopAt, keep, pointer });
  const button = (text, label, action) =>
    h(
      "button",
      {
        type: "button",
        "aria-label": label,
        onclick: () => {
          action();
          chart.redraw();
          keep();
        },
      },
      text,
    );
  const element = h(
    "div",
    { class: "map-frame" },
    chart.element,
    tip.element,
    h("div", { class: "map-north", "aria-hidden": "true" }, "N"),
    h(
      "div",
      { class: "map-tools" },
      button("+", "Zoom in", () => view.zoom(1.6)),
      button("−", "Zoom out", () => view.zoom(1 / 1.6)),
      button("◻", "Show the whole drive", () => {
        view.at = null;
      }),
    ),
    !drive.points.length && h("p", { class: "map-empty" }, "No path of this rover is published yet."),
  );
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
  const { element, redraw } = chart,
    held = new Map();
  let moved = false;
  const at = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  element.addEventListener("pointerdown", (event) => {
    held.set(event.pointerId, at(event));
    moved = false;
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointerup", (event) => {
    held.delete(event.pointerId);
    if (moved) return keep();
    const stop = stopAt(...at(event));
    if (stop) go({ stop: stop.key === state().stop ? null : stop.key });
  });
  element.addEventListener("pointercancel", (event) => held.delete(event.pointerId));
  element.addEventListener("pointermove", (event) => {
    const now = at(event),
      before = held.get(event.pointerId);
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
  element.addEventListener("pointerleave", () => {
    tip.hide();
    pointer.dispatchEvent(new CustomEvent("along", { detail: null }));
  });
  element.addEventListener(
    "wheel",
    (event) => {
      // Without Ctrl the page scrolls, as everywhere.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      view.zoom(Math.exp(-event.deltaY / 300), ...at(event));
      redraw();
      keep();
    },
    { passive: false },
  );
  element.addEventListener("dblclick", (event) => {
    view.zoom(2, ...at(event));
    redraw();
    keep();
  });
  element.addEventListener("keydown", (event) => onKey(event, chart, view, drive, keep));

  function hover([x, y]) {
    const stop = stopAt(x, y),
      here = view.metres(x, y);
    const point = nearest(drive.points, (each) => Math.hypot(each.x - here.x, each.y - here.y));
    const close = point && Math.hypot(point.x - here.x, point.y - here.y) * view.current.scale < 12;
    element.style.cursor = stop ? "pointer" : "grab";
    if (stop) tip.at(x, y, described(stop));
    else if (close)
      tip.at(
        x,
        y,
        `Sol ${point.sol ?? "unknown"}`,
        `${distance(point.along)} along the path`,
        point.z !== null && `elevation ${elevation(point.z)}`,
      );
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
    const next =
      drive.stops[at < 0 ? drive.stops.length - 1 : (at + steps[event.key] + drive.stops.length) % drive.stops.length];
    announce(described(next).filter(Boolean).join(", "));
    go({ stop: next.key }, { quiet: true });
  } else if (event.key === "+" || event.key === "=") {
    view.zoom(1.6);
    keep();
  } else if (event.key === "-") {
    view.zoom(1 / 1.6);
    keep();
  } else if (event.key === "0") {
    view.at = null;
    keep();
  }
  chart.redraw();
}
