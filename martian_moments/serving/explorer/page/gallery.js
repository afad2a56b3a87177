// The photos of a rover that the filters leave, block by block.

import { block, table } from "./data.js";
import { copies } from "./copy.js";
import { h, show } from "./dom.js";
import { tile } from "./picture.js";
import { FILTERS, formatRange, go, parseRange, state } from "./state.js";
import { number, plural, spaced } from "./words.js";

const PAGE = 40;
// So many blocks are looked through for a page before the visitor is asked whether to go on.
const PATIENCE = 30;

const inside = (range, value) =>
  !range || (value !== null && (range[0] === null || value >= range[0]) && (range[1] === null || value <= range[1]));

/** On the circle: from 300 to 40 goes over north. */
const insideTurn = (range, azimuth) => {
  if (!range) return true;
  if (azimuth === null) return false;
  const [from, to] = [range[0] ?? 0, range[1] ?? 360];
  return from <= to ? azimuth >= from && azimuth <= to : azimuth >= from || azimuth <= to;
};

const insideDay = (range, minutes) => {
  if (!range) return true;
  if (minutes === null) return false;
  const [from, to] = [range[0] ?? 0, range[1] ?? 1440];
  return from <= to ? minutes >= from && minutes <= to : minutes >= from || minutes <= to;
};

/** Whether a photo is one of those that a view asks for. */
export function matches(photo, view, roles) {
  return (
    (view.thumbnails || !photo.thumbnail) &&
    inside(view.sols, photo.sol) &&
    (!view.camera || photo.camera === view.camera) &&
    (!view.role || roles.get(photo.camera) === view.role) &&
    insideDay(view.lmst, photo.minutes) &&
    inside(view.sun, photo.sun_elevation) &&
    insideTurn(view.looking, photo.azimuth) &&
    (!view.type || photo.type === view.type) &&
    (!view.color || photo.color === view.color) &&
    (!view.stop || `${photo.site}.${photo.drive}` === view.stop)
  );
}

/** The blocks that can hold such photos, in the order in which they are shown. */
function blocksOf(rover, drive, cameras, view, blockSols) {
  const stop = drive.stopOf(view.stop);
  const only = view.camera ? new Set(cameras.get(view.camera) ?? []) : null;
  const meets = (first) =>
    inside2(view.sols, first, first + blockSols - 1) &&
    (!stop || (first <= stop.last_sol && first + blockSols > stop.first_sol)) &&
    (!only || [...Array(blockSols).keys()].some((step) => only.has(first + step)));
  const found = rover.blocks.filter(meets);
  return view.order === "oldest" ? found : found.reverse();
}

const inside2 = (range, first, last) =>
  !range || ((range[1] === null || first <= range[1]) && (range[0] === null || last >= range[0]));

function select(name, label, choices, view) {
  const given = view[name] && !choices.some(([value]) => value === view[name]) ? [[view[name], view[name]]] : [];
  return h(
    "label",
    {},
    label,
    h(
      "select",
      { name, onchange: (event) => go({ [name]: event.target.value || null }) },
      [["", "any"], ...choices, ...given].map(([value, text]) =>
        h("option", { value, selected: (view[name] ?? "") === value }, text),
      ),
    ),
  );
}

/** Two fields of a range, `a..b` in the address. */
function between(name, label, kind, view, hint) {
  const values = formatRange(name, view[name]).split("..");
  const inputs = ["from", "to"].map((side, at) =>
    h("input", {
      type: kind,
      value: values[at] ?? "",
      "aria-label": `${label}, ${side}`,
      placeholder: hint?.[at],
      step: kind === "number" ? "any" : null,
      onchange: () => go({ [name]: parseRange(name, `${inputs[0].value}..${inputs[1].value}`) }),
    }),
  );
  return h("fieldset", {}, h("legend", {}, label), inputs[0], h("span", { "aria-hidden": "true" }, "–"), inputs[1]);
}

const flag = (name, label, view) =>
  h(
    "label",
    { class: "flag" },
    h("input", {
      type: "checkbox",
      checked: Boolean(view[name]),
      onchange: (event) => go({ [name]: event.target.checked || null }),
    }),
    label,
  );

const TYPES = ["full", "subframe", "downsampled", "thumbnail"];
const COLORS = [
  ["rgb", "colour"],
  ["gray", "gray"],
  ["bayer", "colour, not developed"],
  ["band", "one band"],
];

function filters(rover, view) {
  const roles = [...new Set(rover.cameras.map((camera) => camera.role))].sort();
  const cleared = Object.fromEntries(FILTERS.map((name) => [name, null]));
  const chosen = FILTERS.some((name) => view[name]);
  return h(
    "form",
    { class: "filters", onsubmit: (event) => event.preventDefault(), "aria-label": "Filters" },
    between("sols", "Sols", "number", view, [rover.first_sol, rover.last_sol]),
    select(
      "camera",
      "Camera",
      rover.cameras.map((each) => [each.name, `${each.full_name} (${number(each.pictures)})`]),
      view,
    ),
    select(
      "role",
      "Kind of camera",
      roles.map((role) => [role, spaced(role)]),
      view,
    ),
    between("lmst", "Local time", "time", view),
    between("looking", "Looking to, °", "number", view, ["0", "360"]),
    between("sun", "Sun above horizon, °", "number", view, ["−90", "90"]),
    select(
      "type",
      "Product",
      TYPES.map((type) => [type, type]),
      view,
    ),
    select("color", "Colour", COLORS, view),
    h(
      "div",
      { class: "flags" },
      flag("thumbnails", "thumbnails too", view),
      chosen && h("button", { type: "button", onclick: () => go(cleared) }, "Clear all"),
    ),
  );
}

function summary(view) {
  const said = [
    view.stop && `stop ${view.stop.replace(".", " / ")}`,
    view.sols && `sols ${formatRange("sols", view.sols).replace("..", " to ")}`,
    view.camera,
    view.role && spaced(view.role),
  ].filter(Boolean);
  return said.length ? `Of ${said.join(", ")}.` : "";
}

/** Photos of blocks, page after page. */
async function* pages(rover, firsts, view, roles) {
  let page = [],
    looked = 0;
  for (const first of firsts) {
    const { photos } = await block(rover.rover, first);
    const found = photos.filter((photo) => matches(photo, view, roles));
    page.push(...(view.order === "oldest" ? found : found.reverse()));
    looked += 1;
    while (page.length > PAGE) yield { photos: page.splice(0, PAGE) };
    if (looked % PATIENCE === 0) yield { photos: page.splice(0), looked: first };
  }
  yield { photos: page, ended: true };
}

/** The section with filters and photos. */
export function gallery(rover, drive, found) {
  const roles = new Map(rover.cameras.map((camera) => [camera.name, camera.role]));
  const cameras = new Map(table(found.cameras).map((each) => [each.camera, each.sols]));
  const form = h("div", {}),
    list = h("ul", { class: "tiles" }),
    status = h("p", { class: "quiet", role: "status" });
  const copied = h("div", {}),
    more = h("button", { type: "button", class: "more" }, "Show more");
  const pictures = h("div", { class: "switches" });
  const element = h(
    "section",
    { class: "photos", "aria-labelledby": "photos-title" },
    h("div", { class: "photos-head" }, h("h2", { id: "photos-title" }, "Photographs"), pictures),
    form,
    copied,
    status,
    list,
    more,
  );
  let asked = null,
    source = null;

  async function next(wanted) {
    more.hidden = true;
    const { value } = await source.next();
    // Another filter was set in the meantime.
    if (asked !== wanted || !value) return;
    list.append(...value.photos.map((photo) => tile(photo, state().pictures)));
    more.hidden = Boolean(value.ended);
    const shown = list.children.length;
    if (value.ended)
      show(
        status,
        shown ? `${plural(shown, "photo")}${shown ? ", all there are" : ""}. ` : "No photo is like that. ",
        summary(state()),
      );
    else
      show(
        status,
        `${number(shown)} photos so far. `,
        summary(state()),
        value.looked !== undefined && ` Looked as far as sol ${value.looked}.`,
      );
  }
  more.addEventListener("click", () => next(asked));

  return {
    element,
    update: (view) => {
      const wanted = JSON.stringify([...FILTERS, "order", "pictures"].map((name) => view[name]));
      if (wanted === asked) return;
      asked = wanted;
      const focused = document.activeElement?.closest?.("form.filters")
        ? [...form.querySelectorAll("input, select")].indexOf(document.activeElement)
        : -1;
      show(form, filters(rover, view));
      if (focused >= 0) form.querySelectorAll("input, select")[focused]?.focus();
      show(copied, copies(view, rover));
      show(
        pictures,
        flag("pictures", "show pictures, from NASA", view),
        h(
          "button",
          { type: "button", onclick: () => go({ order: view.order ? null : "oldest" }) },
          view.order ? "Oldest first" : "Newest first",
        ),
      );
      list.replaceChildren();
      show(status, "Looking …");
      source = pages(rover, blocksOf(rover, drive, cameras, view, rover.block_sols), view, roles);
      return next(wanted);
    },
  };
}
