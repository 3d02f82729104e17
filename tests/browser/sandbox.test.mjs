// The sandbox's page in a real browser: the first steps of a new visitor.
import { mkdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { browser, fits, isAccessible, sandbox } from './browser.mjs'

let stack, chromium, address

before(async () => {
  stack = await sandbox(['--port', '0'], /http:\/\/127\.0\.0\.1:\d+\s/)
  address = /(http:\/\/127\.0\.0\.1:\d+)\s/.exec(stack.output)[1]
  chromium = await browser()
})

after(async () => {
  await chromium?.close()
  await stack?.stop()
})

async function checkPage(page, name) {
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

const broken = (page) => page.getByRole('button', { name: 'Break something' }).click()
const removal = /^Remove \d+ (person|people)$/

/** Lets time pass until both sides are equal, and decides about pending removals. */
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

test('the page shows both sides in sync', async () => {
  const page = await opened()
  await page.getByText('Both teams in sync').waitFor()
  await checkPage(page, 'first')
  assert.deepEqual(page.faults, [])
  const elsewhere = (await page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")).filter((one) => !one.startsWith(address))
  assert.deepEqual(elsewhere, [], 'no foreign resource')
})

test('changes of a person are copied with their reason', async () => {
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
  await page.getByText('Hugo Laurent: The list of the team lacks this person.').waitFor()
  await jump(page)
  await person(page, 'Microsoft 365', 'Lighthouse', 'Hugo Laurent').waitFor({ state: 'detached' })
  await page.getByText('Both teams in sync').waitFor()
  assert.deepEqual(page.faults, [])
})

test('a difference that stays says why, on the team and at the top', async () => {
  const page = await opened()
  await side(page, 'Webex', 'Harbour crew').getByRole('button', { name: 'Make member: Hugo Laurent, Webex' }).click()
  await jump(page)
  await page.getByText('Hugo Laurent: The group keeps its last owner').waitFor()
  await page.getByText('1 team with a difference that stays').waitFor()
  await checkPage(page, 'differs')
  await side(page, 'Webex', 'Harbour crew').getByRole('button', { name: 'Make moderator: Hugo Laurent, Webex' }).click()
  await jump(page)
  await page.getByText('Both teams in sync').waitFor()
  assert.deepEqual(page.faults, [])
})

test('a day passes with its progress, its date and an entry', async () => {
  const page = await opened()
  await page.getByText('Both teams in sync').waitFor()
  const before = await page.locator('#date').textContent()
  assert.match(before, /^[A-Z][a-z]{2} \d+ [A-Z][a-z]{2}$/)
  const day = page.getByRole('button', { name: '+1 day' })
  await day.click()
  await page.getByRole('progressbar', { name: 'Time is passing' }).waitFor()
  assert.ok(await day.isDisabled())
  await page.getByRole('progressbar', { name: 'Time is passing' }).waitFor({ state: 'hidden', timeout: 120_000 })
  assert.notEqual(await page.locator('#date').textContent(), before)
  await page.getByText(/^1 day passed: 1,4\d\d reconciliation cycles/).first().waitFor()
  assert.deepEqual(page.faults, [])
})

test('a list of people is one stop for Tab, and arrow keys move in it', async () => {
  const page = await opened()
  const list = side(page, 'Webex', 'Lighthouse').getByRole('list')
  assert.equal(await list.locator('button[tabindex="0"]').count(), 1)
  await list.locator('button[tabindex="0"]').focus()
  for (const key of ['ArrowDown', 'End', 'ArrowUp', 'ArrowRight']) await page.keyboard.press(key)
  await page.waitForTimeout(700)
  const focused = await page.evaluate('document.activeElement.getAttribute("aria-label")')
  assert.match(focused, /^Remove: /)
  assert.equal(await list.locator('button[tabindex="0"]').count(), 1)
  for (const name of ['Skip to the teams', 'Skip to what it does', 'Skip to what you can break']) {
    assert.equal(await page.getByRole('link', { name }).count(), 1)
  }
})

test('a disruption shows itself beside the teams', async () => {
  const page = await opened()
  await page.getByRole('button', { name: 'Fabrikam' }).click()
  await side(page, 'Webex', 'Bakery').waitFor()
  await broken(page)
  await page.getByRole('button', { name: 'Switch on and show me: Throttling storm' }).click()
  await page.getByText('Watch Bakery').waitFor()
  await page.getByText(/asked for a pause until/).first().waitFor()
  await checkPage(page, 'shown')
  await page.getByRole('switch', { name: 'Throttling storm' }).click()
  await settle(page, 'Keep them')
  assert.deepEqual(page.faults, [])
})

test('spaces and excluded accounts open over the page', async () => {
  const page = await opened()
  const height = () => page.locator('#pairs').evaluate((element) => element.offsetHeight)
  const before = await height()
  await page.getByLabel('Lighthouse: 1 space, 1 folder').first().click()
  await page.getByRole('region', { name: 'Lighthouse: 1 space, 1 folder' }).getByText('Lighthouse').first().waitFor()
  assert.equal(await height(), before)
  await checkPage(page, 'spaces')
  await page.keyboard.press('Escape')
  await page.getByLabel('Lighthouse: 2 excluded accounts').first().click()
  await page.getByRole('region', { name: 'Lighthouse: 2 excluded accounts' }).getByText('Pavel').waitFor()
  assert.deepEqual(page.faults, [])
})

test('the setup pages show the same teams', async () => {
  const page = await opened()
  const link = page.getByRole('link', { name: 'Setup pages of Contoso' })
  const [setup] = await Promise.all([page.context().waitForEvent('page'), link.click()])
  setup.setDefaultTimeout(20_000)
  await setup.getByRole('link', { name: /^Sign in/ }).or(setup.getByRole('button', { name: /^Sign in/ })).first().click()
  await setup.locator('#account').waitFor()
  const name = (await link.getAttribute('title')).split(' ').at(-1)
  const option = setup.locator('#account option', { hasText: name }).first()
  await setup.locator('#account').selectOption(await option.getAttribute('value'))
  await setup.getByRole('button', { name: 'Continue' }).click()
  await setup.getByRole('button', { name: 'Accept', exact: true }).click()
  await setup.getByRole('link', { name: 'Teams', exact: true }).click()
  await setup.getByRole('link', { name: 'Lighthouse' }).waitFor()
  if (process.env.SCREENSHOTS) await setup.screenshot({ path: `${process.env.SCREENSHOTS}/sandbox-setup.png` })
  assert.deepEqual(page.faults, [])
})

test('an address without a page says so', async () => {
  const page = await opened({ expected: [/status of 404/] })
  await page.goto(`${address}/nowhere`)
  await page.getByRole('heading', { name: 'Page not found' }).waitFor()
  await checkPage(page, 'not-found')
  assert.deepEqual(page.faults, [])
})

test('a team is created and renamed by keyboard', async () => {
  const page = await opened()
  await page.getByRole('button', { name: 'New Webex team' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByLabel('Name').fill('Compass')
  const members = page.getByRole('dialog').getByRole('group', { name: 'Other members' })
  assert.equal(await members.getByText('Ana Arndt').isVisible(), false, 'the creator is in it already')
  await checkPage(page, 'dialog')
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

test('every fault of the menu ends well', async () => {
  // On a busy machine, the page may show a decided approval for a moment; a second decision fails.
  const page = await opened({ expected: [/status of 409/] })
  await broken(page)
  const titles = await page.locator('#disruptions .disruption-title').allTextContents()
  assert.ok(titles.length >= 13)
  for (const title of titles) {
    const disruption = page.getByRole('switch', { name: title })
    await disruption.click()
    const add = side(page, 'Webex', 'Lighthouse').getByRole('combobox')
    await add.selectOption({ label: 'Hugo Laurent' })
    await side(page, 'Webex', 'Lighthouse').getByRole('button', { name: /^Add to/ }).click()
    await page.getByRole('button', { name: '+10 s' }).click()
    if (title === 'Throttling storm') await checkPage(page, 'disruption')
    // Some faults end on their own: the switch must show the current state first.
    await page.waitForTimeout(1500)
    if ((await disruption.getAttribute('aria-checked')) === 'true') await disruption.click()
    await settle(page, 'Keep them')
    await person(page, 'Microsoft 365', 'Lighthouse', 'Hugo Laurent').waitFor()
    await side(page, 'Webex', 'Lighthouse').getByRole('button', { name: 'Remove: Hugo Laurent, Webex' }).click()
    // After a mass removal, even this one waits for an admin.
    await settle(page, removal)
    await person(page, 'Microsoft 365', 'Lighthouse', 'Hugo Laurent').waitFor({ state: 'detached' })
  }
  assert.deepEqual(page.faults, [])
})

test('the story plays scene by scene and stops', async () => {
  const page = await opened()
  await page.getByRole('button', { name: '60×' }).click()
  await page.getByRole('button', { name: 'Watch the story' }).click()
  await page.getByRole('button', { name: 'Next scene' }).waitFor()
  const first = await page.locator('#story-sentence').textContent()
  await page.getByRole('button', { name: 'Next scene' }).click()
  await page.waitForFunction((before) => document.getElementById('story-sentence').textContent !== before, first)
  // On a busy machine, the story would be over before the page is checked.
  await page.getByRole('button', { name: 'Pause', exact: true }).click()
  await checkPage(page, 'story')
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await page.getByRole('button', { name: 'Watch the story' }).waitFor()
  assert.deepEqual(page.faults, [])
})
