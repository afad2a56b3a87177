// The data files, each fetched once. What they hold is described where they are made (serving/explorer/*.py).

const held = new Map();

/** A data file, e.g. `rovers.json`. */
export function load(name) {
  if (!held.has(name)) {
    const fetched = fetch(`data/${name}`).then(async (response) => {
      if (response.ok) return response.json();
      const problem = await response.json().catch(() => ({}));
      throw Object.assign(new Error(problem.detail ?? `The server responded with ${response.status} for ${name}.`), {
        later: response.status === 503,
      });
    });
    // What failed is asked for again the next time.
    fetched.catch(() => held.delete(name));
    held.set(name, fetched);
  }
  return held.get(name);
}

function values(column, count) {
  if (Array.isArray(column)) return column;
  if ("all" in column) return new Array(count).fill(column.all);
  if ("values" in column) return column.at.map((at) => (at === null ? null : column.values[at]));
  let before = "";
  return column.rest.map((rest, row) => {
    const value = rest === null ? null : before.slice(0, column.shared[row]) + rest;
    before = value ?? "";
    return value;
  });
}

/** The rows of a table that is stored by columns. */
export function table({ rows, ...columns }) {
  const read = Object.entries(columns).map(([name, column]) => [name, values(column, rows)]);
  return Array.from({ length: rows }, (_, row) => Object.fromEntries(read.map(([name, column]) => [name, column[row]])));
}

/** rovers.json, each rover with the lengths of a sol and of a block of sols. */
export async function loadRovers() {
  const facts = await load("rovers.json");
  const { sol_seconds, block_sols } = facts;
  return { ...facts, rovers: facts.rovers.map((rover) => ({ ...rover, sol_seconds, block_sols })) };
}

const decoded = new WeakMap();

/** The photos and observations of a block, as rows. */
export async function block(rover, first) {
  const content = await load(`${rover}/photos/${first}.json`);
  if (!decoded.has(content)) {
    const photos = table(content.photos);
    for (const photo of photos) {
      photo.rover = rover;
      photo.key = `${rover}|${photo.source}|${photo.id}`;
      photo.minutes = photo.lmst === null ? null : Number(photo.lmst.slice(0, 2)) * 60 + Number(photo.lmst.slice(3, 5));
    }
    const members = (rows) => table(rows).map((row) => ({ ...row, photos: row.photos.map((at) => photos[at]) }));
    const pairs = table(content.stereo_pairs).map((row) => ({
      ...row,
      photos: [photos[row.left], photos[row.right]].filter(Boolean),
    }));
    decoded.set(content, {
      photos,
      stereo: pairs,
      panoramas: members(content.panoramas),
      sequences: members(content.sequences),
    });
  }
  return decoded.get(content);
}
