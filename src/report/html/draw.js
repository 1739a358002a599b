// Reading the data and drawing timelines. Times are in milliseconds since the start of the run.

const run = JSON.parse(document.getElementById('data').textContent);
const SVG = 'http://www.w3.org/2000/svg';
// The places of what host and batch lists hold.
const BAR = { length: 3 };
const STEP = { length: 6 };
const BATCH = { number: 0, from: 1, until: 2, soak: 3, soaked: 4, hosts: 5, trouble: 6 };
const FAILED = new Set([3, 5, 6]);
const STEPS_OF_TIME = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5];

// An element with attributes and content; text is never taken for markup.
function element(name, attributes, ...content) {
  const made = document.createElement(name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  made.append(...content);
  return made;
}

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  return made;
}

function icon(name) {
  const svg = shape('svg', { class: 'icon', 'aria-hidden': 'true' });
  svg.append(shape('use', { href: '#i-' + name }));
  return svg;
}

// The offset of the zone's clocks at a moment.
function offset(at) {
  const moment = run.start + at;
  let found = run.zone[0];
  for (const each of run.zone) if (each[0] <= moment) found = each;
  return found[1] * 1000;
}

const two = (number) => String(number).padStart(2, '0');

// A time of day, as exact as the distance of ticks asks for.
function clock(at, step = 1000) {
  const day = new Date(run.start + at + offset(at));
  const minutes = two(day.getUTCHours()) + ':' + two(day.getUTCMinutes());
  if (step >= 6e4) return minutes;
  const seconds = minutes + ':' + two(day.getUTCSeconds());
  return step >= 1000 ? seconds : seconds + '.' + String(day.getUTCMilliseconds()).padStart(3, '0');
}

// A duration as a person says it.
function duration(millis) {
  const tenths = Math.round(millis / 100);
  if (tenths < 600) return (tenths / 10).toFixed(1) + ' s';
  const seconds = Math.round(millis / 1000);
  if (seconds < 3600) return Math.floor(seconds / 60) + ' min ' + (seconds % 60) + ' s';
  const minutes = Math.floor(seconds / 60);
  return Math.floor(minutes / 60) + ' h ' + (minutes % 60) + ' min';
}

// Where ticks lie between two times, at round times of day, and how far apart.
function ticks(from, until, width) {
  const room = Math.max(2, Math.ceil(width / 84));
  const step = STEPS_OF_TIME.find((each) => (until - from) / each <= room) || 864e5;
  const shift = run.start + offset(from);
  const found = [];
  for (let at = Math.ceil((from + shift) / step) * step - shift; at <= until; at += step) found.push(at);
  return { step, found };
}

const percent = (at, from, until) => ((at - from) * 100) / Math.max(1, until - from);

// Times of day above a timeline.
function drawAxis(svg, from, until, width) {
  svg.replaceChildren();
  const { step, found } = ticks(from, until, width);
  for (const at of found) {
    const x = percent(at, from, until);
    // A label that would run over an end is left out.
    if ((x * width) / 100 < 14 || ((100 - x) * width) / 100 < 14) continue;
    svg.append(shape('text', { class: 'label', x: x + '%', y: 12, 'text-anchor': 'middle' }, clock(at, step)));
  }
}

function line(parent, at, from, until, name, height) {
  const x = percent(at, from, until) + '%';
  parent.append(shape('line', { class: name, x1: x, x2: x, y1: 0, y2: height }));
}

function rectangle(parent, name, begin, end, from, until, y, height) {
  const left = Math.max(0, percent(begin, from, until));
  const right = Math.min(100, percent(end, from, until));
  if (right < 0 || left > 100) return null;
  const made = shape('rect', { class: name, x: left + '%', width: Math.max(0.12, right - left) + '%', y, height });
  parent.append(made);
  return made;
}

// Where a bar lies within a track of this height: what changes nothing is low, what does is high.
function seat(kind, height) {
  const name = run.bars[kind][0];
  if (name === 'check' || name === 'wait') return [height * 0.36, height * 0.28];
  if (name === 'stage') return [height * 0.22, height * 0.56];
  return [0, height];
}

// The batch that a host is listed under.
function home(host) {
  return host.at ? run.plays[host.at[0]].batches[host.at[1]] : null;
}

function batchEnd(batch) {
  return Math.max(batch[BATCH.until], batch[BATCH.soaked]);
}

function bars(host) {
  const list = host.bars || [];
  const found = [];
  for (let at = 0; at < list.length; at += BAR.length) {
    found.push({ kind: list[at], from: list[at + 1], until: list[at + 1] + list[at + 2] });
  }
  return found;
}

function steps(host) {
  const list = host.steps || [];
  const found = [];
  for (let at = 0; at < list.length; at += STEP.length) {
    const [task, status, until, took, note, outputs] = list.slice(at, at + STEP.length);
    found.push({ task: run.tasks[task], status, until, took, note: note < 0 ? '' : run.texts[note], outputs });
  }
  return found;
}

// One host's track between two times. The width is handed in: asking for it here would lay the page out once a row.
function drawTrack(svg, host, from, until, height, width) {
  svg.replaceChildren();
  const batch = home(host);
  if (batch) rectangle(svg, 'home', batch[BATCH.from], batchEnd(batch), from, until, -4, height + 8);
  for (const at of ticks(from, until, width).found) line(svg, at, from, until, 'tick', height);
  const all = bars(host);
  if (all.length) {
    const last = Math.min(100, percent(all[all.length - 1].until, from, until));
    const first = Math.max(0, percent(all[0].from, from, until));
    svg.append(shape('line', { class: 'base', x1: first + '%', x2: last + '%', y1: height / 2, y2: height / 2 }));
  }
  for (const bar of all) {
    const [y, tall] = seat(bar.kind, height);
    rectangle(svg, 'b-' + run.bars[bar.kind][0], bar.from, bar.until, from, until, y, tall);
  }
  if (!run.standings[host.is][2]) return;
  for (const step of steps(host)) {
    if (!FAILED.has(step.status)) continue;
    const x = percent(step.until, from, until);
    if (x >= 0 && x <= 100) svg.append(shape('use', { href: '#m-fail', x: x + '%', y: height / 2 }));
  }
}
