// One photo: the picture from its own address, and all that is known of it.

import { block } from "./data.js";
import { h, s, show } from "./dom.js";
import { filled, pictureOf, title } from "./picture.js";
import { go, link } from "./state.js";
import { compass, degrees, number, place, spaced, utc } from "./words.js";

const dialog = h("dialog", { class: "photo", "aria-labelledby": "photo-title" });
document.body.append(dialog);
let around = { before: null, after: null };

const close = () => go({ photo: null });
dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) close();
});
dialog.addEventListener("keydown", (event) => {
  const next = { ArrowLeft: around.before, ArrowRight: around.after }[event.key];
  if (next) go({ photo: next }, { quiet: true });
});

/** The direction of a picture and of the sun, north up. */
function rose(photo) {
  if (photo.azimuth === null && photo.sun_azimuth === null) return null;
  const half = Math.min(photo.fov_h ?? 6, 178) / 2;
  const point = (azimuth, far) => {
    const turn = (azimuth * Math.PI) / 180;
    return `${(far * Math.sin(turn)).toFixed(1)} ${(-far * Math.cos(turn)).toFixed(1)}`;
  };
  const look =
    photo.azimuth !== null &&
    s("path", {
      class: "look",
      d: `M0 0L${point(photo.azimuth - half, 46)}A46 46 0 0 1 ${point(photo.azimuth + half, 46)}Z`,
    });
  const up = photo.sun_elevation !== null && photo.sun_elevation > 0;
  const sun =
    photo.sun_azimuth !== null &&
    s("circle", {
      class: up ? "sun" : "sun down",
      r: 5,
      cx: point(photo.sun_azimuth, 46).split(" ")[0],
      cy: point(photo.sun_azimuth, 46).split(" ")[1],
    });
  return s(
    "svg",
    { class: "rose", viewBox: "-64 -64 128 128", role: "img", "aria-label": "Direction of the picture and of the sun" },
    s("circle", { class: "rim", r: 46 }),
    s("text", { class: "mark", x: 0, y: -52, "text-anchor": "middle" }, "N"),
    look,
    sun,
  );
}

const row =
  (kind) =>
  (name, ...value) =>
    value.some((part) => part) && h("div", { class: kind }, h("dt", {}, name), h("dd", {}, value));
const fact = row(null),
  wide = row("wide");

function facts(photo) {
  const method = (name) => (name ? ` (${spaced(name)})` : "");
  const sources = (photo.sources ?? photo.source).split(" ");
  return h(
    "dl",
    { class: "facts" },
    wide("Mars time", `sol ${photo.sol}, ${photo.lmst ?? "unknown"} local mean solar time${method(photo.lmst_method)}`),
    wide(
      "Earth time",
      `${utc(photo.utc_ms)}${method(photo.utc_method)}`,
      photo.utc_uncertainty_s > 0 && `, ± ${photo.utc_uncertainty_s} s`,
      photo.time_disputed && h("strong", { class: "warning" }, " the sources contradict each other"),
    ),
    fact("Camera", photo.camera, photo.source_camera !== photo.camera && ` (${photo.source_camera})`),
    fact(
      "Looking",
      photo.azimuth !== null && `${degrees(photo.azimuth, 1)}, ${compass(photo.azimuth)}`,
      photo.elevation !== null &&
        `, ${degrees(Math.abs(photo.elevation), 1)} ${photo.elevation < 0 ? "down" : "up"}${method(photo.view_method)}`,
    ),
    fact("Field of view", photo.fov_h !== null && `${degrees(photo.fov_h, 1)} × ${degrees(photo.fov_v, 1)}`),
    fact(
      "Sun",
      photo.sun_elevation !== null &&
        `${degrees(Math.abs(photo.sun_elevation), 1)} ${photo.sun_elevation < 0 ? "below" : "above"} the horizon`,
      photo.sun_azimuth !== null && `, ${compass(photo.sun_azimuth)}`,
    ),
    fact("Season", photo.solar_longitude !== null && `solar longitude ${degrees(photo.solar_longitude, 1)}`),
    wide(
      "Place",
      photo.site !== null &&
        h(
          "a",
          { href: link({ photo: null, stop: `${photo.site}.${photo.drive}` }) },
          `site ${photo.site}, drive ${photo.drive}`,
        ),
      photo.site !== null && photo.location_method && " · ",
      photo.location_method && `${spaced(photo.location_method)}, ${photo.location_quality}`,
      photo.location_uncertainty_m > 0 && ` within ${photo.location_uncertainty_m} m`,
    ),
    fact(
      "Picture",
      [photo.width && `${number(photo.width)} × ${number(photo.height)} px`, photo.color, photo.type]
        .filter(Boolean)
        .join(", "),
    ),
    fact("Sequence", photo.sequence),
    wide(
      "Known from",
      sources.length > 1 ? `${sources.join(", ")}; these facts are of ${photo.source}` : `${photo.source} alone`,
      photo.sols_apart > 0 && h("strong", { class: "warning" }, " they have it under different sols"),
    ),
    wide("Id", h("code", {}, photo.key)),
    wide("Credit", photo.credit ?? "NASA/JPL-Caltech"),
  );
}

/** The photos before and after, of the same kind, in the order in which they were taken. */
function neighbours(photos, photo) {
  const listed = photos.filter((each) => each.thumbnail === photo.thumbnail);
  const at = listed.indexOf(photo);
  const name = (each) => (each ? `${each.sol}|${each.source}|${each.id}` : null);
  return { before: name(listed[at - 1]), after: name(listed[at + 1]) };
}

function content(photo) {
  const original = pictureOf(photo, "url_full");
  const step = (text, label, to) =>
    h(
      "button",
      { type: "button", "aria-label": label, disabled: !to, onclick: () => go({ photo: to }, { quiet: true }) },
      text,
    );
  return [
    h("div", { class: "photo-picture" }, filled(photo, "url", photo.caption ?? title(photo))),
    h(
      "div",
      { class: "photo-facts" },
      h(
        "div",
        { class: "photo-bar" },
        step("←", "The photo before", around.before),
        step("→", "The photo after", around.after),
        h("button", { type: "button", class: "close", "aria-label": "Close the photo", onclick: close }, "×"),
      ),
      h("h2", { id: "photo-title" }, title(photo)),
      photo.caption && h("p", { class: "caption" }, photo.caption),
      rose(photo),
      facts(photo),
      original && h("p", {}, h("a", { href: original, rel: "noreferrer", target: "_blank" }, "The original file")),
    ),
  ];
}

/** Show the photo of the address, or close it. */
export async function openPhoto(view, rover) {
  if (!view.photo || !rover) {
    if (dialog.open) dialog.close();
    return;
  }
  const [sol, source, ...rest] = view.photo.split("|");
  const first = Math.floor(Number(sol) / rover.block_sols) * rover.block_sols;
  const photos = rover.blocks.includes(first) ? (await block(rover.rover, first)).photos : [];
  const photo = photos.find((each) => each.id === rest.join("|") && each.source === source);
  around = photo ? neighbours(photos, photo) : { before: null, after: null };
  show(
    dialog,
    photo
      ? content(photo)
      : [
          h("h2", { id: "photo-title" }, "This photo is not held here"),
          h("p", {}, "Another build may have taken its record from another source; look for it on its sol."),
          h("button", { type: "button", onclick: close }, "Close"),
        ],
  );
  if (!dialog.open) dialog.showModal();
}
