// The frame of the page: which part is shown for which address.

import { loadRovers } from "./data.js";
import { h, show } from "./dom.js";
import { overview } from "./overview.js";
import { openPhoto } from "./photo.js";
import { roverPage } from "./rover.js";
import { onChange, state } from "./state.js";
import { utc } from "./words.js";

const main = document.getElementById("main");
let shown = null;

/** Navigation above: the rovers, the present one marked. */
function navigation(rovers, present) {
  const entry = (name, href, text) =>
    h("a", { href, "data-rover": name, "aria-current": name === present ? "page" : null }, text);
  show(
    document.getElementById("nav"),
    entry(null, "?", "All rovers"),
    rovers.map((each) => entry(each.rover, `?rover=${encodeURIComponent(each.rover)}`, each.title)),
  );
}

function footer(published) {
  const service = (path, text) => h("a", { href: new URL(`../${path}`, location.href).href }, text);
  show(
    document.getElementById("footer"),
    h(
      "p",
      {},
      `Data as of ${utc(published)}. Pictures: NASA/JPL-Caltech and as credited; they come from NASA when you open them.`,
    ),
    location.pathname.startsWith("/explorer/") &&
      h(
        "p",
        {},
        service("docs", "API"),
        " · ",
        service("stac/", "STAC"),
        " · ",
        service("published/manifest.json", "Tables"),
      ),
  );
}

async function render(view, before) {
  const facts = await loadRovers();
  const known = facts.rovers.find((each) => each.rover === view.rover) ?? null;
  const name = known?.rover ?? "";
  if (shown?.name !== name) {
    shown?.leave?.();
    document.documentElement.dataset.rover = name;
    document.title = known ? `${known.title} · Martian Moments` : "Martian Moments";
    navigation(facts.rovers, known?.rover ?? null);
    footer(facts.published_at);
    const page = known ? await roverPage(known) : await overview(facts, view.rover);
    show(main, page.element);
    shown = { ...page, name };
    if (before) scrollTo({ top: 0 });
  }
  await shown.update?.(view, before);
  await openPhoto(view, known);
}

const AGAIN_MS = 5000;

/** One rendering after another; what fails is said in the page, and what may come soon is asked for again. */
let turn = Promise.resolve();
function next(view, before) {
  turn = turn
    .then(() => render(view, before))
    .catch((error) => {
      shown = null;
      const retry = h("button", { type: "button", onclick: () => next(state()) }, "Try again");
      const title = error.later ? "Not yet" : "Nothing can be shown now";
      show(
        main,
        h(
          "section",
          { class: "notice", role: "alert" },
          h("h1", {}, title),
          h("p", {}, error.message, error.later && "; this page asks again by itself"),
          h("p", {}, retry),
        ),
      );
      if (error.later) setTimeout(() => shown ?? next(state()), AGAIN_MS);
    });
}

onChange(next);
next(state());
