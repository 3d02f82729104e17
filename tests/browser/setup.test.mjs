// An admin's journeys in a real browser, from an unconnected organization to a first group and back.
import { mkdir, readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { browser, fits, isAccessible, sandbox } from './browser.mjs'

let stack, chromium, pages, sandboxPage, webex, token, account, moves

before(async () => {
  stack = await sandbox(['--fresh'], /Ctrl-C/)
  pages = /setup pages: (\S+)/.exec(stack.output)[1]
  sandboxPage = /create a team: (\S+)/.exec(stack.output)[1]
  const commands = await (await fetch(`${sandboxPage}/curl`)).text()
  webex = /(http:\S+\/v1)\/teams/.exec(commands)[1]
  token = /Bearer ([^']+)/.exec(commands)[1]
  account = /personEmail=([^']+)/.exec(commands)[1]
  moves = [...commands.matchAll(/PATCH (\S+) -H 'Authorization: Bearer ([^']+)' .* -d '(.*)'/g)]
  chromium = await browser()
})

after(async () => {
  await chromium?.close()
  await stack?.stop()
})

/** Calls Webex as Ada. */
async function ada(method, path, body) {
  const answer = await fetch(`${webex}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  assert.ok(answer.ok, `${path}: ${answer.status}`)
  return answer.status === 204 ? undefined : answer.json()
}

/** Signs in on a service's page, and accepts or declines. */
async function signIn(page, account, decision = 'Accept') {
  await page.locator('#account').waitFor()
  const option = page.locator('#account option', { hasText: account }).first()
  await page.locator('#account').selectOption(await option.getAttribute('value'))
  await page.getByRole('button', { name: 'Continue' }).click()
  if (decision) await page.getByRole('button', { name: decision, exact: true }).click()
}

/** Signs in again where an act needs it, and does the act. */
async function withProof(page, act, done) {
  const asked = page.locator('#account')
  await asked.or(done).first().waitFor()
  if (await asked.isVisible()) {
    await signIn(page, 'Full Administrator')
    await heading(page, 'You signed in again')
    await checkPage(page, 'proven')
    await page.getByRole('button', { name: act }).click()
  }
  await done.waitFor()
}

/** Checks a page in light and dark, on wide and narrow screens. */
async function checkPage(page, name) {
  const shots = process.env.SCREENSHOTS
  if (shots) await mkdir(shots, { recursive: true })
  for (const [colorScheme, width] of [['light', 1100], ['dark', 1100], ['light', 360]]) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.setViewportSize({ width, height: 800 })
    await isAccessible(page)
    await fits(page)
    if (shots) await page.screenshot({ path: `${shots}/${name}-${colorScheme}-${width}.png` })
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  await page.setViewportSize({ width: 1100, height: 800 })
}

/** Lets simulated time pass at once. */
async function pass(seconds) {
  const body = JSON.stringify({ pass: seconds })
  await fetch(`${sandboxPage}/api/time`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

/** Waits until the condition holds, while simulated time passes. */
async function until(what, holds) {
  for (let tries = 0; tries < 1200; tries++) {
    if (await holds()) return
    await pass(20)
    await new Promise((wake) => setTimeout(wake, 250))
  }
  assert.fail(`timed out: ${what}`)
}

const heading = (page, text) => page.getByRole('heading', { name: text, level: 1 }).waitFor()

test('prerequisites to first group', async () => {
  const page = await chromium.page({ expected: [/status of 4\d\d/] })

  await page.goto(pages)
  await checkPage(page, 'welcome')
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Ada Arndt')
  await heading(page, 'You\'re not an administrator of your organization')
  await checkPage(page, 'no-administrator')

  await page.getByRole('link', { name: 'Sign in with another account' }).click()
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  await checkPage(page, 'overview-empty')

  await page.getByRole('link', { name: 'View prerequisites' }).click()
  await heading(page, 'Prerequisites')
  await checkPage(page, 'prerequisites-empty')
  await page.getByRole('link', { name: 'Next', exact: true }).click()

  await heading(page, 'Connect Webex')
  await checkPage(page, 'webex')
  await page.getByRole('button', { name: 'Connect Webex' }).click()
  await signIn(page, 'Compliance Officer', 'Decline')
  await heading(page, 'You declined at Webex')
  await checkPage(page, 'declined')
  await page.getByRole('link', { name: 'Read what is asked for, and why' }).click()
  await page.getByRole('button', { name: 'Connect Webex' }).click()
  await signIn(page, 'Compliance Officer')
  await page.getByText('Connected through Compliance Officer').waitFor()

  await page.getByRole('link', { name: 'Connect Microsoft 365' }).click()
  await heading(page, 'Connect Microsoft 365')
  await checkPage(page, 'permissions')
  await page.getByRole('button', { name: 'Authorize' }).click()
  await signIn(page, 'Ada Arndt')
  await heading(page, 'That account may not connect the directory')
  await checkPage(page, 'no-microsoft-administrator')
  await page.getByRole('link', { name: 'Sign in to Microsoft again' }).click()
  await page.getByRole('button', { name: 'Authorize' }).click()
  // The directory knows the application since Ada's sign-in, so only the consent is requested.
  await signIn(page, 'Full Administrator', null)
  await signIn(page, 'Full Administrator')
  await heading(page, 'Confirm the connection')
  await page.getByText('will be connected with the Webex organization Acme').waitFor()
  await checkPage(page, 'confirm')
  await page.getByRole('button', { name: 'Do not connect them' }).click()
  await heading(page, 'Connect Microsoft 365')
  await page.getByRole('button', { name: 'Authorize' }).click()
  await signIn(page, 'Full Administrator', null)
  await signIn(page, 'Full Administrator')
  await page.getByRole('button', { name: 'Connect them', exact: true }).click()
  await heading(page, 'Acme is connected')
  await checkPage(page, 'connected')

  await page.getByRole('link', { name: 'Go to settings' }).click()
  await heading(page, 'Settings')
  await checkPage(page, 'settings')
  await page.getByLabel('Fallback owner').fill('no-one@nowhere.example')
  await page.getByRole('switch', { name: 'Enable Microsoft 365 Groups integration' }).check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: 'The settings were not saved' }).waitFor()
  await checkPage(page, 'settings-refused')
  await page.getByLabel('Fallback owner').fill('')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()
  await checkPage(page, 'settings-saved')

  const overview = page.getByRole('link', { name: 'Overview' })
  await overview.click()
  await page.getByRole('heading', { name: 'The integration is on' }).waitFor()
  const customer = await chromium.page()
  await customer.goto(sandboxPage)
  await customer.getByRole('button', { name: 'New Webex team' }).click()
  await customer.getByRole('dialog').getByLabel('Name').fill('Lighthouse')
  await customer.getByRole('dialog').getByLabel('Created by').selectOption({ label: 'Ada Arndt' })
  await customer.getByRole('button', { name: 'Create', exact: true }).click()
  const question = async () => (await ada('GET', `/messages/direct?personEmail=${account}`)).items[0]
  await until('Ada is asked', async () => (await question())?.attachments)
  await page.reload()
  await page.getByRole('cell', { name: 'Lighthouse' }).waitFor()
  await checkPage(page, 'overview')

  await page.getByRole('link', { name: 'Prerequisites', exact: true }).click()
  await page.getByText('The externalId is a person of the directory for').waitFor()
  await checkPage(page, 'prerequisites')
  await page.getByRole('link', { name: 'See who was not found' }).click()
  await heading(page, 'People who are excluded')
  await checkPage(page, 'people')

  await customer.getByText('Create a Microsoft 365 group for this team?').waitFor()
  await isAccessible(customer)
  await fits(customer)
  if (process.env.SCREENSHOTS) await customer.screenshot({ path: `${process.env.SCREENSHOTS}/customer.png` })
  await customer.getByRole('button', { name: 'Create, as Ada Arndt' }).click()
  const members = async () => (await ada('GET', '/teams')).items.length
  assert.equal(await members(), 1)
  await until('the question is answered', async () => {
    await overview.click()
    return !(await page.getByRole('cell', { name: 'Lighthouse' }).isVisible())
  })

  await page.getByRole('link', { name: 'Teams', exact: true }).click()
  await heading(page, 'Teams')
  await until('the team has its group', async () => {
    await page.reload()
    return page.getByRole('cell', { name: 'In sync' }).isVisible()
  })
  await page.getByLabel('Title contains').fill('house')
  await page.getByRole('button', { name: 'Search' }).click()
  await checkPage(page, 'teams')
  await page.getByRole('link', { name: 'Lighthouse' }).click()
  await heading(page, 'Lighthouse')
  await page.getByRole('rowheader', { name: 'Ada Arndt' }).waitFor()
  await checkPage(page, 'team')
  await page.getByRole('link', { name: 'See all activity for this team' }).click()
  await heading(page, 'Activity')
  await page.getByLabel('Name, address or id of a person').fill('ada')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText('Ada Arndt was added to the group as owner').waitFor()
  await checkPage(page, 'activity')
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download from here as CSV' }).click()])
  assert.equal(file.suggestedFilename(), 'activity.csv')
  assert.match(await readFile(await file.path(), 'utf8'), /Ada Arndt was added to the group as owner/)
  await page.getByRole('link', { name: 'All teams' }).click()
  await page.getByRole('link', { name: 'Lighthouse' }).first().click()
  await page.locator('td a[href*="/done/"]').first().click()
  await page.getByRole('heading', { name: 'Undo' }).waitFor()
  await page.getByRole('link', { name: 'End the link' }).waitFor()
  await checkPage(page, 'undo')
  await page.goBack()
  await heading(page, 'Lighthouse')
  await page.goto(`${pages}/held`)
  await heading(page, 'Pending removals')
  await checkPage(page, 'held')
  await page.goto(`${pages}/preview`)
  await heading(page, 'What would be done')
  await checkPage(page, 'preview')
  await page.goBack()
  await page.goBack()
  await page.getByRole('button', { name: 'Sync now' }).click()
  await page.getByText('The team is being synced.').waitFor()
  await page.getByLabel('Yes, end the link of this team').check()
  await page.getByRole('button', { name: 'End the link' }).click()
  await page.getByText('The team is unlinked.').waitFor()
  await overview.click()

  await page.getByRole('link', { name: 'Disconnect' }).click()
  await heading(page, 'Disconnect')
  await checkPage(page, 'disconnect')
  await page.getByRole('button', { name: 'Stop all changes now' }).isHidden()
  await page.getByRole('link', { name: 'Full Administrator' }).click()
  await heading(page, 'Sessions')
  await page.getByText('this session').waitFor()
  await checkPage(page, 'sessions')
  assert.deepEqual(page.faults, [])
})

test('external ids are written and confirmed', async () => {
  const page = await chromium.page({ expected: [/status of 4\d\d/] })
  await page.goto(pages)
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  await until('everyone is counted', async () => {
    await page.goto(`${pages}/people?why=not-synchronized`)
    return page.getByRole('link', { name: 'Fix: Gwen Garcia' }).isVisible()
  })
  await page.getByRole('link', { name: /^No externalId \(\d+\)$/ }).waitFor()
  await checkPage(page, 'people-fix')
  await page.getByLabel('Hanna Holm', { exact: true }).uncheck()
  await page.getByRole('button', { name: 'Fix those that are chosen' }).click()
  await heading(page, 'Write externalIds')
  assert.equal(await page.locator('tbody tr').count(), 1)
  await checkPage(page, 'fix')
  await page.getByRole('button', { name: 'Write it with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'What was written')
  await page.getByText('1 of 1 have an externalId now.').waitFor()
  await checkPage(page, 'fixed')
  await page.getByRole('link', { name: 'Gwen Garcia' }).click()
  await page.getByRole('heading', { name: 'Eligible' }).waitFor()
  await checkPage(page, 'person')

  for (const [, address, accessToken, body] of moves) {
    const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
    assert.equal((await fetch(address, { method: 'PATCH', headers, body })).status, 200)
    await page.goto(`${pages}/people/${address.split('/').pop()}`)
  }
  await page.getByRole('heading', { name: 'Is this the same person?' }).waitFor()
  await checkPage(page, 'moved')
  await page.getByRole('button', { name: 'Sign in with Microsoft' }).click()
  await signIn(page, 'Ada Arndt', null)
  await page.getByText('who is not a Global Administrator').waitFor()
  await checkPage(page, 'moved-no-administrator')
  await page.getByRole('button', { name: 'Sign in with Microsoft' }).click()
  await signIn(page, 'Full Administrator', null)
  await page.getByText('an administrator of the directory.').first().waitFor()
  await checkPage(page, 'moved-signed-in')
  await page.getByRole('button', { name: 'Confirm: it is the same person' }).click()
  await page.getByText('Confirmed: the person').waitFor()
  await page.getByRole('heading', { name: 'Eligible' }).waitFor()
  await checkPage(page, 'confirmed')

  await page.goto(`${pages}/people/names`)
  await heading(page, 'Names that differ')
  await checkPage(page, 'names')
  await page.getByRole('link', { name: /^Revoke: / }).click()
  await page.getByRole('button', { name: 'Revoke the confirmation' }).click()
  await page.getByText('Revoked: only the names count now').waitFor()
  await page.getByRole('heading', { name: 'Is this the same person?' }).waitFor()
  await checkPage(page, 'revoked')
  assert.deepEqual(page.faults, [])
})

test('folders are authorized and switched on', async () => {
  const page = await chromium.page({ expected: [/status of 4\d\d/] })
  await page.goto(pages)
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  await page.getByRole('link', { name: 'Folders of spaces' }).click()
  await heading(page, 'Folders of spaces')
  await page.getByText('Read, change and delete every file of the directory').waitFor()
  await checkPage(page, 'folders')

  await page.goto(`${pages}/settings`)
  await page.getByLabel('Outside the teams').check()
  await page.getByLabel('Each space of a linked team has its folder').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('link', { name: 'Folders need the account inside the teams' }).waitFor()
  await checkPage(page, 'settings-folders-refused')
  await page.getByLabel('None', { exact: true }).check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()
  await page.goto(`${pages}/folders`)
  await page.getByRole('link', { name: 'Change the account\'s visibility.' }).waitFor()
  await checkPage(page, 'folders-outside')
  await page.getByRole('link', { name: 'Change the account\'s visibility.' }).click()
  await page.getByLabel('Inside the teams').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()

  await page.getByRole('link', { name: 'What folders are, and what they need' }).click()
  await page.getByRole('button', { name: 'Authorize' }).click()
  // The sign-in uses the application for groups; the one for files only needs the consent.
  await signIn(page, 'Full Administrator', null)
  await signIn(page, 'Full Administrator', 'Decline')
  await heading(page, 'You declined at Microsoft')
  await page.getByRole('link', { name: 'Go back and try again' }).click()
  await page.getByRole('button', { name: 'Authorize' }).click()
  await signIn(page, 'Full Administrator', null)
  await signIn(page, 'Full Administrator')
  await page.getByText('Connected.').waitFor()
  await checkPage(page, 'folders-authorized')
  await page.getByRole('link', { name: 'Go to settings' }).click()
  await page.getByLabel('Each space of a linked team has its folder').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()
  await checkPage(page, 'settings-folders')
  await page.goto(`${pages}/prerequisites`)
  await page.getByText('Acme lets this application access files.').waitFor()
  await checkPage(page, 'prerequisites-folders')
  await page.goto(pages)
  await page.getByText('Setup is complete').click()
  await page.getByText('Each space of a linked team gets one').waitFor()
  await checkPage(page, 'overview-folders')
  assert.deepEqual(page.faults, [])
})

test('backfill of existing teams', async () => {
  const page = await chromium.page()
  await page.goto(pages)
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  await page.getByRole('link', { name: 'Settings', exact: true }).first().click()
  await page.getByLabel('Only teams that an administrator selects').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()
  for (const name of ['Harbour', 'Orchard']) await ada('POST', '/teams', { name })

  await page.getByRole('link', { name: 'Teams', exact: true }).click()
  await page.getByRole('link', { name: 'Create groups for existing teams' }).click()
  await heading(page, 'Existing teams')
  await checkPage(page, 'existing-empty')
  await page.getByRole('button', { name: 'Find teams' }).click()
  await page.getByText('Searching since').waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByText('is paused').waitFor()
  await checkPage(page, 'existing-paused')
  await page.getByRole('button', { name: 'Resume the search' }).click()
  await until('the search is done', async () => {
    await page.goto(`${pages}/existing`)
    return page.getByRole('button', { name: 'Find teams again' }).isVisible()
  })
  await checkPage(page, 'existing')

  for (const name of ['Harbour', 'Orchard']) await page.getByRole('checkbox', { name, exact: true }).check()
  await page.getByRole('button', { name: 'Select', exact: true }).click()
  await heading(page, 'Chosen teams')
  await page.getByText('2 groups would be created').waitFor()
  await checkPage(page, 'selection')
  await page.getByRole('button', { name: 'Create these 2 groups' }).click()
  await page.getByRole('heading', { name: 'Groups are being created' }).waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByRole('heading', { name: 'Paused' }).waitFor()
  await checkPage(page, 'selection-paused')
  await page.getByRole('button', { name: 'Resume', exact: true }).click()
  await page.goto(`${pages}/`)
  await until('all are done while the page is closed', async () => {
    await page.goto(`${pages}/selection`)
    return page.getByRole('heading', { name: 'Done' }).isVisible()
  })
  await page.getByText('2 of 2 done.').waitFor()
  await page.getByText('Nothing failed.').waitFor()
  await checkPage(page, 'selection-done')
  assert.deepEqual(page.faults, [])
})

test('pending removals and a preview are applied', async () => {
  const page = await chromium.page()
  await page.goto(pages)
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  const { items } = await ada('GET', '/teams')
  const team = items.find((team) => team.name === 'Harbour').id
  const roomId = Buffer.from(Buffer.from(team, 'base64url').toString().replace('/TEAM/', '/ROOM/')).toString('base64url')
  const memberships = []
  for (const name of ['ben.bellini', 'dario.demir', 'elif.eriksen'])
    memberships.push(await ada('POST', '/memberships', { roomId, personEmail: `${name}@acme.example` }))
  await page.getByRole('link', { name: 'Teams', exact: true }).click()
  await page.getByRole('link', { name: 'Harbour' }).click()
  const inGroup = (name) => page.getByRole('row', { name }).getByRole('cell', { name: 'Member' }).nth(1)
  await until('they are in the group', async () => {
    await page.reload()
    return (await inGroup('Ben Bellini').isVisible()) && (await inGroup('Elif Eriksen').isVisible())
  })

  const settings = page.getByRole('link', { name: 'Settings', exact: true }).first()
  await settings.click()
  await page.locator('#link_people').fill('1')
  await page.locator('#link_percent').fill('1')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()
  for (const { id } of memberships.slice(0, 2)) await ada('DELETE', `/memberships/${id}`)
  await until('they wait', async () => {
    await page.goto(`${pages}/held`)
    return page.getByRole('rowheader', { name: 'Ben Bellini' }).isVisible()
  })
  await page.getByRole('rowheader', { name: 'Dario Demir' }).waitFor()
  await checkPage(page, 'approval')
  await page.getByRole('button', { name: /^Remove \d+ people$/ }).click()
  await withProof(page, 'Do it for this team now', page.getByText('The team is being synced.'))
  await until('they are gone', async () => {
    await page.reload()
    return page.getByText('Ben Bellini was removed from the group').first().isVisible()
  })

  await settings.click()
  await page.getByLabel('Preview: show what would be done').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()
  await ada('DELETE', `/memberships/${memberships[2].id}`)
  await until('it is shown', async () => {
    await page.goto(`${pages}/preview`)
    return (await page.getByRole('rowheader', { name: 'Harbour' }).isVisible()) && page.getByRole('button', { name: 'Apply these changes and turn preview off' }).isVisible()
  })
  await checkPage(page, 'preview-whole')
  await page.getByRole('button', { name: 'Apply these changes and turn preview off' }).click()
  await withProof(page, 'Apply the changes now', page.getByRole('heading', { name: 'Teams', level: 1 }))
  await page.getByRole('link', { name: 'Harbour' }).click()
  await until('it is done', async () => {
    await page.reload()
    return page.getByText('Elif Eriksen was removed from the group').first().isVisible()
  })
  assert.deepEqual(page.faults, [])
})

test('an existing group is adopted', async () => {
  const page = await chromium.page({ expected: [/status of 4\d\d/] })
  await page.goto(pages)
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  await ada('POST', '/teams', { name: 'Meadow' })
  await page.goto(`${pages}/existing`)
  await page.getByRole('button', { name: 'Find teams again' }).click()
  const adopt = page.getByRole('link', { name: 'Adopt an existing group for Meadow' })
  await until('the team is found', async () => {
    await page.goto(`${pages}/existing`)
    return adopt.isVisible()
  })
  await adopt.click()

  await heading(page, 'Adopt an existing group for Meadow')
  await checkPage(page, 'adopt-empty')
  await page.getByLabel('Name or address begins with').fill('light')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText('1 found.').waitFor()
  await checkPage(page, 'adopt')
  await page.getByRole('link', { name: 'Lighthouse' }).click()

  await heading(page, 'Meadow and the group Lighthouse')
  await page.getByText('The team “Meadow” is renamed to “Lighthouse”').waitFor()
  await checkPage(page, 'union')
  await page.getByRole('button', { name: 'Sign in with Microsoft' }).click()
  await signIn(page, 'Ben Bellini', null)
  await page.getByText('who neither owns this group nor administers the directory').waitFor()
  await checkPage(page, 'union-refused')
  await page.getByRole('button', { name: 'Sign in with Microsoft' }).click()
  await signIn(page, 'Full Administrator', null)
  await page.getByText('who administers the directory').waitFor()
  await checkPage(page, 'union-proven')
  await page.getByRole('button', { name: 'Adopt this group' }).click()

  await page.getByText('The group is adopted.').waitFor()
  await until('both sides are merged', async () => {
    await page.reload()
    return page.getByRole('heading', { name: 'Lighthouse', level: 1 }).isVisible()
  })
  await page.getByRole('heading', { name: 'In sync' }).waitFor()
  await page.getByText('adopted the group “Lighthouse”.').waitFor()
  await checkPage(page, 'team-adopted')
  await page.goBack()
  await page.goBack()
  assert.deepEqual(page.faults, [])
})

test('keyboard without JavaScript reaches every page', async () => {
  const page = await chromium.page({ javaScriptEnabled: false })
  await page.goto(pages)
  const press = async (name) => {
    for (let steps = 0; steps < 60; steps++) {
      await page.keyboard.press('Tab')
      const focused = page.locator(':focus')
      if ((await focused.count()) && (await focused.innerText()).trim() === name) return page.keyboard.press('Enter')
    }
    assert.fail(`the keyboard does not reach ${name}`)
  }
  await press('Sign in with Webex')
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  for (const name of ['Prerequisites', 'Teams', 'People', 'Activity', 'Settings', 'Overview']) {
    await press(name)
    await heading(page, name === 'People' ? 'People who are excluded' : name)
  }
  await press('Sign out')
  await page.getByText('You are signed out').waitFor()
  assert.deepEqual(page.faults, [])
})
