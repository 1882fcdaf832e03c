// Live updates and the keyboard. Nothing here is needed: every page works without.
'use strict';

// Whether a field holds something else than the page gave it. An unnamed tick has the value "on" and no default.
const touched = (field) => /^(checkbox|radio)$/.test(field.type)
  ? field.checked !== field.defaultChecked
  : field.value !== field.defaultValue;

// A page that changed is fetched anew and its parts put in place, unless somebody is writing on it.
function refresh() {
  if (document.hidden) { addEventListener('visibilitychange', refresh, { once: true }); return; }
  const writing = [...document.querySelectorAll('main textarea, main input:not([type=hidden])')]
    .some((field) => field === document.activeElement || touched(field));
  if (writing || document.querySelector('main details[open], dialog[open]')) {
    document.getElementById('changed').hidden = false;
    return;
  }
  fetch(location.href, { headers: { 'x-live': '1' } }).then((answer) => {
    if (!answer.ok || answer.redirected) return null;
    return answer.text();
  }).then((text) => {
    if (!text) return;
    const page = new DOMParser().parseFromString(text, 'text/html');
    for (const part of ['main', 'nav.places']) {
      const [old, fresh] = [document.querySelector(part), page.querySelector(part)];
      if (old && fresh && old.innerHTML !== fresh.innerHTML) old.replaceWith(document.adoptNode(fresh));
    }
    document.title = page.title;
    mark(Math.min(row, rows().length - 1));
  });
}

if (window.EventSource && document.querySelector('nav.places')) {
  const live = new EventSource(`/live?seen=${document.body.dataset.seen}`);
  live.addEventListener('change', refresh);
}

let row = -1;
const rows = () => [...document.querySelectorAll('main table tbody tr')].filter((one) => one.querySelector('a'));

function mark(to) {
  rows().forEach((one) => one.classList.remove('here'));
  row = to;
  const one = rows()[row];
  if (one) { one.classList.add('here'); one.scrollIntoView({ block: 'nearest' }); }
}

// The first button of this kind of move, or the form's first field.
function move(act) {
  const button = document.querySelector(`main button[value="${act}"]`);
  if (!button) return false;
  const field = button.form.querySelector('textarea, input[type=text], input:not([type])');
  // In a list the move is made on the row that is chosen, or on those that are ticked.
  const folded = button.closest('details');
  if (folded) folded.open = true;
  const pick = folded && rows()[row]?.querySelector('input[name=pick]');
  if (pick && !folded.closest('form').querySelector('input[name=pick]:checked')) pick.checked = true;
  (field || button).focus();
  return true;
}

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const help = document.getElementById('keys');
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  const go = { d: '/', r: '/requests', h: '/hotline', g: '/agreements', i: '/intelligence', o: '/oversight', l: '/ledger' };
  switch (event.key) {
    case '?': help.open || help.showModal(); break;
    // Its button would keep the keys for a moment more.
    case 'Escape': if (!help.open) return; help.close(); document.activeElement.blur(); break;
    case '/': {
      const search = document.querySelector('main input[type=search]');
      if (!search) { location.href = '/requests'; break; }
      search.focus();
      break;
    }
    case 'j': mark(Math.min(row + 1, rows().length - 1)); break;
    case 'x': {
      const pick = rows()[row]?.querySelector('input[name=pick]');
      if (!pick) return;
      pick.checked = !pick.checked;
      pick.closest('form').querySelector('details.bulk').open = true;
      break;
    }
    case 'k': mark(Math.max(row - 1, 0)); break;
    case 'Enter': {
      const link = rows()[row]?.querySelector('a');
      if (!link || event.target.tagName === 'A' || event.target.tagName === 'BUTTON') return;
      location.href = link.href;
      break;
    }
    case 'a': if (!move('acknowledge') && !move('read-back')) return; break;
    case 'e': if (!move('escalate')) return; break;
    default:
      if (!go[event.key]) return;
      location.href = go[event.key];
  }
  event.preventDefault();
});

// An identifier that is shortened is copied whole by a click.
addEventListener('click', (event) => {
  const code = event.target.closest('code[data-whole]');
  if (code) navigator.clipboard?.writeText(code.dataset.whole);
});

// What is written on the long form is kept in this tab until it is sent or somebody signs out: a wrong click or the end
// of a session costs nothing.
const long = document.querySelector('form[data-draft]');
if (long) {
  const fields = () => [...long.elements].filter((one) => one.name && !/^(hidden|file|submit|button)$/.test(one.type));
  const items = () => long.elements.items.value;
  const keep = () => {
    const texts = fields().map((one) => [one.name, one.type === 'checkbox' ? one.checked : one.value]);
    sessionStorage.setItem('draft', JSON.stringify({ items: items(), texts }));
  };
  const kept = JSON.parse(sessionStorage.getItem('draft') || 'null');
  if (kept && long.dataset.draft === 'fresh') {
    if (Number(kept.items) > Number(items()) && !location.search) {
      location.replace(`${location.pathname}?items=${Number(kept.items)}`);
    } else {
      for (const [name, value] of kept.texts) {
        const field = long.elements[name];
        if (field?.type === 'checkbox') field.checked = value; else if (field) field.value = value;
      }
    }
  }
  long.addEventListener('input', keep);
  long.addEventListener('submit', (event) => {
    if (event.submitter?.value === 'send') sessionStorage.removeItem('draft'); else keep();
  });
}
document.querySelector('form[action="/sign-out"]')?.addEventListener('submit', () => sessionStorage.clear());
