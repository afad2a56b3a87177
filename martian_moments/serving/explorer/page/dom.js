// Elements from data. Text is always a text node: what NASA's files say never becomes HTML.

const SVG = "http://www.w3.org/2000/svg";

// What is null, undefined or false is nothing: so a child can stand behind a condition.
const present = (children) =>
  children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...present(children));
  return element;
}

/** An HTML element: `h("a", {href: "?"}, "text", other)`; `onclick` and the like are listeners. */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** An SVG element, likewise. */
export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** A name that may go on in the next line after each underscore. */
export const breakable = (name) => name.split("_").flatMap((part, at) => (at ? ["_", h("wbr"), part] : [part]));

/** Put something else into an element. */
export const show = (element, ...children) => {
  element.replaceChildren(...present(children));
  return element;
};

/** Say something to those who listen. */
export const announce = (text) => show(document.getElementById("announce"), text);

/** A canvas that follows its size on the screen; `draw(context, width, height)` is called in CSS pixels. */
export function canvas(attributes, draw) {
  const element = h("canvas", attributes);
  let due = 0;
  const redraw = () => {
    due ||= requestAnimationFrame(() => {
      due = 0;
      const { clientWidth: width, clientHeight: height } = element;
      if (!width || !height || !element.isConnected) return;
      const scale = window.devicePixelRatio || 1;
      element.width = Math.round(width * scale);
      element.height = Math.round(height * scale);
      const context = element.getContext("2d");
      context.scale(scale, scale);
      draw(context, width, height);
    });
  };
  new ResizeObserver(redraw).observe(element);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  return { element, redraw };
}

/** The value of a colour of the style sheet, where an element is. */
export const colour = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

/** A colour between two of the form #rrggbb. */
export function between(from, to, share) {
  const part = (text, at) => parseInt(text.slice(at, at + 2), 16);
  const mixed = [1, 3, 5].map((at) => Math.round(part(from, at) + (part(to, at) - part(from, at)) * share));
  return `rgb(${mixed.join(" ")})`;
}

/** A small box with text beside the pointer, within its parent. */
export function tooltip() {
  const element = h("div", { class: "tip", hidden: true });
  const hide = () => {
    element.hidden = true;
  };
  const at = (x, y, ...lines) => {
    show(
      element,
      lines
        .flat()
        .filter(Boolean)
        .map((line, number) => h(number ? "span" : "strong", {}, line)),
    );
    element.hidden = false;
    const { clientWidth: width, clientHeight: height } = element.parentElement;
    element.style.left = `${Math.max(4, Math.min(x + 14, width - element.offsetWidth - 4))}px`;
    element.style.top = `${Math.max(4, y + 14 + element.offsetHeight > height ? y - element.offsetHeight - 10 : y + 14)}px`;
  };
  return { element, at, hide };
}
