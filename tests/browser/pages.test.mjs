// The pages: signed in, read, verified; what a role sees; in both languages, light and dark, at 360 px.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { account, binary, browser, folder, inspect, isChinese, picture, requestPath, sides, signedIn } from './demo.mjs';

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

test('a link in a mail leads there once one is in, and nowhere else; the language changes where one is', async () => {
  const { base, context, page } = await signedIn('south');
  await page.goto(base + '/requests');
  const path = new URL(await page.getAttribute('tbody a', 'href'), base).pathname;
  await page.goto(base + path);
  await page.click('a[href="/language"]');
  assert.equal(new URL(page.url()).pathname, path, 'the same page in the other language');
  await page.click('a[href="/language"]');
  await page.click('form[action="/sign-out"] button');
  const enter = async (place) => {
    await page.goto(base + place);
    await page.fill('#password', sides.south[2]);
    await page.click('button.primary');
    return page.url();
  };
  assert.equal(await enter(path), base + path);
  await page.click('form[action="/sign-out"] button');
  assert.equal(await enter('/sign-in?next=%2F%2Fother.example%2F'), base + '/');
  await page.goto(base + path + '/answer');
  assert.equal(page.url(), base + path, 'the address of a form leads to its page');
  await context.close();
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
  assert.ok(session.httpOnly && session.sameSite === 'Lax');
  await page.click('text=Sign out');
  await page.goto(base + path);
  assert.match(page.url(), /sign-in\?next=/);
  await context.close();
});

test('axe-core finds nothing in light and dark, Chinese pages are Chinese, nothing is cut at 360 px', async () => {
  const path = await requestPath();
  const pages = ['/', '/requests', path, '/requests/new', '/requests/new?template=takedown', '/hotline', '/dialogue', '/intelligence',
    '/agreements', '/oversight?exercises=on', '/exercises', '/ledger', '/nowhere', '/requests?q=is%3Aopen'];
  await inspect('north', pages);
  await inspect('south', pages.slice(0, 2));
});

test('Chinese pages are Chinese, and TLP labels are not translated', async () => {
  const { page, base, context } = await signedIn('north', { locale: 'zh-CN' });
  assert.match(await page.textContent('h1'), /工作台/);
  await page.goto(base + (await requestPath()));
  const main = await page.textContent('main');
  assert.match(main, /TLP:AMBER\+STRICT/);
  assert.match(main, /已答复/);
  await picture(page, 'request-zh');
  await page.goto(base + (await requestPath()));
  await page.click('text=立即验证');
  assert.match(await page.textContent('[role=status]'), /验证通过/);
  await isChinese(page, 'verified');
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

test('who may take a review out has it in files, and nobody else', async () => {
  const chair = { name: 'chair', password: account('chair', 'co-chair') };
  const { page, base, context } = await signedIn('north', { javaScriptEnabled: false }, chair);
  await page.goto(base + '/oversight?exercises=on');
  await picture(page, 'oversight');
  const hrefs = await page.locator('.files a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  assert.equal(hrefs.length, 5);
  const begins = { json: '{', html: '<!doctype html>', pdf: '%PDF-', csv: 'request,class,', proofs: 'c2sp.org/tlog-proof' };
  for (const [ending, wanted] of Object.entries(begins)) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`.files a[href*="review.${ending}?"]`)]);
    assert.match(download.suggestedFilename(), new RegExp(`^review-.*\\.${ending}$`));
    const bytes = readFileSync(await download.path()).toString('latin1');
    assert.equal(bytes.slice(0, wanted.length).toLowerCase(), wanted.toLowerCase(), ending);
  }
  const analyst = { name: 'ana', password: account('ana', 'analyst') };
  const other = await signedIn('north', { bypassCSP: true }, analyst);
  await other.page.goto(other.base + '/oversight?exercises=on');
  assert.equal(await other.page.locator('.files a').count(), 0);
  assert.equal(await other.page.evaluate(async (href) => (await fetch(href)).status, hrefs[0]), 403);
  await context.close();
  await other.context.close();
});
