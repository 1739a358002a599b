// What is shown below a host when it is opened: its own timeline, the steps, what was said, and the way back.

const STATUS = ['ok', 'changed', 'skipped', 'failed', 'ignored', 'unreachable', 'unknown', 'aborted'];
const STATUS_ICON = ['unchanged', 'changed', 'pending', 'failed', 'held', 'unreachable', 'stuck', 'aborted'];

const texts = (places) => places.map((place) => (place < 0 ? '…' : run.texts[place]));

// The times between which a host is shown by itself: its batch, or all that it did.
function ownTimes(host) {
  const batch = home(host);
  const all = bars(host);
  let from = batch ? batch[BATCH.from] : Infinity;
  let until = batch ? batchEnd(batch) : 0;
  if (!batch) for (const bar of all) [from, until] = [Math.min(from, bar.from), Math.max(until, bar.until)];
  if (from >= until) return [0, run.length];
  const margin = (until - from) * 0.01;
  return [from - margin, until + margin];
}

function said(place, host) {
  if (place === -1) return null;
  if (place === -2) return element('p', { class: 'cut' }, 'What it said is left out: the page would become too large.');
  const box = element('div', { class: 'said' });
  for (const [name, text, leftOut] of run.outputs[place]) {
    const caption = element('figcaption', {}, name);
    if (leftOut) caption.append(element('span', { class: 'cut' }, ' without its first ' + leftOut + ' lines'));
    const pre = element('pre', { tabindex: '0', role: 'group', 'aria-label': name + ' of ' + host.name }, text);
    box.append(element('figure', {}, caption, pre));
  }
  return box;
}

function stepRow(step, host, trouble) {
  const wrong = FAILED.has(step.status);
  const word = wrong && !trouble ? STATUS[step.status] + ', caught' : STATUS[step.status];
  const result = element('td', wrong ? { class: 't-failed' } : {}, icon(STATUS_ICON[step.status]), word);
  const what = element('th', { scope: 'row' }, step.task[0], element('span', { class: 'hint' }, step.task[1]));
  const note = element('td', {}, step.note);
  const output = said(step.outputs, host);
  if (output) note.append(output);
  return element(
    'tr',
    wrong ? { class: 'wrong' } : {},
    element('td', {}, clock(step.until - step.took)),
    element('td', { class: 'num' }, duration(step.took)),
    result,
    what,
    note,
  );
}

function stepTable(host, trouble) {
  const head = element('tr', {});
  for (const [title, name, width] of [['Started', '', 86], ['Took', 'num', 92], ['Result', '', 130], ['Step', '', 0], ['What', '', 0]]) {
    const cell = element('th', { scope: 'col', class: name }, title);
    if (width) cell.style.width = width + 'px';
    head.append(cell);
  }
  const body = element('tbody', {});
  for (const step of steps(host)) body.append(stepRow(step, host, trouble));
  return element('table', {}, element('caption', { class: 'quiet' }, 'Steps of ' + host.name), element('thead', {}, head), body);
}

function list(box, title, name, lines) {
  if (!lines.length) return;
  const items = lines.map((each) => element('li', {}, each));
  box.append(element('h3', {}, title), element('ul', { class: name }, ...items));
}

function wayBack(box, host) {
  const [from, until, undone, remaining, instead, message] = host.back;
  const took = until === null ? 'not ended when the record does' : duration(until - from);
  box.append(element('h3', {}, 'Rollback at ' + clock(from) + ', ' + took));
  if (message >= 0) box.append(element('p', { class: 'why' }, run.texts[message]));
  list(box, 'A person must run, on the host', 'commands', texts(remaining));
  list(box, 'A person must see to', 'instead', texts(instead));
  list(box, 'Taken back', 'undone', texts(undone));
}

function summary(host) {
  const [ok, changed, skipped, failed, rescued, ignored] = host.counts;
  const parts = [ok + ' ok', changed + ' of them changed', skipped + ' skipped'];
  if (failed) parts.push(failed + ' failed');
  if (rescued) parts.push(rescued + ' rescued');
  if (ignored) parts.push(ignored + ' ignored');
  const more = host.more ? ' ' + host.more + ' more had no room on this page.' : '';
  return parts.join(', ') + '. Steps of less than a second that changed nothing are not listed.' + more;
}

// The row below a host.
function detailRow(at) {
  const host = run.hosts[at];
  const trouble = run.standings[host.is][2];
  const cell = element('td', { colspan: '6' });
  const times = shape('svg', { class: 'big', 'aria-hidden': 'true' });
  if (host.bars) cell.append(times);
  if (host.steps) cell.append(stepTable(host, trouble));
  cell.append(element('p', { class: 'sum' }, summary(host)));
  if (host.back) wayBack(cell, host);
  list(cell, 'Notes', 'notes', (host.notes || []).map(([when, note]) => clock(when) + ' ' + note));
  const row = element('tr', { class: 'detail', id: 'd' + at }, cell);
  row.paint = () => {
    const [from, until] = ownTimes(host);
    const axis = shape('svg', { class: 'big-axis', width: '100%', height: '16' });
    const track = shape('svg', { class: 'big-track', width: '100%', height: '24', y: '18', overflow: 'visible' });
    times.replaceChildren(axis, track);
    const width = times.clientWidth || 600;
    drawAxis(axis, from, until, width);
    drawTrack(track, host, from, until, 24, width);
  };
  return row;
}
