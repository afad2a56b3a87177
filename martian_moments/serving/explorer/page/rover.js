// The page of one rover: its drive, a stop, its sols, its photos, its movies.

import { load, table } from "./data.js";
import { h } from "./dom.js";
import { driveMap } from "./map.js";
import { drivePath } from "./path.js";
import { gallery } from "./gallery.js";
import { heatMap } from "./heat.js";
import { movieList } from "./movies.js";
import { profile } from "./profile.js";
import { stopPanel, strip } from "./stop.js";
import { day, distance, marsTime, number, place, plural, sols } from "./words.js";

function heading(rover, timers) {
  const now = h("span", { class: "clock live" });
  const tick = () => {
    const time = marsTime(rover);
    now.textContent = `sol ${time.sol} · ${time.time}`;
  };
  if (!rover.last_heard) {
    tick();
    timers.push(setInterval(tick, 500));
  }
  const fact = (name, ...value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return h(
    "header",
    { class: "rover-head" },
    h("h1", {}, rover.title),
    h(
      "dl",
      { class: "facts" },
      rover.last_heard ? fact("Silent since", day(rover.last_heard)) : fact("Mars time now", now),
      fact("Landed", day(rover.landing_date)),
      fact("Landing place", place(rover.landing_longitude, rover.landing_latitude)),
      fact("Driven", distance(rover.odometer_m ?? rover.distance_m ?? rover.path_length_m)),
      fact("Photos held", `${number(rover.photos ?? 0)} of ${plural(rover.sols_with_photos, "sol")}`),
    ),
  );
}

/** What is missing of a rover, said once and in full. */
function missing(gaps) {
  const open = gaps.filter((gap) => gap.reason !== "expected_gap");
  if (!open.length) return null;
  return h(
    "details",
    { class: "missing" },
    h("summary", {}, `${plural(new Set(open.map((gap) => gap.sol)).size, "sol")} may have more photos than are held here`),
    h(
      "ul",
      {},
      open
        .slice(0, 100)
        .map((gap) =>
          h(
            "li",
            {},
            `Sol ${gap.sol}: ${gap.source} reports ${number(gap.expected)}, ${number(gap.found)} are held` +
              ` (${gap.reason.replaceAll("_", " ")})`,
            gap.explanation && `: ${gap.explanation}`,
          ),
        ),
    ),
    open.length > 100 && h("p", {}, `and ${number(open.length - 100)} more, in gold.photo_gaps`),
  );
}

/** The sols as a table, for those who do not see the heat map. */
function solTable(found) {
  const rows = table(found.sols).filter((row) => row.photos);
  const body = h("tbody", {});
  const details = h(
    "details",
    { class: "as-table" },
    h("summary", {}, "The sols as a table"),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of sols" },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["Sol", "Earth date", "Photos", "Cameras", "Driven"].map((name) => h("th", { scope: "col" }, name)),
          ),
        ),
        body,
      ),
    ),
  );
  details.addEventListener("toggle", () => {
    if (!details.open || body.children.length) return;
    body.append(
      ...rows
        .reverse()
        .map((row) =>
          h(
            "tr",
            {},
            h(
              "th",
              { scope: "row" },
              h("a", { href: `?rover=${encodeURIComponent(found.rover)}&sols=${row.sol}..${row.sol}` }, String(row.sol)),
            ),
            h("td", {}, day(row.earth_date)),
            h("td", {}, number(row.photos)),
            h("td", {}, number(row.cameras)),
            h("td", {}, row.distance_m ? distance(row.distance_m) : "–"),
          ),
        ),
    );
  });
  return details;
}

/** The page of a rover of rovers.json. */
export async function roverPage(rover) {
  const files = ["path", "stops", "sols"].map((name) => load(`${rover.rover}/${name}.json`));
  const [path, stops, found, movies] = await Promise.all([...files, load("movies.json")]);
  const drive = drivePath(path, table(stops.stops));
  const timers = [];
  // What the pointer is on, in metres along the path, shared by map and profile.
  const pointer = new EventTarget();
  const parts = {
    map: driveMap(drive, rover, pointer),
    profile: profile(drive, pointer),
    stop: stopPanel(drive, rover),
    strip: strip(),
    heat: heatMap(found, rover),
    gallery: gallery(rover, drive, found),
  };
  const own = movies.movies.filter((movie) => movie.rover === rover.rover);
  const element = h(
    "div",
    { class: "rover-page" },
    heading(rover, timers),
    h(
      "section",
      { class: "drive", "aria-label": "The drive" },
      h("div", { class: "drive-map" }, parts.map.element, parts.profile.element),
      parts.stop.element,
    ),
    parts.strip.element,
    h(
      "section",
      { "aria-labelledby": "sols-title" },
      h("h2", { id: "sols-title" }, "Sols and local time"),
      h(
        "p",
        { class: "quiet" },
        `When on its day the rover took pictures, ${sols(rover.first_sol, rover.last_sol ?? rover.first_sol)}. ` +
          "Drag over sols to choose them.",
      ),
      parts.heat.element,
      missing(table(found.gaps)),
      solTable(found),
    ),
    parts.gallery.element,
    own.length > 0 && h("section", { "aria-labelledby": "movies" }, h("h2", { id: "movies" }, "Movies"), movieList(own)),
  );
  const update = async (view) => {
    const stop = drive.stopOf(view.stop);
    parts.map.update(view);
    parts.profile.update(view);
    parts.heat.update(view);
    parts.gallery.update(view);
    const seen = await parts.stop.update(view, stop);
    parts.strip.update(view, seen);
  };
  return { element, update, leave: () => timers.forEach(clearInterval) };
}
