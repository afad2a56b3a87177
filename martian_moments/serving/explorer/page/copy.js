// What is shown, as a question that another program can ask.

import { announce, h, show } from "./dom.js";
import { formatRange } from "./state.js";

/** Where the service is: this host, or for a copy of the page the address that the platform has on one's own machine. */
const SERVICE = location.pathname.startsWith("/explorer/") ? location.origin : "http://127.0.0.1:3001";

const quoted = (text) => `'${String(text).replaceAll("'", "''")}'`;

function sides(column, range, write = String) {
  if (!range) return [];
  return [
    range[0] !== null && `${column} >= ${write(range[0])}`,
    range[1] !== null && `${column} <= ${write(range[1])}`,
  ].filter(Boolean);
}

const clock = (minutes, seconds) => `${formatRange("lmst", [minutes, null]).slice(0, 5)}:${seconds}`;

function turned(column, range, low, high, write, writeEnd = write) {
  if (!range) return [];
  const [from, to] = [range[0] ?? low, range[1] ?? high];
  return [`(${column} >= ${write(from)} ${from <= to ? "and" : "or"} ${column} <= ${writeEnd(to)})`];
}

/** As SQL on the published tables. */
function sql(view, rover) {
  const [site, drive] = view.stop?.split(".") ?? [];
  const conditions = [
    `rover = ${quoted(rover.rover)}`,
    ...sides("sol", view.sols),
    view.camera && `camera = ${quoted(view.camera)}`,
    view.role && `camera_role = ${quoted(view.role)}`,
    ...turned(
      "lmst[11:18]",
      view.lmst,
      0,
      1439,
      (minutes) => quoted(clock(minutes, "00")),
      (minutes) => quoted(clock(minutes, "59")),
    ),
    ...sides("sun_elevation_deg", view.sun),
    ...turned("view_azimuth_deg", view.looking, 0, 360, String),
    view.type && `product_type = ${quoted(view.type)}`,
    view.color && `color_kind = ${quoted(view.color)}`,
    site && `site = ${site} and drive = ${drive}`,
    !view.thumbnails && "is_thumbnail is not true",
  ].filter(Boolean);
  return (
    `set variable photos = (\n` +
    `  select list('${SERVICE}/published/' || file.key)\n` +
    `  from (select unnest(tables['silver/fact_photos']) as file from '${SERVICE}/published/manifest.json')\n` +
    `);\n` +
    `select sol, lmst, camera, taken_at_utc, site, drive, view_azimuth_deg, image_url\n` +
    `from read_parquet(getvariable('photos'), hive_partitioning = true)\n` +
    `where ${conditions.join("\n  and ")}\norder by taken_at_utc ${view.order === "oldest" ? "" : "desc"}`.trimEnd()
  );
}

/** The parameters of the API. */
function query(view, rover) {
  const [site, drive] = view.stop?.split(".") ?? [];
  const [from, to] = view.lmst ? formatRange("lmst", view.lmst).split("..") : [];
  const given = {
    rover: rover.rover,
    sol_min: view.sols?.[0],
    sol_max: view.sols?.[1],
    camera: view.camera,
    camera_role: view.role,
    lmst_min: from && `${from}:00`,
    lmst_max: to && `${to}:59`,
    sun_elevation_min: view.sun?.[0],
    sun_elevation_max: view.sun?.[1],
    view_azimuth_min: view.looking?.[0],
    view_azimuth_max: view.looking?.[1],
    product_type: view.type,
    color_kind: view.color,
    site,
    drive,
    is_thumbnail: view.thumbnails ? null : "false",
    sort: view.order === "oldest" ? "taken_at_utc" : "-taken_at_utc",
  };
  const parameters = Object.entries(given).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return new URLSearchParams(parameters).toString();
}

/** As a search of STAC, all of whose conditions hold at once: what would need an "or" is named in a line before it. */
function stac(view, rover) {
  const [site, drive] = view.stop?.split(".").map(Number) ?? [];
  const equal = (value) => ({ eq: value });
  const within = (range) => ({ gte: range?.[0], lte: range?.[1] });
  const turns = view.looking && (view.looking[0] ?? 0) > (view.looking[1] ?? 360);
  const asked = {
    "mars:sol": within(view.sols),
    "mars:camera": equal(view.camera),
    "mars:camera_role": equal(view.role),
    "view:sun_elevation": within(view.sun),
    "view:azimuth": within(turns ? null : view.looking),
    "mars:product_type": { ...equal(view.type), neq: view.thumbnails ? null : "thumbnail" },
    "mars:color_kind": equal(view.color),
    "mars:site": equal(site),
    "mars:drive": equal(drive),
  };
  const known = ([, value]) => value !== null && value !== undefined;
  const conditions = Object.entries(asked)
    .map(([name, operators]) => [name, Object.fromEntries(Object.entries(operators).filter(known))])
    .filter(([, operators]) => Object.keys(operators).length);
  const parameters = new URLSearchParams({
    collections: rover.rover,
    ...(conditions.length && { query: JSON.stringify(Object.fromEntries(conditions)) }),
    sortby: view.order === "oldest" ? "datetime" : "-datetime",
    limit: 100,
  });
  const left = [view.lmst && "the time of day", turns && "a direction over north"].filter(Boolean).join(" and ");
  return `${left && `# STAC search does not narrow by ${left}\n`}curl '${SERVICE}/stac/search?${parameters}'`;
}

const api = (view, rover, format) => `'${SERVICE}/api/v2/photos?${query(view, rover)}${format ? `&format=${format}` : ""}'`;

const WAYS = {
  SQL: (view, rover) => sql(view, rover),
  curl: (view, rover) => `curl ${api(view, rover)}`,
  CSV: (view, rover) => `curl -o photos.csv ${api(view, rover, "csv")}`,
  Parquet: (view, rover) => `curl -o photos.parquet ${api(view, rover, "parquet")}`,
  STAC: stac,
};

/** The buttons that copy the question; what is copied is shown. */
export function copies(view, rover) {
  const shown = h("pre", { tabindex: "0", "aria-label": "The copied text" }),
    box = h("div", { class: "copied", hidden: true }, shown);
  const copy = async (name) => {
    const text = WAYS[name](view, rover);
    show(shown, text);
    box.hidden = false;
    // Without a secure context there is no clipboard; the text stands there to be selected.
    await navigator.clipboard?.writeText(text).then(
      () => announce(`${name} copied`),
      () => announce("Select the text to copy it"),
    );
  };
  return h(
    "div",
    { class: "copy" },
    h("span", { class: "label" }, "Copy as"),
    Object.keys(WAYS).map((name) => h("button", { type: "button", onclick: () => copy(name) }, name)),
    box,
  );
}
