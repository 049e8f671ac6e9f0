// Bars as SVG: one group a row, one bar a series, the value beside its bar.

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 340;
const LEGEND_COLUMNS = 3;
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
  const most = Math.max(...groups.flatMap((group) => group.values), 0) || 1;
  const groupHeight = 22 + series.length * (BAR + GAP) + 10;
  const legend = 6 + 18 * Math.ceil(series.length / LEGEND_COLUMNS);
  const height = legend + groups.length * groupHeight;
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img" });
  svg.append(shape("title", {}, title));
  series.forEach((name, i) => {
    const x = (i % LEGEND_COLUMNS) * (WIDTH / LEGEND_COLUMNS);
    const y = Math.floor(i / LEGEND_COLUMNS) * 18;
    svg.append(shape("rect", { x, y: y + 2, width: 11, height: 11, class: `c${i}` }));
    svg.append(shape("text", { x: x + 16, y: y + 12 }, name));
  });
  groups.forEach((group, g) => {
    const top = legend + g * groupHeight;
    svg.append(shape("text", { x: 0, y: top + 14, class: "soft" }, group.title));
    group.values.forEach((value, i) => {
      const y = top + 20 + i * (BAR + GAP);
      const width = Math.max((value / most) * (WIDTH - 60), value ? 1 : 0);
      svg.append(shape("rect", { x: 0, y, width, height: BAR, rx: 2, class: `c${i}` }));
      svg.append(shape("text", { x: width + 6, y: y + 12 }, say(value)));
    });
  });
  return svg;
}
