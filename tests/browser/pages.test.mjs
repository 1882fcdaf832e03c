// The pages of the demo in a real browser: signed in, read, verified, moved; in both languages, in
// light and dark, at 360 px, without JavaScript; axe-core finds nothing.
//
// `node --test`; the demo is started from target/debug/comity. SCREENSHOTS=DIR keeps pictures.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const binary = new URL('../../target/debug/comity', import.meta.url).pathname;
const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const pictures = process.env.SCREENSHOTS;

const folder = join(mkdtempSync(join(tmpdir(), 'comity-browser-')), 'demo');

let demo, browser, sides;

before(async () => {
  demo = spawn(binary, ['demo', '--keep', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  const line = (name) => said.match(new RegExp(`${name}\\s+(http://\\S+?)/\\s+password (\\S+)`));
  await new Promise((resolve, reject) => {
    demo.on('exit', (code) => reject(new Error(`the demo ended with ${code}:\n${said}`)));
    demo.stdout.on('data', (chunk) => {
      said += chunk;
      if (line('Northland CERT') && line('Southland Cyber Police')) resolve();
    });
  });
  demo.removeAllListeners('exit');
  sides = { north: line('Northland CERT'), south: line('Southland Cyber Police') };
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
});

after(async () => {
  await browser?.close();
  demo?.kill('SIGTERM');
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

// An account at Northland with this role; returns its password.
function account(name, role) {
  const words = ['--data', join(folder, 'northland'), '--json', 'account', 'add', name, '--role', role, '--authority', 'CERT'];
  return JSON.parse(execFileSync(binary, words)).password;
}

async function signedIn(side, options = {}, as = null) {
  const [, base, operator] = sides[side];
  const password = as ? as.password : operator;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  await page.goto(base + '/');
  assert.match(page.url(), /sign-in$/, 'nothing answers without the password');
  if (as) await page.fill('#name', as.name);
  await page.fill('#password', password);
  await page.click('button.primary');
  assert.equal(page.url(), base + '/');
  return { page, base, context };
}

// The pages' own policy runs no script but theirs, not even a test's: axe looks at them without the policy.
async function violations(side, path, options) {
  const { page, base, context } = await signedIn(side, { bypassCSP: true, ...options });
  const found = [];
  for (const at of path) {
    await page.goto(base + at);
    const { violations } = await page.evaluate(`${axe}; axe.run()`);
    found.push(...violations.map((v) => `${at}: ${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120))}`));
  }
  await context.close();
  return found;
}

async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  // What a README shows is no taller than this.
  const height = Math.min(1400, await page.evaluate(() => document.documentElement.scrollHeight));
  await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true, clip: { x: 0, y: 0, width: page.viewportSize().width, height } });
}

async function requestPath() {
  const { page, context } = await signedIn('north');
  await page.click('text=All requests');
  const href = await page.getAttribute('text=Who rented three servers', 'href');
  await context.close();
  return href;
}

test('a wrong password is refused and says so', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(sides.north[1] + '/requests');
  await page.fill('#password', 'wrong');
  const [response] = await Promise.all([page.waitForNavigation(), page.click('button.primary')]);
  assert.equal(response.status(), 403);
  assert.match(await page.textContent('[role=alert]'), /not its password/);
  await context.close();
});

test('the desk, a request, its proofs: without JavaScript', async () => {
  const { page, base, context } = await signedIn('north', { javaScriptEnabled: false });
  assert.match(await page.textContent('main'), /EXERCISE/);
  assert.match(await page.textContent('main'), /Waiting for you/);
  await picture(page, 'desk');
  await page.click('text=Who rented three servers');
  const main = await page.textContent('main');
  for (const wanted of [/Answered in 1 d 14 h/, /no-material-nexus/, /Claimed by Mandiant/, /Disputed/,
    /TLP:AMBER\+STRICT/, /harbour\.example/, /held by both/, /Northland, .* Southland/]) {
    assert.match(main, wanted);
  }
  await picture(page, 'request');
  assert.equal(await page.locator('svg.rails circle.full').count(), 6);
  await page.click('text=Verify now');
  assert.match(await page.textContent('[role=status]'), /Verified: 6 statements/);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=apt1.json')]);
  const bytes = readFileSync(await download.path());
  const original = readFileSync(new URL('../../data/stix/apt1.json', import.meta.url));
  assert.ok(bytes.equals(original), 'the bundle comes back byte for byte');
  await page.goto(base + '/nowhere');
  assert.match(await page.textContent('h1'), /no such page/);
  await context.close();
});

test('an officer replies and the other side sees it', async () => {
  const south = await signedIn('south');
  await south.page.click('text=Second reseller');
  await south.page.fill('#text', 'Which month?');
  await south.page.click('text=Ask back');
  assert.match(await south.page.textContent('main'), /Which month\?/);
  const north = await signedIn('north');
  const deadline = Date.now() + 20_000;
  while (!(await north.page.textContent('main')).includes('yours to reply')) {
    assert.ok(Date.now() < deadline, 'the question arrives');
    await north.page.reload();
  }
  await north.page.click('text=Second reseller');
  await north.page.click('button:text-is("Reply")');
  assert.match(await north.page.textContent('[role=alert]'), /“Text” is missing/, 'an empty reply is refused');
  await north.page.fill('#text', 'March.');
  await north.page.click('button:text-is("Reply")');
  assert.match(await north.page.textContent('main'), /March\./);
  await north.context.close();
  await south.context.close();
});

// Waits until the page says it, loading it again.
async function until(page, wanted, what) {
  const deadline = Date.now() + 20_000;
  while (!wanted.test(await page.textContent('main'))) {
    assert.ok(Date.now() < deadline, what);
    await page.waitForTimeout(300);
    await page.reload();
  }
}

test('two officers and a releasing officer: a request from its first word to its assessment, without JavaScript', async () => {
  const plain = { javaScriptEnabled: false };
  const south = await signedIn('south', plain);
  await south.page.click('text=New request');
  await south.page.fill('[name=title]', 'Whose is this name server?');
  await south.page.selectOption('[name=class]', 'U2-routine');
  await south.page.fill('[name=facts]', 'It answers for names used in a fraud.');
  await south.page.fill('[name=ask_1]', 'Who runs ns1.example?');
  await south.page.check('[name=exercise]');
  await south.page.click('button[value=more]');
  await south.page.selectOption('[name=kind_2]', 'takedown');
  await south.page.fill('[name=ask_2]', 'Stop it answering.');
  await south.page.click('button[value=check]');
  assert.match(await south.page.textContent('[role=alert]'), /“items\[2\]\.infrastructure” is missing/, 'only what is malicious');
  assert.equal(await south.page.inputValue('[name=ask_1]'), 'Who runs ns1.example?', 'what was written is kept');
  await south.page.selectOption('[name=infrastructure_2]', 'phishing');
  await south.page.fill('[name=identifiers_2]', 'ns1.example\n198.51.100.9:53');
  await south.page.click('button[value=check]');
  const preview = await south.page.textContent('#preview');
  assert.match(preview, /Send as it is/);
  assert.match(preview, /legal_basis/, 'what is missing is named');
  assert.match(preview, /198\.51\.100\.9:53/, 'the text that leaves is shown');
  await picture(south.page, 'compose');
  await south.page.click('button[value=send]');
  assert.match(south.page.url(), /requests\/[0-9a-f-]{36}$/);
  const path = new URL(south.page.url()).pathname;

  const duty = { name: 'dora', password: account('dora', 'duty-officer') };
  const north = await signedIn('north', plain, duty);
  await until(north.page, /Whose is this name server/, 'the request arrives');
  await north.page.goto(north.base + path);
  await until(north.page, /Acknowledge/, 'it can be acknowledged');
  await north.page.fill('#text', 'In hand.');
  await north.page.click('button[value=acknowledge]');
  await north.page.goto(north.base + path);
  await north.page.click('summary:has-text("Say who is competent")');
  await north.page.fill('[name=authority]', 'CERT');
  await north.page.selectOption('[name=stand]', 'competent');
  await north.page.click('button[value=route]');
  assert.match(await north.page.textContent('main'), /CERT: answers, is competent/);
  await north.page.click('summary:has-text("Answer items")');
  await north.page.selectOption('[name=outcome_1]', 'answered');
  await north.page.fill('[name=text_1]', 'A reseller, since May.');
  await north.page.selectOption('[name=outcome_2]', 'refused');
  await north.page.click('button[value=answer]');
  assert.match(await north.page.textContent('[role=alert]'), /“item 2: ground” is not one|“item 2/, 'a refusal has a ground');
  assert.equal(await north.page.inputValue('[name=text_1]'), 'A reseller, since May.', 'and nothing is lost');
  await north.page.click('fieldset:has-text("Stop it answering") summary');
  await north.page.selectOption('[name=ground_2]', 'not-competent');
  await north.page.fill('[name=law_2]', 'Telecommunications Act, section 9');
  await north.page.fill('[name=alternative_2]', 'The registry may be asked.');
  await north.page.selectOption('[name=consulted_2]', 'no');
  await north.page.fill('[name=preserved_until]', '2026-05-31');
  await north.page.click('button[value=answer]');
  assert.match(north.page.url(), /drafts/, 'it waits for a second pair of eyes');
  const draft = new URL(north.page.url()).pathname;
  assert.equal(await north.page.locator('button[value=release]').count(), 0, 'not for its author to release');

  const releasing = { name: 'rita', password: account('rita', 'releasing-officer') };
  const third = await signedIn('north', { ...plain, locale: 'zh-CN' }, releasing);
  await third.page.goto(third.base + draft);
  assert.match(await third.page.textContent('main'), /A reseller, since May\./);
  await third.page.click('button[value=release]');

  await south.page.goto(south.base + path);
  await until(south.page, /A reseller, since May/, 'the answer arrives');
  const main = await south.page.textContent('main');
  assert.match(main, /not-competent/);
  assert.match(main, /Kept for the asker until 2026-05-31 and no longer/);
  await south.page.selectOption('[name=score_completeness]', '2');
  await south.page.click('button[value=assess]');
  assert.match(await south.page.textContent('main'), /Completeness: 2 of 4/);
  await south.page.goto(south.base + '/requests?q=' + encodeURIComponent('name server is:open'));
  assert.equal(await south.page.locator('tbody tr').count(), 1, 'found by words and a filter');
  await south.page.goto(south.base + '/requests?q=class%3AU0');
  assert.match(await south.page.textContent('main'), /No request here is so/);
  for (const one of [south, north, third]) await one.context.close();
});

test('a request is made from a template, with a file, and several are moved at once: without JavaScript', async () => {
  const north = await signedIn('north', { javaScriptEnabled: false });
  await north.page.goto(north.base + '/requests/new');
  await north.page.click('aside a:has-text("Take down malicious infrastructure")');
  assert.match(await north.page.inputValue('[name=title]'), /phishing site that imitates \[…\]/);
  assert.equal(await north.page.inputValue('[name=infrastructure_2]'), 'phishing');
  await north.page.selectOption('[name=class]', 'U2-routine');
  await north.page.setInputFiles('[name=upload]', { name: 'page.txt', mimeType: 'text/plain', buffer: Buffer.from('Enter your password') });
  await north.page.check('[name=exercise]');
  await north.page.click('button[value=check]');
  assert.match(await north.page.textContent('[role=alert]'), /identifiers.* is missing/, 'what is taken down is named');
  await north.page.fill('[name=identifiers_2]', 'https://bank.example.net/login');
  await north.page.click('button[value=check]');
  const said = await north.page.textContent('#preview');
  assert.match(said, /page\.txt \(19 B\)/);
  assert.match(said, /what the template left open/);
  const templated = async () => {
    await north.page.goto(north.base + '/requests/new?template=takedown');
    await north.page.selectOption('[name=class]', 'U2-routine');
    await north.page.fill('[name=identifiers_2]', 'https://bank.example.net/login');
    await north.page.check('[name=exercise]');
    await north.page.setInputFiles('[name=upload]', { name: 'page.txt', mimeType: 'text/plain', buffer: Buffer.from('Enter') });
  };
  for (const title of ['Take down the bank’s twin', 'Take down the post’s twin']) {
    if (title.includes('post')) await templated();
    await north.page.fill('[name=title]', title);
    await north.page.click('button[value=check]');
    await north.page.click('button[value=send]');
    assert.match(await north.page.textContent('h1'), new RegExp(title));
    assert.match(await north.page.textContent('main'), /page\.txt/, 'the file went with it');
  }
  const south = await signedIn('south', { javaScriptEnabled: false });
  await south.page.goto(south.base + '/requests?q=twin');
  await until(south.page, /bank’s twin[^]*post’s twin|post’s twin[^]*bank’s twin/, 'both arrive');
  for (const pick of await south.page.locator('[name=pick]').all()) await pick.check();
  await south.page.click('summary:has-text("Several at once")');
  await picture(south.page, 'bulk');
  await south.page.click('details.bulk button[value=acknowledge]');
  await south.page.goto(south.base + '/requests?q=twin+status%3Aacknowledged');
  assert.equal(await south.page.locator('[name=pick]').count(), 2);
  // What cannot be done is said, for each.
  await south.page.locator('[name=pick]').first().check();
  await south.page.click('summary:has-text("Several at once")');
  await south.page.click('details.bulk button[value=withdraw]');
  assert.match(await south.page.textContent('main'), /0 of 1 done/);
  // An answer brings its file too.
  await south.page.click('main [role=alert] a');
  await south.page.click('summary:has-text("Answer items")');
  await south.page.selectOption('[name=outcome_1]', 'answered');
  await south.page.fill('[name=text_1]', 'Kept.');
  await south.page.setInputFiles('[name=upload]', { name: 'image.txt', mimeType: 'text/plain', buffer: Buffer.from('a picture of it') });
  await south.page.click('button[value=answer]');
  assert.match(await south.page.textContent('main'), /image\.txt/);
  await north.context.close();
  await south.context.close();
});

test('the hotline: a message comes up on the other side by itself, and is acknowledged by a key', async () => {
  const south = await signedIn('south');
  await south.page.goto(south.base + '/hotline');
  const north = await signedIn('north');
  await north.page.goto(north.base + '/hotline');
  await north.page.fill('[name=title]', 'Two dams lost their view');
  await north.page.fill('textarea[name=text] >> nth=0', 'Do you see the same?');
  await north.page.check('[name=exercise]');
  await north.page.click('button[value=send]');
  assert.match(await north.page.textContent('main'), /waits for Southland/);
  // Nobody touches the other page.
  await south.page.waitForSelector('text=Two dams lost their view', { timeout: 20_000 });
  await picture(south.page, 'hotline');
  await south.page.keyboard.press('?');
  assert.ok(await south.page.isVisible('dialog#keys'));
  await south.page.keyboard.press('Escape');
  await south.page.keyboard.press('j');
  await south.page.keyboard.press('Enter');
  await south.page.waitForURL(/matters/);
  assert.match(await south.page.textContent('main'), /Do you see the same\?/);
  await south.page.keyboard.press('a');
  await south.page.keyboard.type('We look.');
  await south.page.click('button[value=acknowledge]');
  assert.match(await south.page.textContent('main'), /Acknowledged by a person/);
  const path = new URL(south.page.url()).pathname;
  await until(north.page, /We look\./, 'the acknowledgement arrives');
  assert.deepEqual(await violations('north', [path, '/hotline']), []);
  assert.deepEqual(await violations('south', [path, '/hotline'], { locale: 'zh-CN', colorScheme: 'dark' }), []);
  // What the alert said is on the desk, until somebody has seen it.
  await south.page.keyboard.press('Escape');
  await south.page.goto(south.base + '/');
  await until(south.page, /Hotline: a message from northland|New: nobody has seen/, 'the alert');
  await north.context.close();
  await south.context.close();
});

test('the dialogue: a meeting, minutes that both agree to, an action item that comes back until done', async () => {
  const north = await signedIn('north', { javaScriptEnabled: false });
  await north.page.goto(north.base + '/dialogue');
  await north.page.click('summary:has-text("Call a meeting")');
  const form = north.page.locator('details:has-text("Call a meeting")');
  await form.locator('[name=title]').fill('Third round');
  await form.locator('[name=day]').fill('2026-03-20');
  await form.locator('[name=text]').fill('timeliness\nthe hotline');
  await form.locator('[name=exercise]').check();
  await form.locator('button').click();
  assert.match(await north.page.textContent('main'), /To be held on 2026-03-20/);
  const path = new URL(north.page.url()).pathname;
  const minutes = north.page.locator('form:has(button[value=minutes])');
  await minutes.locator('[name=day]').fill('2026-03-20');
  await minutes.locator('[name=text]').fill('Both sides will name a second line.');
  await minutes.locator('[name=actions]').fill('southland | 2026-04-30 | name a second line');
  await minutes.locator('button').click();
  assert.match(await north.page.textContent('main'), /1\. name a second line \(Southland Cyber Police, 2026-04-30\)/);
  const south = await signedIn('south', { javaScriptEnabled: false });
  await south.page.goto(south.base + path);
  await until(south.page, /name a second line/, 'the minutes arrive');
  await south.page.click('button[value=agree]');
  await south.page.goto(south.base + '/dialogue');
  assert.match(await south.page.textContent('main'), /To be done\s*What\s*By\s*Due\s*name a second line/);
  await picture(south.page, 'dialogue');
  await south.page.goto(south.base + path);
  await south.page.click('button[value=done]');
  await south.page.goto(south.base + '/dialogue');
  assert.match(await south.page.textContent('main'), /will be here until it is done/);
  assert.deepEqual(await violations('south', ['/dialogue', path]), []);
  await north.context.close();
  await south.context.close();
});

test('another site cannot make a move', async () => {
  const { page, base, context } = await signedIn('north');
  const path = await requestPath();
  await page.goto('about:blank');
  await page.setContent(`<form method="post" action="${base + path}"><input name="act" value="close"><button>go</button></form>`);
  const [response] = await Promise.all([page.waitForNavigation(), page.click('button')]);
  assert.equal(response.status(), 403);
  await page.goto(base + '/');
  const cookies = await context.cookies();
  const session = cookies.find((cookie) => cookie.name === 'comity');
  assert.ok(session.httpOnly && session.sameSite === 'Strict');
  await page.click('text=Sign out');
  await page.goto(base + path);
  assert.match(page.url(), /sign-in$/);
  await context.close();
});

test('axe-core finds nothing, light and dark, in both languages', async () => {
  const path = await requestPath();
  const pages = ['/', '/requests', path, '/requests/new', '/hotline', '/dialogue', '/agreements', '/oversight?exercises=on', '/ledger', '/nowhere'];
  assert.deepEqual(await violations('north', pages), []);
  assert.deepEqual(await violations('south', pages.slice(0, 2), { colorScheme: 'dark' }), []);
  assert.deepEqual(await violations('north', [path], { locale: 'zh-CN', colorScheme: 'dark' }), []);
});

test('Chinese pages are Chinese, and TLP labels are not translated', async () => {
  const { page, base, context } = await signedIn('north', { locale: 'zh-CN' });
  assert.match(await page.textContent('h1'), /工作台/);
  await page.goto(base + (await requestPath()));
  const main = await page.textContent('main');
  assert.match(main, /TLP:AMBER\+STRICT/);
  assert.match(main, /已答复/);
  await picture(page, 'request-zh');
  // No text of the English catalogue is on any page, those of refusals and moves included.
  const catalogue = readFileSync(new URL('../../crates/web/locales/en.ftl', import.meta.url), 'utf8');
  const english = catalogue.split('\n').map((line) => line.split(' = ')[1])
    .filter((text) => text && text.length > 12 && !text.includes('{'));
  assert.ok(english.length > 80);
  const look = async (where) => {
    const text = await page.textContent('body');
    assert.deepEqual(english.filter((known) => text.includes(known)), [], where);
  };
  for (const path of ['/', '/requests', await requestPath(), '/requests/new', '/hotline', '/dialogue', '/agreements', '/oversight?exercises=on', '/ledger', '/nowhere']) {
    await page.goto(base + path);
    await look(path);
  }
  await page.goto(base + (await requestPath()));
  await page.click('text=立即验证');
  assert.match(await page.textContent('[role=status]'), /验证通过/);
  await look('verified');
  await context.close();
});

test('a page shows what a role may see, and says who is in', async () => {
  const people = ['duty-officer', 'analyst', 'administrator'].map((role) => {
    return { name: role.slice(0, 4), role, password: account(role.slice(0, 4), role) };
  });
  const path = await requestPath();
  for (const person of people) {
    const { page, base, context } = await signedIn('north', { bypassCSP: true }, person);
    await page.goto(base + path);
    const body = await page.textContent('body');
    assert.match(body, new RegExp(`${person.name} · ${person.role.replace('-', ' ')} · CERT`));
    const sees = person.role !== 'administrator';
    assert.equal(body.includes('Who rented three servers'), sees, person.role);
    assert.equal(body.includes('Not yours to see'), !sees, person.role);
    assert.equal(await page.locator('form textarea').count() > 0, person.role === 'duty-officer', person.role);
    if (person.role === 'analyst') {
      const [status, text] = await page.evaluate(async (path) => {
        const response = await fetch(path, { method: 'POST', body: new URLSearchParams({ act: 'close', text: 'x' }) });
        return [response.status, await response.text()];
      }, path);
      assert.equal(status, 422);
      assert.match(text, /Your role may not do that/);
      // Nor by a form with files, before any is read, nor several at once; and what is nowhere is not found.
      const others = await page.evaluate(async ([path, id]) => {
        const files = new FormData();
        files.append('upload', new Blob(['x'.repeat(1000)]), 'a.txt');
        const send = async (...one) => (await fetch(...one)).status;
        const several = new URLSearchParams({ pick: id, act: 'close' });
        return [
          await send(path + '/answer', { method: 'POST', body: files }),
          await send('/requests/new', { method: 'POST', body: files }),
          await send('/requests', { method: 'POST', body: several }),
          await send('/requests/00000000-0000-8000-8000-000000000000'),
        ];
      }, [path, path.split('/').pop()]);
      assert.deepEqual(others, [403, 403, 403, 404]);
    }
    await context.close();
  }
  // Whoever is let out is out at once.
  const duty = people[0];
  const { page, base, context } = await signedIn('north', {}, duty);
  execFileSync(binary, ['--data', join(folder, 'northland'), 'account', 'disable', duty.name]);
  await page.goto(base + '/');
  assert.match(page.url(), /sign-in$/);
  await context.close();
});

test('intelligence is brought in, found, looked at, shared, deleted: without JavaScript', async () => {
  const comity = (...words) => execFileSync(binary, ['--data', join(folder, 'northland'), ...words]);
  comity('intel', 'collection', 'add', 'alerts', '--title', 'Alerts', '--marking', 'green');
  comity('intel', 'key', 'add', 'siem', '--tlp', 'green', '--pap', 'red', '--read', 'alerts');
  comity('intel', 'key', 'add', 'firewall', '--tlp', 'clear', '--pap', 'green', '--read', 'alerts');
  const analyst = { name: 'intel', password: account('intel', 'analyst') };
  const { page, base, context } = await signedIn('north', { javaScriptEnabled: false }, analyst);
  await page.click('text=Intelligence');
  assert.match(await page.textContent('main'), /Nothing was brought in yet/);
  assert.equal(await page.locator('#collection').count(), 0, 'an analyst releases nothing');
  const bad = { type: 'indicator', id: 'indicator--1' };
  const apt1 = JSON.parse(readFileSync(new URL('../../data/stix/apt1.json', import.meta.url)));
  const buffer = Buffer.from(JSON.stringify({ ...apt1, objects: [...apt1.objects, bad] }));
  await page.setInputFiles('#file', { name: 'apt1.json', mimeType: 'application/json', buffer });
  await page.selectOption('#marking', 'TLP:GREEN');
  await page.click('form.asked button');
  await page.waitForURL(/batches/);
  const batch = await page.textContent('main');
  assert.match(batch, /apt1\.json/);
  assert.match(batch, /0 here already, 1 refused/);
  assert.match(batch, /indicator--1.*it has no 'id' and 'type'/s);
  await page.click('text=Intelligence');
  await page.fill('#q', 'type:threat-actor ugly gorilla');
  await page.click('form.search button');
  assert.match(page.url(), /q=type%3Athreat-actor\+ugly\+gorilla/, 'the address has all of it');
  assert.equal(await page.locator('tbody tr').count(), 1);
  await page.click('tbody a');
  const object = await page.textContent('main');
  assert.match(object, /TLP:GREEN/);
  assert.match(object, /siem\s*TLP:GREEN PAP:RED\s*all of it/);
  assert.match(object, /firewall\s*TLP:CLEAR PAP:GREEN\s*nothing/);
  assert.match(object, /intel · import · apt1\.json/);
  assert.equal(await page.locator('text=Share in Alerts').count(), 0);
  await picture(page, 'intelligence');
  const path = new URL(page.url()).pathname;
  await page.goto(base + '/intelligence?q=colour%3Ared');
  assert.match(await page.textContent('[role=alert]'), /no field “colour”/);
  await context.close();

  const releasing = { name: 'rel', password: account('rel', 'releasing-officer') };
  const officer = await signedIn('north', { javaScriptEnabled: false }, releasing);
  await officer.page.goto(base + path);
  await officer.page.click('text=Share in Alerts');
  assert.match(await officer.page.textContent('[role=status]'), /in Alerts now/);
  assert.match(await officer.page.textContent('main'), /It is in this collection/);
  await officer.page.goto(base + '/intelligence');
  await officer.page.setInputFiles('#file', { name: 'x.txt', mimeType: 'text/plain', buffer: Buffer.from('no') });
  await officer.page.click('form.asked button');
  await officer.page.waitForSelector('[role=alert]');
  assert.match(await officer.page.textContent('[role=alert]'), /no file of objects/);
  const pages = ['/intelligence', '/intelligence?q=apt1', '/intelligence/batches/1', path];
  assert.deepEqual(await violations('north', pages), []);
  assert.deepEqual(await violations('north', pages, { locale: 'zh-CN', colorScheme: 'dark' }), []);
  const narrow = await signedIn('north', { viewport: { width: 360, height: 740 } });
  for (const at of pages) {
    await narrow.page.goto(base + at);
    const width = await narrow.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 360, `${at} is ${width} px wide`);
  }
  await narrow.context.close();
  await officer.page.goto(base + path);
  await officer.page.click('button:text-is("Delete")');
  await officer.page.goto(base + path);
  assert.match(await officer.page.textContent('h1'), /no such page/);
  await officer.context.close();
});

test('nothing is cut at 360 px', async () => {
  const { page, base, context } = await signedIn('north', { viewport: { width: 360, height: 740 } });
  for (const path of ['/', '/requests', await requestPath(), '/requests/new', '/hotline', '/dialogue', '/agreements', '/oversight?exercises=on', '/ledger']) {
    await page.goto(base + path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 360, `${path} is ${width} px wide`);
    await picture(page, `360${path.replaceAll('/', '-').slice(0, 10)}`);
  }
  await context.close();
});
