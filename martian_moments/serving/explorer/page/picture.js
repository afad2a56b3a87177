// One picture, small: its frame is drawn from what is known of it, and filled only when the visitor wants pictures.

import { breakable, h, s } from "./dom.js";
import { link } from "./state.js";
import { compass, degrees } from "./words.js";

/** The address of a photo within this view. */
export const photoLink = (photo) => link({ photo: `${photo.sol}|${photo.source}|${photo.id}` });

/** Where the picture is, the small one if there is one; null for anything but a web address. */
export const pictureOf = (photo, size = "url_small") => {
  const address = photo[size] ?? photo.url ?? "";
  return /^https?:\/\//.test(address) ? address : null;
};

/** What stands for a picture that is not shown: its shape, and an arrow to where the camera looked. */
function standIn(photo) {
  const ratio = photo.width && photo.height ? photo.width / photo.height : 1;
  const [wide, high] = ratio > 4 / 3 ? [88, 88 / ratio] : [66 * ratio, 66];
  return s(
    "svg",
    { class: "stand-in", viewBox: "0 0 120 90", "aria-hidden": "true" },
    s("rect", { x: 60 - wide / 2, y: 45 - high / 2, width: wide, height: high, rx: 2 }),
    photo.azimuth !== null &&
      s(
        "g",
        { transform: `translate(60 45) rotate(${photo.azimuth})` },
        s("circle", { r: 13 }),
        s("path", { d: "M0 -9L5 7L0 3.5L-5 7Z" }),
      ),
  );
}

/** The file that is shown, or why it is not. */
export function filled(photo, size, alt) {
  const address = pictureOf(photo, size);
  if (!address) return h("p", { class: "no-picture" }, "No source has a picture that a browser shows.");
  const image = h("img", { alt, loading: "lazy", decoding: "async", referrerpolicy: "no-referrer", src: address });
  image.addEventListener("error", () =>
    image.replaceWith(h("p", { class: "no-picture" }, "The picture could not be loaded from its source.")),
  );
  return image;
}

export const title = (photo) => `${photo.camera}, sol ${photo.sol}`;

/** A photo in the gallery. */
export function tile(photo, pictures) {
  const looking = photo.azimuth === null ? null : `${compass(photo.azimuth)} ${degrees(photo.azimuth)}`;
  return h(
    "li",
    {},
    h(
      "a",
      { class: "tile", href: photoLink(photo) },
      h("span", { class: "frame" }, pictures ? filled(photo, "url_small", "") : standIn(photo)),
      h("span", { class: "camera" }, breakable(photo.camera)),
      h("span", { class: "when" }, `Sol ${photo.sol} · ${photo.lmst?.slice(0, 5) ?? "time unknown"}`),
      h("span", { class: "when" }, looking ?? "direction unknown"),
    ),
  );
}
