// The sandbox's page in a real browser: what somebody who has never seen the project does first.
import { mkdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { browser, fits, isAccessible, sandbox } from './browser.mjs'

let house, chromium, address

before(async () => {
  house = await sandbox(['--port', '0'], /http:\/\/127\.0\.0\.1:\d+\s/)
  address = /(http:\/\/127\.0\.0\.1:\d+)\s/.exec(house.said)[1]
  chromium = await browser()
})

after(async () => {
  await chromium?.close()
  await house?.stop()
})

async function looksRight(page, name) {
  const shots = process.env.SCREENSHOTS
  if (shots) await mkdir(shots, { recursive: true })
  for (const [colorScheme, width] of [['light', 1280], ['dark', 1280], ['light', 390]]) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.setViewportSize({ width, height: 900 })
    await isAccessible(page)
    await fits(page)
    if (shots) await page.screenshot({ path: `${shots}/sandbox-${name}-${colorScheme}-${width}.png` })
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  await page.setViewportSize({ width: 1280, height: 900 })
}

const side = (page, service, name) =>
  page.getByRole('region', { name: `${service} ${service === 'Webex' ? 'team' : 'group'} ${name}`, exact: true })
const person = (page, service, name, who) => side(page, service, name).getByRole('listitem').filter({ hasText: who })
const jump = (page) => page.getByRole('button', { name: '+15 min' }).click()

/** Lets time pass until all is well, and decides about whoever waits. */
async function settle(page, decision) {
  for (let quarters = 0; quarters < 24; quarters++) {
    await jump(page)
    await page.waitForTimeout(150)
    const waits = page.getByRole('button', { name: decision })
    if (await waits.count()) await waits.first().click()
    else if (quarters > 4 && (await page.locator('#verdict[data-state=good]').count())) return
  }
  assert.fail(`not well: ${await page.locator('#verdict').textContent()}`)
}

async function opened(options) {
  const page = await chromium.page({ width: 1280, ...options })
  await page.goto(address)
  await side(page, 'Webex', 'Lighthouse').waitFor()
  return page
}

test('whoever opens it sees both sides, and that they are in step', async () => {
  const page = await opened()
  await page.getByText('Both teams in step').waitFor()
  await looksRight(page, 'first')
  assert.deepEqual(page.faults, [])
  const elsewhere = (await page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")).filter((one) => !one.startsWith(address))
  assert.deepEqual(elsewhere, [], 'nothing comes from anywhere else')
})

test('somebody who is added, promoted and removed on one side is so on the other, and the reason is said', async () => {
  const page = await opened()
  await side(page, 'Microsoft 365', 'Lighthouse').getByRole('combobox').selectOption({ label: 'Hugo Laurent' })
  await side(page, 'Microsoft 365', 'Lighthouse').getByRole('button', { name: /^Add to/ }).click()
  await jump(page)
  await person(page, 'Webex', 'Lighthouse', 'Hugo Laurent').waitFor()
  await page.getByText('Hugo Laurent was added in Microsoft 365, so').first().waitFor()
  await side(page, 'Webex', 'Lighthouse').getByRole('button', { name: 'Make moderator: Hugo Laurent, Webex' }).click()
  await jump(page)
  await person(page, 'Microsoft 365', 'Lighthouse', 'Owner').filter({ hasText: 'Hugo Laurent' }).waitFor()
  await side(page, 'Webex', 'Lighthouse').getByRole('button', { name: 'Remove: Hugo Laurent, Webex' }).click()
  await jump(page)
  await person(page, 'Microsoft 365', 'Lighthouse', 'Hugo Laurent').waitFor({ state: 'detached' })
  await page.getByText('Both teams in step').waitFor()
  assert.deepEqual(page.faults, [])
})

test('a new team gets its group, and a new name goes to the other side, by keyboard alone', async () => {
  const page = await opened()
  await page.getByRole('button', { name: 'New Webex team' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByLabel('Name').fill('Compass')
  await looksRight(page, 'dialog')
  await page.keyboard.press('Enter')
  await side(page, 'Webex', 'Compass').waitFor()
  await jump(page)
  await side(page, 'Microsoft 365', 'Compass').waitFor()
  await side(page, 'Microsoft 365', 'Compass').getByLabel('More for the group Compass').focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByLabel('Name').fill('Sextant')
  await page.keyboard.press('Enter')
  await jump(page)
  await side(page, 'Webex', 'Sextant').waitFor()
  assert.deepEqual(page.faults, [])
})

test('each trouble of the menu is switched on, and what it does is survived once it is over', async () => {
  // On a busy machine the page shows for a moment a plan that was decided, and says so when it is decided again.
  const page = await opened({ expected: [/status of 409/] })
  const titles = await page.locator('#troubles .trouble-title').allTextContents()
  assert.ok(titles.length >= 6)
  for (const title of titles) {
    const trouble = page.getByRole('switch', { name: title })
    await trouble.click()
    const add = side(page, 'Webex', 'Lighthouse').getByRole('combobox')
    await add.selectOption({ label: 'Hugo Laurent' })
    await side(page, 'Webex', 'Lighthouse').getByRole('button', { name: /^Add to/ }).click()
    await page.getByRole('button', { name: '+10 s' }).click()
    if (title === 'Throttling storm') await looksRight(page, 'trouble')
    // Some troubles are over as soon as they are survived: what is shown has to be of now before it is switched off.
    await page.waitForTimeout(1500)
    if ((await trouble.getAttribute('aria-checked')) === 'true') await trouble.click()
    await settle(page, 'Put them back')
    await person(page, 'Microsoft 365', 'Lighthouse', 'Hugo Laurent').waitFor()
    await side(page, 'Webex', 'Lighthouse').getByRole('button', { name: 'Remove: Hugo Laurent, Webex' }).click()
    // After a mass removal even this one waits for an administrator.
    await settle(page, 'Let them go')
    await person(page, 'Microsoft 365', 'Lighthouse', 'Hugo Laurent').waitFor({ state: 'detached' })
  }
  assert.deepEqual(page.faults, [])
})

test('the story is told scene by scene, and stopped', async () => {
  const page = await opened()
  await page.getByRole('button', { name: '60×' }).click()
  await page.getByRole('button', { name: 'Watch the story' }).click()
  await page.getByRole('button', { name: 'Next scene' }).waitFor()
  const first = await page.locator('#story-sentence').textContent()
  await page.getByRole('button', { name: 'Next scene' }).click()
  await page.waitForFunction((before) => document.getElementById('story-sentence').textContent !== before, first)
  await looksRight(page, 'story')
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await page.getByRole('button', { name: 'Watch the story' }).waitFor()
  assert.deepEqual(page.faults, [])
})
