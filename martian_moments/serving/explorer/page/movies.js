// The movies that the platform has made.

import { h } from "./dom.js";
import { plural, sols } from "./words.js";

function shown(movie) {
  const at = (file) => `moments/${encodeURIComponent(movie.name)}/${file}`;
  if (movie.is_still) return h("img", { alt: movie.title, loading: "lazy", src: at(movie.movie) });
  const track =
    movie.captions && h("track", { kind: "captions", src: at(movie.captions), srclang: "en", label: "Sol, time and place" });
  return h(
    "video",
    {
      controls: true,
      preload: "none",
      poster: movie.poster && at(movie.poster),
      "aria-label": movie.title,
      width: movie.width_px,
      height: movie.height_px,
    },
    h("source", { src: at(movie.movie) }),
    track,
  );
}

/** Movies one beside the other. */
export function movieList(movies) {
  return h(
    "div",
    { class: "movies" },
    movies.map((movie) =>
      h(
        "figure",
        { "data-rover": movie.rover },
        shown(movie),
        h(
          "figcaption",
          {},
          h("strong", {}, movie.title),
          h(
            "span",
            {},
            `${movie.cameras.join(", ")} · ${sols(movie.first_sol, movie.last_sol)} · ` +
              `${plural(movie.frames, "frame")}${movie.seconds ? `, ${movie.seconds.toFixed(0)} s` : ""}`,
          ),
        ),
      ),
    ),
  );
}
