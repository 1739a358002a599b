// The page comes alive: overview, lazily drawn rows, filter, order, opening a host, keys, colours, printing.

const $ = (selector) => document.querySelector(selector);
const table = $('#fleet');
const controls = $('#controls');
const tip = $('#tip');
const rows = [...table.querySelectorAll('tbody tr[id]')];
const groups = [...table.tBodies];
const flat = document.createElement('tbody');
const place = new Map(rows.map((row, at) => [row, at]));
const hostOf = (row) => run.hosts[place.get(row)];
let scale = 'run';
// How wide tracks are, for the distance of ticks.
let trackWidth = 600;
let headDrawn = false;
let current = rows[0];

// The times that a row's track spans.
function timesOf(row) {
  const batch = scale === 'batch' && home(hostOf(row));
  return batch ? [batch[BATCH.from], batchEnd(batch)] : [0, run.length];
}

// Overview of plays and batches.
function lane(label, height) {
  const svg = shape('svg', {});
  const box = element('div', { class: 'lane' + (height ? '' : ' times') }, element('span', {}, label), svg);
  box.firstChild.title = label;
  return [box, svg];
}

function drawBatch(svg, play, batch, at, value, full) {
  const bad = batch[BATCH.trouble] > 0;
  const name = 'batch' + (at % 2 ? ' even' : '') + (bad ? ' bad' : '') + (play.batched ? ' pick' : '');
  const made = rectangle(svg, name, batch[BATCH.from], batch[BATCH.until], 0, run.length, 0, 20);
  let words = play.batched ? 'Batch ' + batch[BATCH.number] + ' of ' + play.of : play.name;
  words += '\n' + clock(batch[BATCH.from]) + '–' + clock(batch[BATCH.until]) + ', ' + duration(batch[BATCH.until] - batch[BATCH.from]);
  words += ', ' + batch[BATCH.hosts] + (batch[BATCH.hosts] === 1 ? ' host' : ' hosts');
  if (bad) words += ', ' + batch[BATCH.trouble] + ' in trouble';
  made.dataset.tip = words;
  if (play.batched) made.dataset.batch = value;
  if (batch[BATCH.soak] >= 0) {
    const soak = rectangle(svg, 'b-soak', batch[BATCH.soak], batch[BATCH.soaked], 0, run.length, 0, 20);
    soak.dataset.tip = 'Soak of batch ' + batch[BATCH.number] + ', ' + duration(batch[BATCH.soaked] - batch[BATCH.soak]);
  }
  const width = ((batch[BATCH.until] - batch[BATCH.from]) / run.length) * full;
  const middle = percent((batch[BATCH.from] + batch[BATCH.until]) / 2, 0, run.length) + '%';
  if (bad) svg.append(shape('use', { href: '#m-fail', x: percent(batch[BATCH.until], 0, run.length) + '%', y: 10 }));
  if (play.batched && width > 22) svg.append(shape('text', { class: 'batch-n', x: middle, y: 14 }, batch[BATCH.number]));
}

function overview() {
  const box = $('#overview');
  if (!box) return;
  box.hidden = false;
  box.replaceChildren();
  const drawing = element('div', { role: 'img', 'aria-label': 'Plays and batches over time; the table below says the same' });
  box.append(drawing);
  const [times, axis] = lane('', 0);
  drawing.append(times);
  const full = axis.clientWidth || 800;
  drawAxis(axis, 0, run.length, full);
  run.plays.forEach((play, number) => {
    const [box, svg] = lane(play.name, 20);
    drawing.append(box);
    for (const at of ticks(0, run.length, full).found) line(svg, at, 0, run.length, 'tick', 20);
    for (const [at, stop] of run.marks) line(svg, at, 0, run.length, stop ? 'stop-line' : 'note-line', 24);
    play.batches.forEach((batch, at) => drawBatch(svg, play, batch, at, number + '.' + at, full));
  });
  if (!run.marks.length) return;
  const marks = element('ul', { class: 'marks' });
  for (const [at, stop, text] of run.marks) marks.append(element('li', {}, clock(at) + (stop ? ' stopped: ' : ' ') + text));
  box.append(marks);
}

// Rows are drawn when they come into view.
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
}, { rootMargin: '400px' });

function draw(row) {
  if (row.drawn) return;
  if (!headDrawn) drawHead();
  row.drawn = true;
  seen.unobserve(row);
  const cell = row.lastElementChild;
  let svg = cell.querySelector('svg');
  if (!svg) {
    svg = shape('svg', { 'aria-hidden': 'true' });
    cell.append(svg);
    cell.classList.add('drawn');
  }
  if (row.className === 'band') drawBand(svg, row);
  else drawTrack(svg, hostOf(row), ...timesOf(row), 18, trackWidth);
}

// Above a batch: where it lies in the run, or its own times of day.
function drawBand(svg, row) {
  const batch = home(hostOf(row.nextElementSibling));
  svg.replaceChildren();
  if (scale === 'batch') {
    drawAxis(svg, batch[BATCH.from], batchEnd(batch), trackWidth);
    return;
  }
  for (const at of ticks(0, run.length, trackWidth).found) line(svg, at, 0, run.length, 'tick', 18);
  rectangle(svg, 'batch' + (batch[BATCH.trouble] ? ' bad' : ''), batch[BATCH.from], batch[BATCH.until], 0, run.length, 4, 10);
  if (batch[BATCH.soak] >= 0) rectangle(svg, 'b-soak', batch[BATCH.soak], batch[BATCH.soaked], 0, run.length, 4, 10);
}

const bands = [...table.querySelectorAll('tr.band')];

function redraw() {
  for (const row of [...rows, ...bands]) {
    row.drawn = false;
    seen.unobserve(row);
    seen.observe(row);
  }
  headDrawn = false;
  for (const detail of table.querySelectorAll('tr.detail')) detail.paint();
}

// Measures the table, so it waits for the first row that comes into view.
function drawHead() {
  headDrawn = true;
  const axis = $('#axis');
  trackWidth = axis.clientWidth || 600;
  if (scale === 'run' || controls.order.value !== 'run' || !bands.length) drawAxis(axis, 0, run.length, trackWidth);
  else axis.replaceChildren();
}

// Filter and order.
function fits(row, wanted) {
  const host = hostOf(row);
  if (wanted.states.size && !wanted.states.has(String(host.is))) return false;
  if (wanted.batch && (!host.at || host.at.join('.') !== wanted.batch)) return false;
  const name = host.name.toLowerCase();
  return !wanted.words.length || wanted.words.some((word) => name.includes(word));
}

function filter() {
  const wanted = {
    states: new Set([...controls.querySelectorAll('[name=state]:checked')].map((box) => box.value)),
    batch: controls.batch ? controls.batch.value : '',
    words: controls.host.value.toLowerCase().split(/[\s,]+/).filter(Boolean),
  };
  let shown = 0;
  for (const row of rows) {
    const fit = fits(row, wanted);
    row.hidden = !fit;
    shown += fit;
    if (row.detail) row.detail.hidden = !fit;
  }
  for (const group of groups) group.hidden = !group.querySelector('tr[id^=h]:not([hidden])');
  heads();
  const all = rows.length.toLocaleString('en');
  $('#shown').textContent = shown === rows.length ? all + (shown === 1 ? ' host' : ' hosts') : shown.toLocaleString('en') + ' of ' + all + ' hosts';
  $('#none').hidden = shown > 0;
  if (current && current.hidden) rove(rows.find((row) => !row.hidden));
}

// A play's name stays above its first batch that is shown.
function heads() {
  for (const head of table.querySelectorAll('tr.play')) {
    if (!head.origin) head.origin = head.parentNode;
    let group = head.origin;
    while (group && group.hidden) {
      const next = group.nextElementSibling;
      group = next && next !== flat && !next.starts ? next : null;
    }
    (group || head.origin).prepend(head);
  }
}

function order() {
  const by = controls.order.value;
  close();
  if (by === 'run') {
    rows.forEach((row) => row.origin.append(row));
    flat.remove();
  } else {
    const time = (row) => bars(hostOf(row)).reduce((sum, bar) => sum + (run.bars[bar.kind][0] === 'soak' ? 0 : bar.until - bar.from), 0);
    const keys = new Map(rows.map((row) => [row, by === 'time' ? -time(row) : hostOf(row).name]));
    const compare = by === 'time' ? (a, b) => keys.get(a) - keys.get(b) : (a, b) => keys.get(a).localeCompare(keys.get(b), 'en', { numeric: true });
    flat.append(...[...rows].sort(compare));
    table.append(flat);
  }
  filter();
  redraw();
}

// Opening a host.
function toggle(row, open = !row.detail) {
  const button = row.querySelector('button');
  if (open === Boolean(row.detail)) return;
  button.setAttribute('aria-expanded', String(open));
  if (!open) {
    row.detail.remove();
    row.detail = null;
    button.removeAttribute('aria-controls');
    return;
  }
  row.detail = detailRow(place.get(row));
  row.after(row.detail);
  row.detail.paint();
  button.setAttribute('aria-controls', row.detail.id);
}

function close() {
  for (const row of rows) if (row.detail) toggle(row, false);
}

// One host at a time is reached by Tab; arrow keys go from one to the next.
function rove(row, focus) {
  if (current) current.querySelector('button').tabIndex = -1;
  current = row;
  if (!row) return;
  const button = row.querySelector('button');
  button.tabIndex = 0;
  if (focus) button.focus();
}

function keys(event) {
  const row = event.target.closest('tr[id^=h]');
  if (!row || event.target.tagName !== 'BUTTON' || event.ctrlKey || event.altKey || event.metaKey) return;
  const shown = [...table.querySelectorAll('tr[id^=h]:not([hidden])')];
  const at = shown.indexOf(row);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1, PageDown: at + 10, PageUp: at - 10 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  rove(shown[Math.max(0, Math.min(shown.length - 1, to))], true);
}

// Nothing is filtered out any more; what is open stays so.
function unfilter() {
  controls.host.value = '';
  if (controls.batch) controls.batch.value = '';
  for (const box of controls.querySelectorAll('[name=state]')) box.checked = false;
  filter();
}

// A link to a host opens it, whatever the filter says.
function follow() {
  const row = /^#h\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
  if (!row) return;
  if (row.hidden) unfilter();
  toggle(row, true);
  rove(row, true);
  const show = () => row.scrollIntoView({ block: 'start', behavior: 'instant' });
  measure();
  show();
  // The hosts may have been laid out only now.
  requestAnimationFrame(() => requestAnimationFrame(show));
}

// How much of the top the controls cover when they stick to it.
function measure() {
  const sticks = getComputedStyle(controls).position === 'sticky';
  table.style.setProperty('--controls', (sticks ? controls.offsetHeight : 0) + 'px');
}

// What lies under the pointer.
function point(event) {
  const words = event.target.dataset && event.target.dataset.tip;
  const track = words ? null : event.target.closest && event.target.closest('td.track, .big');
  const text = words || (track && underPointer(track, event.clientX));
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const low = event.clientY + tip.offsetHeight + 24 > innerHeight;
  tip.style.left = Math.max(8, left) + 'px';
  tip.style.top = event.clientY + (low ? -tip.offsetHeight - 10 : 18) + 'px';
}

function underPointer(track, x) {
  const detail = track.closest('tr.detail');
  const row = detail ? document.getElementById('h' + detail.id.slice(1)) : track.closest('tr[id^=h]');
  const svg = detail ? track : track.querySelector('svg');
  if (!row || !svg) return '';
  const host = hostOf(row);
  const [from, until] = detail ? ownTimes(host) : timesOf(row);
  const box = svg.getBoundingClientRect();
  const at = from + ((x - box.left) / box.width) * (until - from);
  const near = ((until - from) / box.width) * 3;
  const hit = bars(host).filter((bar) => bar.from - near <= at && at <= bar.until + near).slice(0, 3);
  const lines = hit.map((bar) => run.bars[bar.kind][1] + ' ' + duration(bar.until - bar.from) + ', ' + clock(bar.from) + '–' + clock(bar.until));
  return lines.length ? host.name + '\n' + lines.join('\n') : '';
}

function theme(event) {
  const value = event.target.value;
  if (value === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
  try {
    localStorage.setItem('windlass-theme', value);
  } catch {
    // A page from a file may have no storage; the choice then lasts as long as the page.
  }
}

function restoreTheme() {
  let value = null;
  try {
    value = localStorage.getItem('windlass-theme');
  } catch {
    return;
  }
  const choice = value && $('#theme input[value="' + CSS.escape(value) + '"]');
  if (choice) choice.click();
}

function start() {
  groups.forEach((group) => (group.starts = Boolean(group.querySelector('tr.play'))));
  for (const row of rows) {
    row.origin = row.parentNode;
    const name = row.querySelector('.name');
    const button = element('button', { type: 'button', class: 'name', 'aria-expanded': 'false', tabindex: '-1' }, ...name.childNodes);
    name.replaceWith(button);
  }
  if (current) rove(current);
  for (const each of document.querySelectorAll('#controls, #theme, .legend')) each.hidden = false;
  const text = $('.plays details.text');
  if (text) text.open = false;
  restoreTheme();
  overview();
  redraw();
  new ResizeObserver(measure).observe(controls);
  follow();
}

$('#theme').addEventListener('change', theme);
controls.addEventListener('input', (event) => {
  if (event.target.name === 'order') return order();
  if (event.target.name === 'scale') {
    scale = event.target.value;
    return redraw();
  }
  filter();
});
controls.addEventListener('submit', (event) => event.preventDefault());
controls.addEventListener('reset', () =>
  setTimeout(() => {
    scale = 'run';
    order();
  }),
);
table.addEventListener('click', (event) => {
  const button = event.target.closest('button.name');
  const row = button && button.closest('tr');
  if (!row) return;
  rove(row);
  toggle(row);
});
table.addEventListener('keydown', keys);
document.addEventListener('click', (event) => {
  const value = event.target.dataset && event.target.dataset.batch;
  if (!value || !controls.batch) return;
  controls.batch.value = value;
  filter();
  $('#hosts').scrollIntoView();
});
document.addEventListener('pointermove', point);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') tip.hidden = true;
});
addEventListener('scroll', () => (tip.hidden = true), { passive: true });
addEventListener('hashchange', follow);
let resized = 0;
let width = innerWidth;
addEventListener('resize', () => {
  if (innerWidth === width) return;
  width = innerWidth;
  cancelAnimationFrame(resized);
  resized = requestAnimationFrame(() => {
    overview();
    redraw();
  });
});
let opened = [];
addEventListener('beforeprint', () => {
  opened = [...document.querySelectorAll('details.failure:not([open])')];
  for (const each of opened) each.open = true;
  drawHead();
  for (const row of [...rows, ...bands]) if (!row.hidden) draw(row);
});
addEventListener('afterprint', () => {
  for (const each of opened) each.open = false;
});
start();
