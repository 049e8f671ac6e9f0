// Bars as SVG: one group a row, one bar a series, the value beside its bar.

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 560;
const BAR = 16;
const GAP = 3;

function shape(name, attributes, text) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// groups: [{title, values: [number]}]; series: [name]; say(value) is the label of a bar.
export function bars(title, groups, series, say) {
  const most = Math.max(1, ...groups.flatMap((group) => group.values));
  const groupHeight = 22 + series.length * (BAR + GAP) + 10;
  const legend = 24;
  const height = legend + groups.length * groupHeight;
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img" });
  svg.append(shape("title", {}, title));
  const step = WIDTH / series.length;
  series.forEach((name, i) => {
    svg.append(shape("rect", { x: i * step, y: 4, width: 12, height: 12, class: `c${i}` }));
    svg.append(shape("text", { x: i * step + 17, y: 14 }, name));
  });
  groups.forEach((group, g) => {
    const top = legend + g * groupHeight;
    svg.append(shape("text", { x: 0, y: top + 14, class: "soft" }, group.title));
    group.values.forEach((value, i) => {
      const y = top + 20 + i * (BAR + GAP);
      const width = Math.max((value / most) * (WIDTH - 90), value ? 1 : 0);
      svg.append(shape("rect", { x: 0, y, width, height: BAR, rx: 2, class: `c${i}` }));
      svg.append(shape("text", { x: width + 6, y: y + 12 }, say(value)));
    });
  });
  return svg;
}
