// The demo in a real browser, for each file of tests one: started from target/debug/comity, stopped at the end.
// SCREENSHOTS=DIR keeps pictures.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';

export const binary = new URL('../../target/debug/comity', import.meta.url).pathname;
const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const pictures = process.env.SCREENSHOTS;

export const folder = join(mkdtempSync(join(tmpdir(), 'comity-browser-')), 'demo');

let demo;
export let browser, sides;

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
export function account(name, role) {
  const words = ['--data', join(folder, 'northland'), '--json', 'account', 'add', name, '--role', role, '--authority', 'CERT'];
  return JSON.parse(execFileSync(binary, words)).password;
}

export async function signedIn(side, options = {}, as = null) {
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

// The texts of a language, by their keys; what takes values is left out.
function catalogue(language) {
  const text = readFileSync(new URL(`../../crates/web/locales/${language}.ftl`, import.meta.url), 'utf8');
  const lines = text.split('\n').map((line) => line.match(/^([a-z0-9-]+) = (.*)$/)).filter((found) => found && !found[2].includes('{'));
  return new Map(lines.map(([, key, value]) => [key, value]));
}
const texts = { en: catalogue('en'), zh: catalogue('zh') };

// The text of a key, for whoever clicks on it.
export function text(language, key) {
  const found = texts[language].get(key);
  assert.ok(found, `${key} is not in the catalogue of ${language}`);
  return found;
}

const english = [...texts.en.values()].filter((text) => text.length > 12);
assert.ok(english.length > 80);

// No text of the English catalogue is on a Chinese page.
export async function isChinese(page, where) {
  const body = await page.textContent('body');
  assert.deepEqual(english.filter((known) => body.includes(known)), [], where);
}

// axe-core finds nothing, light and dark, in both languages; Chinese pages are Chinese; nothing is cut at 360 px.
// The pages' own policy runs no script but theirs, not even a test's: axe looks at them without the policy.
export async function inspect(side, paths) {
  for (const [locale, colorScheme] of [['en-US', 'light'], ['zh-CN', 'dark']]) {
    const { page, base, context } = await signedIn(side, { bypassCSP: true, locale, colorScheme });
    for (const path of paths) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(base + path);
      const { violations } = await page.evaluate(`${axe}; axe.run()`);
      const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120))}`);
      assert.deepEqual(found, [], `${path} in ${locale}`);
      if (locale === 'zh-CN') await isChinese(page, path);
      await page.setViewportSize({ width: 360, height: 740 });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 360, `${path} is ${width} px wide in ${locale}`);
      await picture(page, `360-${locale}${path.replaceAll('/', '-').slice(0, 10)}`);
    }
    await context.close();
  }
}

export async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  // What a README shows is no taller than this.
  const height = Math.min(1400, await page.evaluate(() => document.documentElement.scrollHeight));
  await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true, clip: { x: 0, y: 0, width: page.viewportSize().width, height } });
}

export async function requestPath() {
  const { page, context } = await signedIn('north');
  await page.click('text=All requests');
  const href = await page.getAttribute('text=Who rented three servers', 'href');
  await context.close();
  return href;
}

// Waits until the page says it, loading it again.
export async function until(page, wanted, what) {
  const deadline = Date.now() + 20_000;
  while (!wanted.test(await page.textContent('main'))) {
    assert.ok(Date.now() < deadline, what);
    await page.waitForTimeout(300);
    await page.reload();
  }
}
