// How numbers, times and places are written.

const NUMBER = new Intl.NumberFormat("en");

export const number = (value) => (value === null || value === undefined ? "unknown" : NUMBER.format(value));
export const plural = (count, one, many = `${one}s`) => `${number(count)}\u00a0${count === 1 ? one : many}`;

/** Metres below a kilometre and a half, kilometres above. */
export function distance(metres) {
  if (metres === null || metres === undefined) return "unknown";
  if (metres < 1500) return `${number(Math.round(metres))}\u00a0m`;
  return `${(metres / 1000).toFixed(metres < 100000 ? 2 : 1)}\u00a0km`;
}

/** An elevation in metres, or a part of one. */
export const elevation = (metres, digits = 0) => `${metres.toFixed(digits)} m`.replace("-", "−");

export const degrees = (value, digits = 0) =>
  value === null || value === undefined ? "unknown" : `${value.toFixed(digits)}°`;
export const sols = (first, last) => (first === last ? `sol ${first}` : `sols ${first} to ${last}`);

const POINTS = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];
export const compass = (azimuth) => POINTS[Math.round(azimuth / 45) % 8];

/** Longitude and latitude in degrees. */
export const place = (longitude, latitude) =>
  `${Math.abs(latitude).toFixed(4)}° ${latitude < 0 ? "S" : "N"}, ${longitude.toFixed(4)}° E`;

export const day = (iso) =>
  iso === null
    ? "unknown"
    : new Date(`${iso}T00:00:00Z`).toLocaleDateString("en-GB", {
        timeZone: "UTC",
        day: "numeric",
        month: "short",
        year: "numeric",
      });

/** A time in UTC; `iso` or milliseconds. */
export function utc(time) {
  if (time === null) return "unknown";
  const text = new Date(time).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`;
}

/** Words for a name of the tables: `front_hazard` -> "front hazard". */
export const spaced = (name) => (name ?? "unknown").replaceAll("_", " ");

/** Sol and local mean solar time at a moment, of a rover of rovers.json. */
export function marsTime(rover, now = Date.now()) {
  const elapsed = (now - rover.first_midnight_ms) / (rover.sol_seconds * 1000);
  const whole = Math.floor(elapsed);
  const seconds = Math.floor((elapsed - whole) * 86400);
  const two = (value) => String(value).padStart(2, "0");
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(":");
  return { sol: rover.first_sol + whole, time, hours: seconds / 3600 };
}
