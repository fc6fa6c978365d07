"use strict";

// These functions know nothing of the page. `data` is the JSON of `concept_map.py`.
const ANCHORS = ["#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39"];

// What is called so, begins so, has a word that begins so, holds it; frequent ones first
function search(names, query) {
  const wanted = query.trim().toLowerCase().replace(/\s+/g, " ");
  if (!wanted) return [];
  const groups = [[], [], [], []];
  names.forEach((name, i) => {
    const at = name.indexOf(wanted);
    if (at < 0) return;
    const group = name === wanted ? 0 : at === 0 ? 1 : name.includes(" " + wanted) ? 2 : 3;
    groups[group].push(i);
  });
  return groups.flat();
}

// Offsets are in characters, of which JavaScript may take one for two
function cut(sentence, start, end) {
  const characters = Array.from(sentence);
  const part = (from, to) => characters.slice(from, to).join("");
  return [part(0, start), part(start, end), part(end)];
}

function mix(low, high, share) {
  const channel = (colour, i) => parseInt(colour.slice(2 * i + 1, 2 * i + 3), 16);
  return "#" + [0, 1, 2].map((i) => {
    const value = channel(low, i) * (1 - share) + channel(high, i) * share;
    return Math.round(value).toString(16).padStart(2, "0");
  }).join("");
}

function colourByFrequency(counts) {
  const low = Math.log(Math.min(...counts)), high = Math.log(Math.max(...counts));
  return counts.map((count) => {
    const share = (Math.log(count) - low) / (high - low || 1) * (ANCHORS.length - 1);
    const i = Math.min(Math.floor(share), ANCHORS.length - 2);
    return mix(ANCHORS[i], ANCHORS[i + 1], share - i);
  });
}

// The most frequent concepts of a view whose names don't lie over each other
function pickLabels(data, view, limit) {
  const placed = [], chosen = [];
  for (let i = 0; i < data.names.length && chosen.length < limit; i++) {
    const x = data.x[i], y = data.y[i];
    if (x < view.left || x > view.right || y < view.low || y > view.high) continue;
    const width = 3.6 * Math.min(data.names[i].length, 28) / view.xScale;
    const free = placed.every((other) => Math.abs(other.y - y) > 17 / view.yScale ||
      Math.abs(other.x - x) > other.width + width);
    if (!free) continue;
    placed.push({ x, y, width });
    chosen.push(i);
  }
  return chosen;
}

const shorten = (name) => name.length > 28 ? name.slice(0, 27) + "…" : name;

function make(tag, text, className) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

function makeLink(data, i) {
  const button = make("button", data.names[i], "concept");
  button.type = "button";
  button.dataset.concept = i;
  return button;
}

// A concept's mentions in their sentences and its neighbours, all of it as text
function describe(data, i) {
  const rank = `${(i + 1).toLocaleString("en")} of ${data.names.length.toLocaleString("en")}`;
  const mentions = make("ul", "", "mentions");
  for (const [sentence, start, end] of data.mentions[i]) {
    const [before, mention, after] = cut(data.sentences[sentence], start, end);
    const item = make("li", before);
    item.append(make("mark", mention), after);
    mentions.append(item);
  }
  const nearest = make("ul", "", "nearest");
  data.nearest[i].forEach((other, j) => {
    const item = make("li", "");
    const cosine = (data.cosines[i][j] / 100).toFixed(2);
    const note = `${cosine} · ${data.counts[other].toLocaleString("en")}`;
    item.append(makeLink(data, other), make("small", note));
    nearest.append(item);
  });
  return [
    make("h3", data.names[i]),
    make("p", `${data.counts[i].toLocaleString("en")} mentions; ${rank} by frequency`, "note"),
    make("h4", "Mentions"), mentions,
    make("h4", "Nearest concepts"), make("p", "cosine · mentions", "note"), nearest,
  ];
}

function draw(data, element, colours, onOpen, onHover) {
  const n = data.names.length;
  const top = Math.log(Math.max(...data.counts)) || 1;
  const size = data.counts.map((count) => 3 + 13 * Math.log(count) / top);
  const source = new Bokeh.ColumnDataSource({
    data: { x: data.x, y: data.y, size, colour: colours.meaning },
  });
  const empty = () => new Bokeh.ColumnDataSource({ data: { x: [], y: [], x1: [], y1: [], text: [] } });
  const hits = empty(), picked = empty(), links = empty(), labels = empty();
  const width = element.clientWidth, height = element.clientHeight;
  const half = 0.53 * data.grid, wide = half * Math.max(width / height, 1);
  const tall = half * Math.max(height / width, 1), middle = data.grid / 2;
  const home = [middle - wide, middle + wide, middle - tall, middle + tall];
  const figure = Bokeh.Plotting.figure({
    tools: "pan,box_zoom,wheel_zoom,zoom_in,zoom_out,reset", active_scroll: "wheel_zoom",
    sizing_mode: "stretch_both", x_axis_type: null, y_axis_type: null,
    x_range: new Bokeh.Range1d({ start: home[0], end: home[1] }),
    y_range: new Bokeh.Range1d({ start: home[2], end: home[3] }),
    background_fill_color: null, border_fill_color: null, outline_line_color: null,
    min_border: 0, toolbar_location: "above",
  });
  figure.toolbar.logo = null;
  figure.segment({ field: "x" }, { field: "y" }, { field: "x1" }, { field: "y1" },
    { source: links, line_color: "#8a94a0", line_width: 1 });
  const points = figure.scatter({ field: "x" }, { field: "y" }, {
    source, size: { field: "size" }, fill_color: { field: "colour" }, fill_alpha: 0.75, line_color: null,
  });
  points.selection_glyph = points.nonselection_glyph = null;
  const rings = [[hits, 12, "#e0701b"], [picked, 20, "#d6204e"]].map(([from, px, colour]) =>
    figure.scatter({ field: "x" }, { field: "y" }, {
      source: from, size: px, fill_color: null, line_color: colour, line_width: 2.5,
    }));
  // A name's outline lies over its letters, so the letters are written once more
  const [halo, names] = [0, 1].map(() => figure.text({ field: "x" }, { field: "y" }, { field: "text" }, {
    source: labels, text_font_size: "12px", text_font: "system-ui, sans-serif",
    text_align: "center", text_baseline: "bottom", y_offset: -4,
  }));
  for (const renderer of [...rings, halo, names]) renderer.selection_glyph = renderer.nonselection_glyph = null;
  figure.add_tools(new Bokeh.TapTool({ renderers: [points] }));
  figure.add_tools(new Bokeh.HoverTool({ renderers: [points], tooltips: null, visible: false }));

  function label() {
    const [x, y] = [figure.x_range, figure.y_range];
    const view = { left: x.start, right: x.end, low: y.start, high: y.end };
    view.xScale = element.clientWidth / (x.end - x.start);
    view.yScale = element.clientHeight / (y.end - y.start);
    const chosen = pickLabels(data, view, element.clientWidth < 500 ? 14 : 36);
    const take = (column) => chosen.map((i) => column[i]);
    labels.data = { x: take(data.x), y: take(data.y), text: take(data.names).map(shorten) };
  }
  let waiting = 0;
  for (const range of [figure.x_range, figure.y_range]) {
    range.change.connect(() => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(label);
    });
  }
  function paint(dark) {
    names.glyph.text_color = { value: dark ? "#e6eaef" : "#1d2733" };
    for (const property of ["text_color", "text_outline_color"]) {
      halo.glyph[property] = { value: dark ? "#161b22" : "#ffffff" };
    }
  }
  const darkness = matchMedia("screen and (prefers-color-scheme: dark)");
  darkness.addEventListener("change", () => paint(darkness.matches));
  paint(darkness.matches);
  source.selected.properties.indices.change.connect(() => {
    const found = source.selected.indices;
    // where several lie over each other: the most frequent
    if (found.length) onOpen(found.reduce((one, other) => Math.min(one, other)));
  });
  source.inspect.connect(([, { geometry }]) => {
    const found = source.inspected.indices;
    onHover(found.length ? found.reduce((one, other) => Math.min(one, other)) : null, geometry);
  });
  const at = (indices) => ({ x: indices.map((i) => data.x[i]), y: indices.map((i) => data.y[i]) });
  label();
  return {
    figure,
    colour: (name) => { source.data = { ...source.data, colour: colours[name] }; },
    hit: (indices) => { hits.data = at(indices); },
    pick(i) {
      picked.data = at([i]);
      const near = data.nearest[i], from = near.map(() => i);
      const ends = at(near);
      links.data = { ...at(from), x1: ends.x, y1: ends.y };
    },
    show(i) {
      const span = Math.max(...data.nearest[i].map((j) =>
        Math.max(Math.abs(data.x[j] - data.x[i]), Math.abs(data.y[j] - data.y[i]))), 0);
      const share = Math.min(Math.max(1.3 * span / half, 0.06), 0.4);
      figure.x_range.setv({ start: data.x[i] - wide * share, end: data.x[i] + wide * share });
      figure.y_range.setv({ start: data.y[i] - tall * share, end: data.y[i] + tall * share });
    },
  };
}

function run() {
  const get = (id) => document.getElementById(id);
  const data = JSON.parse(get("map-data").textContent);
  const meaning = data.names.map((_, i) => "#" + data.colours.slice(6 * i, 6 * i + 6));
  const colours = { meaning, frequency: colourByFrequency(data.counts) };
  const lower = data.names.map((name) => name.toLowerCase());
  const panel = get("map-concept"), hint = get("map-hint"), list = get("map-found");
  get("map-tool").hidden = false;

  function hover(i, geometry) {
    hint.hidden = i === null;
    if (i === null) return;
    hint.textContent = `${data.names[i]} · ${data.counts[i].toLocaleString("en")}`;
    const place = Math.min(geometry.sx + 14, get("map-plot").clientWidth - hint.offsetWidth - 4);
    hint.style.transform = `translate(${place}px, ${geometry.sy + 14}px)`;
  }
  const map = draw(data, get("map-plot"), colours, (i) => open(i), hover);
  function open(i, move) {
    panel.replaceChildren(...describe(data, i));
    panel.scrollTop = 0;
    map.pick(i);
    if (move) map.show(i);
  }
  function find() {
    const query = get("map-search").value;
    const found = search(lower, query);
    map.hit(found.slice(0, 200));
    list.replaceChildren(...found.slice(0, 12).map((i) => {
      const item = make("li", "");
      item.append(makeLink(data, i));
      return item;
    }));
    const n = found.length.toLocaleString("en");
    get("map-count").textContent = query.trim() ? `${n} ${found.length === 1 ? "concept" : "concepts"}` : "";
    return found;
  }
  get("map-search").addEventListener("input", find);
  get("map-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const found = find();
    if (found.length) open(found[0], true);
  });
  get("map-colour").addEventListener("change", (event) => map.colour(event.target.value));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-concept]");
    if (!button) return;
    open(Number(button.dataset.concept), true);
    if (!get("map").contains(button)) get("map").scrollIntoView();
  });
  open(0);
  Bokeh.Plotting.show(map.figure, get("map-plot")).then(() => requestAnimationFrame(() => {
    performance.mark("map-ready");
    get("map").dataset.state = "ready";
  }));
}

if (typeof document !== "undefined") run();
if (typeof module !== "undefined") module.exports = { search, cut, mix, colourByFrequency, pickLabels };
