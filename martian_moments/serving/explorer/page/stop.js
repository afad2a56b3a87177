// A stop: where it is and how well that is known, in which directions the rover looked from it, and what its pictures make.

import { block } from "./data.js";
import { h, s, show } from "./dom.js";
import { photoLink, pictureOf } from "./picture.js";
import { go, link } from "./state.js";
import { compass, degrees, distance, elevation, number, place, plural, sols } from "./words.js";

const DIAL = 100;
const MOST_FRAMES = 1500;
const PICTURES_IN_STRIP = 80;
// Frames of the cylinder that the Tab key stops at; the gallery below has all of them.
const REACHED = 60;

/** The photos and observations of a stop, from the blocks of its sols. */
async function seenFrom(rover, stop, blockSols) {
  const firsts = rover.blocks.filter((first) => first + blockSols > stop.first_sol && first <= stop.last_sol);
  const blocks = await Promise.all(firsts.map((first) => block(rover.rover, first)));
  const here = (each) => each.site === stop.site && each.drive === stop.drive;
  const all = (name) => blocks.flatMap((each) => each[name].filter(here));
  return {
    photos: all("photos").filter((photo) => !photo.thumbnail),
    stereo: all("stereo"),
    panoramas: all("panoramas").sort((a, b) => b.coverage_deg - a.coverage_deg),
    sequences: all("sequences"),
  };
}

const onDial = (azimuth, far) => {
  const turn = (azimuth * Math.PI) / 180;
  return `${(far * Math.sin(turn)).toFixed(2)} ${(-far * Math.cos(turn)).toFixed(2)}`;
};

/** The slice of the dial that a picture shows; one that looks at its feet or the sky is nearer to the centre. */
function slice(photo) {
  const half = Math.min(Math.max(photo.fov_h ?? 4, 2), 178) / 2,
    far = DIAL - 8 - Math.abs(photo.elevation ?? 0) * 0.55;
  const [from, to] = [photo.azimuth - half, photo.azimuth + half];
  return `M0 0L${onDial(from, far)}A${far} ${far} 0 0 1 ${onDial(to, far)}Z`;
}

function dial(photos, heading) {
  const looking = photos.filter((photo) => photo.azimuth !== null).slice(0, MOST_FRAMES);
  const opacity = Math.max(0.035, Math.min(0.4, 5 / Math.max(1, looking.length)));
  const marks = ["N", "E", "S", "W"].map((name, at) =>
    s("text", { class: "mark", x: [0, 111, 0, -111][at], y: [-107, 4, 116, 4][at], "text-anchor": "middle" }, name),
  );
  return s(
    "svg",
    {
      class: "dial",
      viewBox: "-124 -124 248 248",
      role: "img",
      "aria-label": `Compass of ${plural(looking.length, "picture")} with a known direction`,
    },
    s("circle", { class: "rim", r: DIAL }),
    s("circle", { class: "inner", r: DIAL / 2 }),
    Array.from({ length: 24 }, (_, at) =>
      s("path", { class: "tick", d: `M${onDial(at * 15, DIAL)}L${onDial(at * 15, DIAL - (at % 6 ? 4 : 8))}` }),
    ),
    s(
      "g",
      { class: "slices", "fill-opacity": opacity.toFixed(3) },
      looking.map((photo) => s("path", { d: slice(photo) })),
    ),
    heading !== null && s("path", { class: "heading", d: "M0 -15L9 11L0 5L-9 11Z", transform: `rotate(${heading})` }),
    marks,
  );
}

function observations(seen) {
  const entry = (photos, name, detail) =>
    photos.length > 0 && h("li", {}, h("a", { href: photoLink(photos[0]) }, h("b", {}, name), h("span", {}, detail)));
  const most = 8;
  const lists = [
    seen.panoramas
      .slice(0, most)
      .map((each) =>
        entry(
          each.photos,
          each.full_circle ? "Panorama, full circle" : "Panorama",
          `${each.camera} · sol ${each.sol} · ${plural(each.frames, "frame")} · ${degrees(each.coverage_deg)}`,
        ),
      ),
    seen.sequences
      .slice(0, most)
      .map((each) =>
        entry(
          each.photos,
          "Image sequence",
          `${each.camera} · sol ${each.sol} · ${plural(each.frames, "frame")}, every ${each.step_s} s`,
        ),
      ),
    seen.stereo
      .slice(0, most)
      .map((each) =>
        entry(
          each.photos,
          "Stereo pair",
          `${each.camera} · sol ${each.photos[0]?.sol} · ${each.photos[0]?.lmst?.slice(0, 5) ?? ""}`,
        ),
      ),
  ];
  const found = lists.flat().filter(Boolean);
  return found.length
    ? [
        h(
          "h3",
          {},
          `${plural(seen.panoramas.length, "panorama")}, ${plural(seen.sequences.length, "image sequence")}, ` +
            plural(seen.stereo.length, "stereo pair"),
        ),
        h("ul", { class: "observations", tabindex: "0", "aria-label": "Observations" }, found),
      ]
    : [];
}

function facts(stop) {
  const fact = (name, value) => value && h("div", {}, h("dt", {}, name), h("dd", {}, value));
  const exact = stop.uncertainty_m > 0 ? `within ${distance(stop.uncertainty_m)}` : stop.quality;
  return h(
    "dl",
    { class: "facts" },
    fact("Stayed", sols(stop.first_sol, stop.last_sol)),
    fact("Place", stop.longitude === null ? "unknown" : place(stop.longitude, stop.latitude)),
    fact("Known by", stop.method && `${stop.method.replaceAll("_", " ")}, ${exact}`),
    fact("Elevation", stop.elevation_m !== null && elevation(stop.elevation_m, 1)),
    fact("Heading", stop.heading_deg !== null && `${degrees(stop.heading_deg)}, ${compass(stop.heading_deg)}`),
    fact(
      "Driven until here",
      stop.distance_m !== null && `${distance(stop.distance_m)} by ${stop.distance_method ?? "unknown"}`,
    ),
    fact("Pictures", `${number(stop.pictures)} by ${plural(stop.cameras, "camera")}`),
  );
}

/** The list of all stops, the newest first: what the panel shows until one is chosen. */
function stopList(drive) {
  const most = 200,
    newest = [...drive.stops].reverse();
  return [
    h("h2", {}, `${plural(drive.stops.length, "stop")}`),
    h("p", { class: "quiet" }, "Choose one here or on the map."),
    h(
      "ul",
      { class: "stop-list" },
      newest
        .slice(0, most)
        .map((stop) =>
          h(
            "li",
            {},
            h(
              "a",
              { href: link({ stop: stop.key }) },
              h("b", {}, `${stop.site} / ${stop.drive}`),
              h("span", {}, sols(stop.first_sol, stop.last_sol)),
              h("span", {}, plural(stop.pictures, "picture")),
            ),
          ),
        ),
    ),
    drive.stops.length > most &&
      h("p", { class: "quiet" }, `and ${number(drive.stops.length - most)} before; the map has them all`),
  ];
}

/** The panel beside the map. `update` gives what was seen from the stop, or null. */
export function stopPanel(drive, rover) {
  const element = h("aside", { class: "panel", "aria-label": "Stop" });
  let shown;
  return {
    element,
    update: async (view, stop) => {
      if (shown?.stop === stop && stop) return shown.seen;
      if (!stop) {
        if (shown?.stop !== null) show(element, stopList(drive));
        shown = { stop: null, seen: null };
        return null;
      }
      const close = h(
        "button",
        { type: "button", class: "close", "aria-label": "Close the stop", onclick: () => go({ stop: null }) },
        "×",
      );
      const rest = h("div", { class: "rest" }, h("p", { class: "quiet" }, "Loading its pictures …"));
      show(element, close, h("h2", {}, h("small", {}, "Stop "), `${stop.site} / ${stop.drive}`), facts(stop), rest);
      element.scrollTop = 0;
      const seen = await seenFrom(rover, stop, rover.block_sols);
      shown = { stop, seen };
      show(rest, dial(seen.photos, stop.heading_deg), observations(seen));
      return seen;
    },
  };
}

/** All pictures of a stop on a cylinder: azimuth across, elevation up, each as large as what it shows. */
export function strip() {
  const element = h("section", { class: "strip", hidden: true, "aria-labelledby": "strip-title" });
  let drawn = null;
  return {
    element,
    update: (view, seen) => {
      if (drawn?.seen === seen && drawn?.pictures === view.pictures) return;
      drawn = { seen, pictures: view.pictures };
      const placed = (seen?.photos ?? []).filter(
        (photo) => ![photo.azimuth, photo.elevation, photo.fov_h, photo.fov_v].includes(null),
      );
      element.hidden = !placed.length;
      if (!placed.length) return;
      // Wide pictures first, so that narrow ones lie upon them and can be reached.
      const frames = placed.sort((a, b) => b.fov_h - a.fov_h).slice(0, MOST_FRAMES);
      show(
        element,
        h("h2", { id: "strip-title" }, "All around this stop"),
        h(
          "p",
          { class: "quiet" },
          `${plural(placed.length, "picture")} with a known direction, of ${number(seen.photos.length)}. ` +
            "Each frame lies where its camera looked.",
        ),
        cylinder(frames, view.pictures),
      );
      // Where it is wider than the screen, north is in the middle.
      const scroll = element.querySelector(".scroll");
      scroll.scrollLeft = (scroll.scrollWidth - scroll.clientWidth) / 2;
    },
  };
}

function cylinder(frames, pictures) {
  const low = Math.max(-90, Math.min(-30, ...frames.map((photo) => photo.elevation - photo.fov_v / 2)));
  const high = Math.min(90, Math.max(20, ...frames.map((photo) => photo.elevation + photo.fov_v / 2)));
  // South at both ends: most looks go where nobody has to turn around.
  const across = (azimuth) => (((azimuth + 180) % 360) + 360) % 360;
  const at = (photo, turn) => ({
    x: (across(photo.azimuth) - photo.fov_h / 2 + turn).toFixed(2),
    y: (-photo.elevation - photo.fov_v / 2).toFixed(2),
    width: photo.fov_h,
    height: photo.fov_v,
  });
  // A frame that reaches over an end is seen at the other one too.
  const turns = (photo) =>
    [0, 360, -360].filter((turn) => {
      const left = across(photo.azimuth) - photo.fov_h / 2 + turn;
      return left < 360 && left + photo.fov_h > 0;
    });
  const image = (photo, turn) => s("image", { ...at(photo, turn), href: pictureOf(photo), preserveAspectRatio: "none" });
  // What many pictures show alike is filled once: else it would hide the rest.
  const seen = new Set();
  const echo = (photo) => {
    const alike = [photo.azimuth, photo.elevation, photo.fov_h].map(Math.round).join();
    return seen.has(alike) || !seen.add(alike);
  };
  const frame = (photo, number) =>
    s(
      "a",
      { href: photoLink(photo), class: echo(photo) ? "echo" : null, tabindex: number < REACHED ? null : -1 },
      s(
        "title",
        {},
        `${photo.camera}, sol ${photo.sol}, ${photo.lmst ?? ""}, ${degrees(photo.azimuth)} ${compass(photo.azimuth)}`,
      ),
      turns(photo).map((turn) => [
        pictures && number >= frames.length - PICTURES_IN_STRIP && image(photo, turn),
        s("rect", { ...at(photo, turn), rx: 0.3 }),
      ]),
    );
  const names = [
    ["S", 3],
    ["W", 90],
    ["N", 180],
    ["E", 270],
    ["S", 357],
  ];
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Pictures around the stop" },
    s(
      "svg",
      { class: "cylinder", viewBox: `0 ${-high} 360 ${high - low + 8}` },
      s(
        "svg",
        { x: 0, y: -high, width: 360, height: high - low, viewBox: `0 ${-high} 360 ${high - low}` },
        s("rect", { class: "sky", x: 0, y: -high, width: 360, height: high }),
        s("rect", { class: "ground", x: 0, y: 0, width: 360, height: -low }),
        [90, 180, 270].map((x) => s("path", { class: "meridian", d: `M${x} ${-high}V${-low}` })),
        s("path", { class: "horizon", d: "M0 0H360" }),
        frames.map(frame),
      ),
      names.map(([text, x]) => s("text", { x, y: -low + 5.5, "text-anchor": "middle" }, text)),
    ),
  );
}
