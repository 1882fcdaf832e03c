// What officers do with each other, over two nodes of the demo.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { account, inspect, isChinese, picture, signedIn, text, until } from './demo.mjs';

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

// The whole case, each officer in one language. Whoever is in Chinese sees no English of ours on the way.
for (const [language, locale, title] of [['en', 'en-US', 'Whose is this name server?'], ['zh', 'zh-CN', '此域名服务器由谁运营?']]) {
  test(`two officers and a releasing officer, in ${language}: a request from its first word to its assessment, without JavaScript`, async () => {
    const plain = { javaScriptEnabled: false, locale };
    const say = (key) => text(language, key);
    const south = await signedIn('south', plain);
    const look = async ({ page }, where) => language === 'en' || isChinese(page, where);
    await south.page.click(`main >> text=${say('compose')}`);
    await south.page.fill('[name=title]', title);
    await south.page.selectOption('[name=class]', 'U2-routine');
    await south.page.fill('[name=facts]', 'It answers for names used in a fraud.');
    await south.page.fill('[name=ask_1]', 'Who runs ns1.example?');
    await south.page.check('[name=exercise]');
    await south.page.click('button[value=more]');
    await south.page.selectOption('[name=kind_2]', 'takedown');
    await south.page.fill('[name=ask_2]', 'Stop it answering.');
    await south.page.click('button[value=check]');
    const lacks = await south.page.textContent('[role=alert]');
    assert.ok(lacks.includes(`${say('field-items')} 2: ${say('field-infrastructure')}`), `only what is malicious: ${lacks}`);
    await look(south, 'a new request with a problem');
    assert.equal(await south.page.inputValue('[name=ask_1]'), 'Who runs ns1.example?', 'what was written is kept');
    await south.page.selectOption('[name=infrastructure_2]', 'phishing');
    await south.page.fill('[name=identifiers_2]', 'ns1.example\n198.51.100.9:53');
    const other = language === 'en' ? ['zh', '谁运营这台服务器?'] : ['en', 'Who runs this server?'];
    await south.page.click('details:has([name=translation_title]) > summary');
    await south.page.fill('[name=translation_language]', other[0]);
    await south.page.fill('[name=language]', language);
    await south.page.fill('[name=translation_title]', other[1]);
    await south.page.fill('[name=translation_facts]', 'facts');
    await south.page.fill('[name=translation_items]', 'one\ntwo');
    await south.page.click('button[value=check]');
    const preview = await south.page.textContent('#preview');
    assert.ok(preview.includes(say('send-anyway')));
    assert.ok(preview.includes(say('want-legal-basis')), 'what is missing is named');
    assert.ok(preview.includes(say('want-certified')), 'and who answers for the translation');
    assert.match(preview, /198\.51\.100\.9:53/, 'the text that leaves is shown');
    await look(south, 'a preview');
    await picture(south.page, `compose-${language}`);
    await south.page.click('button[value=send]');
    assert.match(south.page.url(), /requests\/[0-9a-f-]{36}$/);
    const path = new URL(south.page.url()).pathname;

    const duty = { name: `dora.${language}`, password: account(`dora.${language}`, 'duty-officer') };
    const north = await signedIn('north', plain, duty);
    await until(north.page, new RegExp(title.slice(0, 6)), 'the request arrives');
    await look(north, 'the desk with a request');
    await north.page.goto(north.base + path);
    await until(north.page, new RegExp(say('act-acknowledge')), 'it can be acknowledged');
    await north.page.fill('#text', 'In hand.');
    await north.page.click('button[value=acknowledge]');
    await north.page.goto(north.base + path);
    await north.page.click('summary:has(+ form button[value=route]), details:has(button[value=route]) > summary');
    await north.page.fill('[name=authority]', 'CERT');
    await north.page.selectOption('[name=stand]', 'competent');
    await north.page.click('button[value=route]');
    assert.ok((await north.page.textContent('main')).includes(`CERT: `));
    await look(north, 'who is competent');
    await north.page.click('details:has(button[value=answer]) > summary');
    await north.page.selectOption('[name=outcome_1]', 'answered');
    await north.page.fill('[name=text_1]', 'A reseller, since May.');
    await north.page.selectOption('[name=outcome_2]', 'refused');
    await north.page.click('button[value=answer]');
    const ground = await north.page.textContent('[role=alert]');
    assert.ok(ground.includes(`${say('field-item')} 2: `), `a refusal has a ground: ${ground}`);
    await look(north, 'an answer that lacks a ground');
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
    assert.ok((await north.page.textContent('main')).includes(`${say('field-items')} 2: `), 'in words');
    await look(north, 'a draft');
    await picture(north.page, `draft-${language}`);
    if (language === 'en') await inspect('north', [draft]);

    const releasing = { name: `rita.${language}`, password: account(`rita.${language}`, 'releasing-officer') };
    const third = await signedIn('north', plain, releasing);
    await third.page.goto(third.base + draft);
    assert.match(await third.page.textContent('main'), /A reseller, since May\./);
    await third.page.click('button[value=release]');
    await look(third, 'what was released');

    await south.page.goto(south.base + path);
    await until(south.page, /A reseller, since May/, 'the answer arrives');
    const main = await south.page.textContent('main');
    assert.match(main, /not-competent/);
    assert.match(main, /2026-05-31/, 'how long it is kept');
    await look(south, 'an answer');
    await south.page.selectOption('[name=score_completeness]', '2');
    await south.page.click('button[value=assess]');
    assert.ok((await south.page.textContent('main')).includes(say('score-completeness')));
    await look(south, 'an assessment');
    await south.page.goto(south.base + '/requests?q=' + encodeURIComponent(`${title.slice(0, 5)} is:open`));
    assert.equal(await south.page.locator('tbody tr').count(), 1, 'found by words and a filter');
    await south.page.goto(south.base + '/requests?q=' + encodeURIComponent(other[1].slice(0, 4)));
    assert.ok((await south.page.textContent('main')).includes(title), 'found by its translated title');
    await south.page.goto(south.base + '/requests?q=is%3Alost+to-do%3Ax+state%3Ax');
    const odd = await south.page.locator('[role=alert]').allTextContents();
    assert.equal(odd.length, 2, `an unknown key, and an unknown value: ${odd}`);
    assert.match(odd[0], /is:lost.*overdue/);
    assert.match(odd[1], /state:.*status/);
    await south.page.goto(south.base + '/requests?q=class%3AU0');
    assert.ok((await south.page.textContent('main')).includes(say('nothing-found')));
    for (const one of [south, north, third]) await one.context.close();
  });
}

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
  assert.match(await north.page.textContent('[role=alert]'), /Identifiers.* is missing/, 'what is taken down is named');
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
  assert.match(await south.page.textContent('[role=status]'), /2 of 2 done/);
  assert.equal(await south.page.inputValue('#q'), 'twin', 'what was looked for stays');
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

test('what is written on the long form stays in the tab until it is sent or somebody signs out', async () => {
  const { page, base } = await signedIn('north');
  await page.goto(base + '/requests/new');
  await page.fill('[name=title]', 'Half a thought');
  await page.click('button[value=more]');
  await page.fill('[name=ask_2]', 'And whose is it?');
  await page.goto(base + '/requests');
  await page.goto(base + '/requests/new');
  await page.waitForSelector('[name=ask_2]');
  assert.equal(await page.inputValue('[name=title]'), 'Half a thought');
  assert.equal(await page.inputValue('[name=ask_2]'), 'And whose is it?');
  await page.click('form[action="/sign-out"] button');
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test('the hotline: a message comes up on the other side by itself, and is acknowledged by a key', async () => {
  const south = await signedIn('south');
  await south.page.goto(south.base + '/hotline');
  const north = await signedIn('north');
  await north.page.goto(north.base + '/hotline');
  assert.match(await north.page.textContent('main'), /is to be acknowledged within 30 min/);
  assert.equal(await north.page.inputValue('[name=marking]'), 'TLP:AMBER', 'as the command has it');
  await north.page.fill('[name=title]', 'Two dams lost their view');
  await north.page.fill('textarea[name=text] >> nth=0', 'Do you see the same?');
  await north.page.check('[name=exercise]');
  await north.page.click('button[value=send]');
  assert.match(await north.page.textContent('main'), /waits for Southland/);
  // Said again, it waits in place of the first.
  const again = north.page.locator('form:has(button[value=say-again])');
  assert.equal(await again.locator('[name=text]').inputValue(), 'Do you see the same?');
  await again.locator('[name=text]').fill('Do you see the same? The third dam too.');
  await again.locator('button').click();
  assert.match(await north.page.textContent('main'), /In the place of entry \d+/);
  // Nobody touches the other page.
  await south.page.waitForSelector('text=Two dams lost their view', { timeout: 20_000 });
  await picture(south.page, 'hotline');
  await south.page.keyboard.press('?');
  assert.ok(await south.page.isVisible('dialog#keys'));
  await south.page.keyboard.press('Escape');
  await south.page.keyboard.press('j');
  await south.page.keyboard.press('Enter');
  await south.page.waitForURL(/matters/);
  assert.match(await south.page.textContent('main'), /The third dam too\..*In the place of entry \d+/s);
  await south.page.keyboard.press('a');
  await south.page.keyboard.type('We look.');
  await south.page.click('button[value=acknowledge]');
  assert.match(await south.page.textContent('main'), /Acknowledged by a person/);
  const path = new URL(south.page.url()).pathname;
  await until(north.page, /We look\./, 'the acknowledgement arrives');
  assert.match(await north.page.textContent('main'), /acknowledged/);
  assert.equal(await again.count(), 0, 'nothing waits any more');
  await inspect('south', [path, '/hotline']);
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
  await north.page.goto(north.base + path);
  assert.equal(await north.page.locator('button[value=done]').count(), 0, 'whose it is says when it is done');
  await south.page.goto(south.base + path);
  await south.page.click('button[value=done]');
  await south.page.goto(south.base + '/dialogue');
  assert.match(await south.page.textContent('main'), /will be here until it is done/);
  await inspect('south', ['/dialogue', path]);
  await north.context.close();
  await south.context.close();
});
