// The movies that the platform has made.

import { h } from "./dom.js";
import { plural, sols } from "./words.js";

// A poster is as large as all else together: it waits until the visitor comes near.
const posters = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      target.poster = target.dataset.poster;
      posters.unobserve(target);
    }
  },
  { rootMargin: "200px" },
);

function shown(movie) {
  const at = (file) => `moments/${encodeURIComponent(movie.name)}/${file}`;
  if (movie.is_still) return h("img", { alt: movie.title, loading: "lazy", src: at(movie.movie) });
  const { width_px: width, height_px: height } = movie;
  const named = { "aria-label": movie.title, "data-poster": movie.poster && at(movie.poster) };
  const captions = {
    kind: "captions",
    src: movie.captions && at(movie.captions),
    srclang: "en",
    label: "Sol, time and place",
  };
  const video = h(
    "video",
    { controls: true, preload: "none", width, height, ...named },
    h("source", { src: at(movie.movie) }),
    movie.captions && h("track", captions),
  );
  if (movie.poster) posters.observe(video);
  return video;
}

/** What a movie is made of; its frames may not be known any more. */
const madeOf = (movie) =>
  [
    movie.cameras.join(", "),
    movie.first_sol !== null && sols(movie.first_sol, movie.last_sol),
    plural(movie.frames, "frame"),
    movie.seconds > 0 && `${Math.round(movie.seconds)} s`,
  ]
    .filter(Boolean)
    .join(" · ");

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
        h("figcaption", {}, h("strong", {}, movie.title), h("span", {}, madeOf(movie))),
      ),
    ),
  );
}
