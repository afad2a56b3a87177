// The first screen: every rover at a glance.

import { load } from "./data.js";
import { h, s } from "./dom.js";
import { movieList } from "./movies.js";
import { day, distance, marsTime, number, plural } from "./words.js";

/** A drive as a small picture, north up; a ring marks where it began, a dot where the rover is. */
export function outline(lines, title) {
  const points = lines.flatMap((line) => pairs(line));
  if (!points.length) return h("p", { class: "outline empty" }, "No path is published yet.");
  const xs = points.map(([x]) => x),
    ys = points.map(([, y]) => -y);
  const side = Math.max(Math.max(...xs) - Math.min(...xs), (Math.max(...ys) - Math.min(...ys)) * 1.6, 10);
  const centre = [(Math.max(...xs) + Math.min(...xs)) / 2, (Math.max(...ys) + Math.min(...ys)) / 2];
  const place = ([x, y]) => [160 + ((x - centre[0]) / side) * 280, 90 + ((-y - centre[1]) / side) * 250];
  const text = (line) =>
    pairs(line)
      .map((point) =>
        place(point)
          .map((value) => value.toFixed(1))
          .join(","),
      )
      .join(" ");
  const [start, end] = [place(points[0]), place(points[points.length - 1])];
  return s(
    "svg",
    { class: "outline", viewBox: "0 0 320 180", role: "img", "aria-label": `The drive of ${title}, north up` },
    lines.map((line) => s("polyline", { points: text(line) })),
    s("circle", { class: "start", cx: start[0], cy: start[1], r: 3.5 }),
    s("circle", { class: "halo", cx: end[0], cy: end[1], r: 10 }),
    s("circle", { class: "end", cx: end[0], cy: end[1], r: 4.5 }),
  );
}

const pairs = (line) => Array.from({ length: line.length / 2 }, (_, at) => [line[2 * at], line[2 * at + 1]]);

const count = (value) => ["No", "One", "Two", "Three", "Four", "Five", "Six"][value] ?? number(value);
const driven = (rover) => rover.odometer_m ?? rover.distance_m ?? rover.path_length_m;

/** What the clock on the rover shows, or since when it is silent. */
function clock(rover, timers) {
  if (rover.last_heard) return h("p", { class: "clock" }, "silent since ", h("b", {}, day(rover.last_heard)));
  const time = h("b", {});
  const tick = () => {
    const now = marsTime(rover);
    time.textContent = `sol ${now.sol} · ${now.time}`;
  };
  tick();
  timers.push(setInterval(tick, 500));
  return h("p", { class: "clock live" }, time, h("span", {}, " Mars time now"));
}

function latest(rover) {
  if (!rover.latest.length) return h("p", { class: "quiet" }, "No photos yet.");
  const most = Math.max(...rover.latest.map((each) => each.photos));
  return h(
    "ul",
    { class: "latest" },
    rover.latest.map((each) => {
      const bar = h("i", { class: "bar", "aria-hidden": "true" });
      bar.style.width = `${Math.max(3, (100 * each.photos) / most)}%`;
      const moved = each.distance_m ? distance(each.distance_m) : "parked";
      return h(
        "li",
        {},
        h(
          "a",
          { href: `?rover=${rover.rover}&sols=${each.sol}..${each.sol}`, title: each.cameras.join(", ") },
          h("span", { class: "sol" }, `Sol ${each.sol}`),
          h("span", { class: "track" }, bar),
          h("span", { class: "count" }, plural(each.photos, "photo")),
          h("span", { class: "moved" }, moved),
        ),
      );
    }),
  );
}

function card(rover, timers) {
  const stat = (value, name) => h("div", {}, h("dd", {}, value), h("dt", {}, name));
  return h(
    "article",
    { class: "card", "data-rover": rover.rover, "aria-labelledby": `title-${rover.rover}` },
    h(
      "header",
      {},
      h("h2", { id: `title-${rover.rover}` }, h("a", { href: `?rover=${rover.rover}` }, rover.title)),
      clock(rover, timers),
    ),
    h(
      "a",
      { class: "picture", href: `?rover=${rover.rover}`, tabindex: "-1", "aria-hidden": "true" },
      outline(rover.outline, rover.title),
    ),
    h(
      "dl",
      { class: "stats" },
      stat(distance(driven(rover)), "driven"),
      stat(number(rover.photos ?? 0), "photos"),
      stat(number(rover.sols_with_photos), "sols"),
    ),
    h("h3", {}, "Latest sols"),
    latest(rover),
  );
}

/** The first screen; `unknown` is a rover of the address that there is none of. */
export async function overview(facts, unknown) {
  const timers = [];
  const total = (read) => facts.rovers.reduce((sum, rover) => sum + (read(rover) ?? 0), 0);
  const movies = await load("movies.json");
  const words =
    `${count(facts.rovers.length)} rovers, ${plural(
      total((each) => each.photos),
      "photograph",
    )}, ` + `${distance(total(driven))} of driving on Mars`;
  const element = h(
    "div",
    { class: "overview" },
    unknown &&
      h("p", { class: "notice", role: "alert" }, "There is no rover of that name here. These are the ones there are:"),
    h("h1", {}, words),
    h(
      "div",
      { class: "cards" },
      facts.rovers.map((rover) => card(rover, timers)),
    ),
    movies.movies.length > 0 &&
      h("section", { "aria-labelledby": "movies" }, h("h2", { id: "movies" }, "Movies"), movieList(movies.movies)),
  );
  return { element, leave: () => timers.forEach(clearInterval) };
}
