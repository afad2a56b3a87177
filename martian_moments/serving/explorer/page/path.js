// A drive as the charts need it: places in metres east and north of the landing place, with the distance along the path.

import { table } from "./data.js";

function vertices(line, heights, from) {
  const found = [];
  let x = 0,
    y = 0,
    z = 0,
    along = from;
  for (let at = 0; at < line.length; at += 2) {
    const before = [x, y];
    x += line[at] / 10;
    y += line[at + 1] / 10;
    if (heights) z += heights[at / 2] / 10;
    if (at) along += Math.hypot(x - before[0], y - before[1]);
    found.push({ x, y, z: heights ? z : null, along });
  }
  return found;
}

/** The legs and stops of a rover; see serving/explorer/drive.py for what the files hold. */
export function drivePath(path, stops) {
  let along = 0;
  const legs = table(path.legs).map((leg, number) => {
    const lines = path.lines[number].map((line, part) => {
      const points = vertices(line, path.heights[number][part], along);
      along = points[points.length - 1].along;
      return points;
    });
    return { ...leg, lines };
  });
  const points = legs.flatMap((leg) =>
    leg.lines.flatMap((line) => line.map((point) => ({ ...point, sol: leg.sol ?? leg.last_sol }))),
  );
  for (const stop of stops) {
    stop.key = `${stop.site}.${stop.drive}`;
    stop.placed = stop.x !== null && stop.y !== null;
    if (stop.placed) [stop.x, stop.y] = [stop.x / 10, stop.y / 10];
  }
  const placed = stops.filter((stop) => stop.placed);
  const byKey = new Map(stops.map((stop) => [stop.key, stop]));
  const known = points.filter((point) => point.sol !== null).map((point) => point.sol);
  return {
    legs,
    points,
    stops,
    placed,
    length: along,
    origin: path.origin,
    metresPerDegree: (path.radius_m * Math.PI) / 180,
    firstSol: Math.min(...known, ...stops.map((stop) => stop.first_sol)),
    lastSol: Math.max(...known, ...stops.map((stop) => stop.last_sol)),
    hasHeights: points.some((point) => point.z !== null),
    stopOf: (key) => byKey.get(key) ?? null,
  };
}

/** The point of a path that is nearest to a place, or to a distance along it. */
export function nearest(points, measure) {
  let best = null,
    least = Infinity;
  for (const point of points) {
    const far = measure(point);
    if (far < least) [best, least] = [point, far];
  }
  return best;
}
