// The administrator's whole journey, clicked in a real browser: from an organization that is not connected to a group for a new team, and back.
import { mkdir, readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { browser, fits, isAccessible, sandbox } from './browser.mjs'

let house, chromium, pages, webex, token, officer, moves

before(async () => {
  house = await sandbox(['--fresh'], /Ctrl-C/)
  pages = /setup pages: (\S+)/.exec(house.said)[1]
  webex = /(http:\S+\/v1)\/teams/.exec(house.said)[1]
  token = /Bearer ([^']+)/.exec(house.said)[1]
  officer = /personEmail=([^']+)/.exec(house.said)[1]
  moves = [...house.said.matchAll(/PATCH (\S+) -H 'Authorization: Bearer ([^']+)' .* -d '(.*)'/g)]
  chromium = await browser()
})

after(async () => {
  await chromium?.close()
  await house?.stop()
})

/** What Ada does in Webex. */
async function ada(method, path, body) {
  const answer = await fetch(`${webex}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  assert.ok(answer.ok, `${path}: ${answer.status}`)
  return answer.status === 204 ? undefined : answer.json()
}

/** Signs in on a service's own page, and agrees or declines. */
async function signIn(page, account, decision = 'Accept') {
  await page.locator('#account').waitFor()
  const option = page.locator('#account option', { hasText: account }).first()
  await page.locator('#account').selectOption(await option.getAttribute('value'))
  await page.getByRole('button', { name: 'Continue' }).click()
  if (decision) await page.getByRole('button', { name: decision, exact: true }).click()
}

/** Each page that is passed is looked at in light and dark, on a desk and on a phone. */
async function looksRight(page, name) {
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

/** A new team is found by the next round, within a minute; on a busy machine everything takes longer. */
async function until(what, holds) {
  for (let tries = 0; tries < 400; tries++) {
    if (await holds()) return
    await new Promise((wake) => setTimeout(wake, 500))
  }
  assert.fail(`still not so: ${what}`)
}

const heading = (page, text) => page.getByRole('heading', { name: text, level: 1 }).waitFor()

test('from the prerequisites to a group for a new team whose creator says yes on the card', async () => {
  const page = await chromium.page({ expected: [/status of 4\d\d/] })

  await page.goto(pages)
  await looksRight(page, 'welcome')
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Ada Arndt')
  await heading(page, 'You are no full administrator')
  await looksRight(page, 'no-administrator')

  await page.getByRole('link', { name: 'Sign in with another account' }).click()
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  await looksRight(page, 'overview-empty')

  await page.getByRole('link', { name: 'View prerequisites' }).click()
  await heading(page, 'Prerequisites')
  await looksRight(page, 'prerequisites-empty')
  await page.getByRole('link', { name: 'Next', exact: true }).click()

  await heading(page, 'Connect Webex')
  await looksRight(page, 'webex')
  await page.getByRole('button', { name: 'Connect Webex' }).click()
  await signIn(page, 'Compliance Officer', 'Decline')
  await heading(page, 'You declined at Webex')
  await looksRight(page, 'declined')
  await page.getByRole('link', { name: 'Read what is asked for, and why' }).click()
  await page.getByRole('button', { name: 'Connect Webex' }).click()
  await signIn(page, 'Compliance Officer')
  await page.getByText('Connected through Compliance Officer').waitFor()

  await page.getByRole('link', { name: 'Connect Microsoft 365' }).click()
  await heading(page, 'Connect Microsoft 365')
  await looksRight(page, 'permissions')
  await page.getByRole('button', { name: 'Authorize' }).click()
  await signIn(page, 'Ada Arndt')
  await heading(page, 'That account may not connect the directory')
  await looksRight(page, 'no-microsoft-administrator')
  await page.getByRole('link', { name: 'Sign in to Microsoft again' }).click()
  await page.getByRole('button', { name: 'Authorize' }).click()
  // The directory knows the application since Ada's sign-in: only the consent is asked for.
  await signIn(page, 'Full Administrator', null)
  await signIn(page, 'Full Administrator')
  await heading(page, 'Acme is connected')
  await looksRight(page, 'connected')

  await page.getByRole('link', { name: 'Go to settings' }).click()
  await heading(page, 'Settings')
  await looksRight(page, 'settings')
  await page.getByLabel('Fallback owner').fill('nobody@nowhere.example')
  await page.getByRole('switch', { name: 'Enable Microsoft 365 Groups integration' }).check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: 'The settings were not saved' }).waitFor()
  await looksRight(page, 'settings-refused')
  await page.getByLabel('Fallback owner').fill('')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()
  await looksRight(page, 'settings-saved')

  const overview = page.getByRole('link', { name: 'Overview' })
  await overview.click()
  await page.getByRole('heading', { name: 'The integration is on' }).waitFor()
  await ada('POST', '/teams', { name: 'Lighthouse' })
  const question = async () => (await ada('GET', `/messages/direct?personEmail=${officer}`)).items[0]
  await until('Ada is asked', async () => (await question())?.attachments)
  await page.reload()
  await page.getByRole('cell', { name: 'Lighthouse' }).waitFor()
  await looksRight(page, 'overview')

  await page.getByRole('link', { name: 'Prerequisites', exact: true }).click()
  await page.getByText('The externalId is a person of the directory for').waitFor()
  await looksRight(page, 'prerequisites')
  await page.getByRole('link', { name: 'See who was not found' }).click()
  await heading(page, 'People who are left out')
  await looksRight(page, 'people')

  const { id, attachments } = await question()
  const yes = attachments[0].content.actions.find((action) => action.title === 'Create')
  await ada('POST', '/attachment/actions', { type: 'submit', messageId: id, inputs: yes.data })
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
    return page.getByRole('cell', { name: 'In step' }).isVisible()
  })
  await page.getByLabel('Title begins with').fill('light')
  await page.getByRole('button', { name: 'Search' }).click()
  await looksRight(page, 'teams')
  await page.getByRole('link', { name: 'Lighthouse' }).click()
  await heading(page, 'Lighthouse')
  await page.getByRole('rowheader', { name: 'Ada Arndt' }).waitFor()
  await looksRight(page, 'team')
  await page.getByRole('link', { name: 'By cause or person, or as CSV' }).click()
  await heading(page, 'Activity')
  await page.getByLabel('Name, address or id of a person').fill('ada')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText('Ada Arndt is added to the group as owner').waitFor()
  await looksRight(page, 'activity')
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download from here as CSV' }).click()])
  assert.equal(file.suggestedFilename(), 'activity.csv')
  assert.match(await readFile(await file.path(), 'utf8'), /Ada Arndt is added to the group as owner/)
  await page.getByRole('link', { name: 'All teams' }).click()
  await page.getByRole('link', { name: 'Lighthouse' }).first().click()
  await page.locator('td a[href*="/done/"]').first().click()
  await page.getByRole('heading', { name: 'Put the people back as they were before' }).waitFor()
  await page.getByRole('rowheader', { name: 'Ada Arndt' }).waitFor()
  await looksRight(page, 'put-back')
  await page.getByRole('button', { name: 'Put them back' }).click()
  await page.getByText('The team is being looked at.').waitFor()
  await until('the last owner stays, and the page says so', async () => {
    await page.reload()
    return page.getByText('or a last owner would go').isVisible()
  })
  await page.goto(`${pages}/held`)
  await heading(page, 'Removals that wait')
  await looksRight(page, 'held')
  await page.goto(`${pages}/preview`)
  await heading(page, 'What would be done')
  await looksRight(page, 'preview')
  await page.goBack()
  await page.goBack()
  await page.getByRole('button', { name: 'Sync now' }).click()
  await page.getByText('The team is being looked at.').waitFor()
  await page.getByLabel('Yes, end the link of this team').check()
  await page.getByRole('button', { name: 'End the link' }).click()
  await page.getByText('The link is over.').waitFor()
  await overview.click()

  await page.getByRole('link', { name: 'Disconnect' }).click()
  await heading(page, 'Disconnect')
  await looksRight(page, 'disconnect')
  await page.getByRole('button', { name: 'Stop all changes now' }).isHidden()
  assert.deepEqual(page.faults, [])
})

test('people who are left out: an externalId is written, and one that moved is confirmed', async () => {
  const page = await chromium.page({ expected: [/status of 4\d\d/] })
  await page.goto(pages)
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  await until('everybody is counted', async () => {
    await page.goto(`${pages}/people?why=not-synchronized`)
    return page.getByRole('link', { name: 'Fix: Gwen Garcia' }).isVisible()
  })
  await page.getByRole('link', { name: /^No externalId \(\d+\)$/ }).waitFor()
  await looksRight(page, 'people-fix')
  await page.getByLabel('Hanna Holm', { exact: true }).uncheck()
  await page.getByRole('button', { name: 'Fix those that are chosen' }).click()
  await heading(page, 'Write externalIds')
  assert.equal(await page.locator('tbody tr').count(), 1)
  await looksRight(page, 'fix')
  await page.getByRole('button', { name: 'Write it with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'What was written')
  await page.getByText('1 of 1 have an externalId now.').waitFor()
  await looksRight(page, 'fixed')
  await page.getByRole('link', { name: 'Gwen Garcia' }).click()
  await page.getByRole('heading', { name: 'Takes part' }).waitFor()
  await looksRight(page, 'person')

  for (const [, address, bearer, body] of moves) {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
    assert.equal((await fetch(address, { method: 'PATCH', headers, body })).status, 200)
    await page.goto(`${pages}/people/${address.split('/').pop()}`)
  }
  await page.getByRole('heading', { name: 'Is this the same person?' }).waitFor()
  await looksRight(page, 'moved')
  await page.getByRole('button', { name: 'Sign in with Microsoft' }).click()
  await signIn(page, 'Ada Arndt', null)
  await page.getByText('who is no Global Administrator').waitFor()
  await looksRight(page, 'moved-no-administrator')
  await page.getByRole('button', { name: 'Sign in with Microsoft' }).click()
  await signIn(page, 'Full Administrator', null)
  await page.getByText('an administrator of the directory.').first().waitFor()
  await looksRight(page, 'moved-signed-in')
  await page.getByRole('button', { name: 'Confirm: it is the same person' }).click()
  await page.getByText('It is confirmed').waitFor()
  await page.getByRole('heading', { name: 'Takes part' }).waitFor()
  await looksRight(page, 'confirmed')
  assert.deepEqual(page.faults, [])
})

test('folders of spaces: what they need, what is asked for and what it could do, and switched on', async () => {
  const page = await chromium.page({ expected: [/status of 4\d\d/] })
  await page.goto(pages)
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  await page.getByRole('link', { name: 'Folders of spaces' }).click()
  await heading(page, 'Folders of spaces')
  await page.getByText('Read, change and delete every file of the directory').waitFor()
  await looksRight(page, 'folders')

  await page.goto(`${pages}/settings`)
  await page.getByLabel('Outside the teams').check()
  await page.getByLabel('Each space of a linked team has its folder').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('link', { name: 'Folders need the account inside the teams' }).waitFor()
  await looksRight(page, 'settings-folders-refused')
  await page.getByLabel('None', { exact: true }).check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()
  await page.goto(`${pages}/folders`)
  await page.getByRole('link', { name: 'Change where the account stands.' }).waitFor()
  await looksRight(page, 'folders-outside')
  await page.getByRole('link', { name: 'Change where the account stands.' }).click()
  await page.getByLabel('Inside the teams').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()

  await page.getByRole('link', { name: 'What folders are, and what they need' }).click()
  await page.getByRole('button', { name: 'Authorize' }).click()
  // Everybody signs in to the application for groups, which the directory knows; the one for files is only consented to.
  await signIn(page, 'Full Administrator', null)
  await signIn(page, 'Full Administrator', 'Decline')
  await heading(page, 'You declined at Microsoft')
  await page.getByRole('link', { name: 'Go back and try again' }).click()
  await page.getByRole('button', { name: 'Authorize' }).click()
  await signIn(page, 'Full Administrator', null)
  await signIn(page, 'Full Administrator')
  await page.getByText('The consent is in force').waitFor()
  await looksRight(page, 'folders-authorized')
  await page.getByRole('link', { name: 'Go to settings' }).click()
  await page.getByLabel('Each space of a linked team has its folder').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()
  await looksRight(page, 'settings-folders')
  await page.goto(`${pages}/prerequisites`)
  await page.getByText('Acme lets this application at files.').waitFor()
  await looksRight(page, 'prerequisites-folders')
  await page.goto(pages)
  await page.getByText('Each space of a linked team gets one').waitFor()
  await looksRight(page, 'overview-folders')
  assert.deepEqual(page.faults, [])
})

test('groups for teams that were there before: found, chosen, shown, and begun', async () => {
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
  await looksRight(page, 'existing-empty')
  await page.getByRole('button', { name: 'Find teams' }).click()
  await page.getByText('Searching since').waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByText('is paused').waitFor()
  await looksRight(page, 'existing-paused')
  await page.getByRole('button', { name: 'Go on searching' }).click()
  await until('the search is through', async () => {
    await page.goto(`${pages}/existing`)
    return page.getByRole('button', { name: 'Find teams again' }).isVisible()
  })
  await looksRight(page, 'existing')

  for (const name of ['Harbour', 'Orchard']) await page.getByRole('checkbox', { name, exact: true }).check()
  await page.getByRole('button', { name: 'Choose the ticked' }).click()
  await heading(page, 'Chosen teams')
  await page.getByText('2 groups would be created').waitFor()
  await looksRight(page, 'selection')
  await page.getByRole('button', { name: 'Create these 2 groups' }).click()
  await page.getByRole('heading', { name: 'Groups are being created' }).waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByRole('heading', { name: 'Paused' }).waitFor()
  await looksRight(page, 'selection-paused')
  await page.getByRole('button', { name: 'Go on', exact: true }).click()
  await page.goto(`${pages}/`)
  await until('all have come to their end while the page was closed', async () => {
    await page.goto(`${pages}/selection`)
    return page.getByRole('heading', { name: 'Done' }).isVisible()
  })
  await page.getByText('2 of 2 done.').waitFor()
  await page.getByText('Nothing failed.').waitFor()
  await looksRight(page, 'selection-done')
  assert.deepEqual(page.faults, [])
})

test('removals that wait are read and decided, and what a preview shows is had done', async () => {
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
  await looksRight(page, 'held-plan')
  await page.getByRole('button', { name: 'Remove them' }).click()
  await page.getByText('The team is being looked at.').waitFor()
  await until('they are gone', async () => {
    await page.reload()
    return page.getByText('Ben Bellini is removed from the group').first().isVisible()
  })

  await settings.click()
  await page.getByLabel('Preview: show what would be done').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The settings are saved.').waitFor()
  await ada('DELETE', `/memberships/${memberships[2].id}`)
  await until('it is shown', async () => {
    await page.goto(`${pages}/preview`)
    return (await page.getByRole('rowheader', { name: 'Harbour' }).isVisible()) && page.getByRole('button', { name: 'Have it done' }).isVisible()
  })
  await looksRight(page, 'preview-whole')
  await page.getByRole('button', { name: 'Have it done' }).click()
  await heading(page, 'Teams')
  await page.getByRole('link', { name: 'Harbour' }).click()
  await until('it is done', async () => {
    await page.reload()
    return page.getByText('Elif Eriksen is removed from the group').first().isVisible()
  })
  assert.deepEqual(page.faults, [])
})

test('a group that was there before: found, shown united with a team, and connected by whoever may', async () => {
  const page = await chromium.page({ expected: [/status of 4\d\d/] })
  await page.goto(pages)
  await page.getByRole('link', { name: 'Sign in with Webex' }).click()
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  await ada('POST', '/teams', { name: 'Meadow' })
  await page.goto(`${pages}/existing`)
  await page.getByRole('button', { name: 'Find teams again' }).click()
  const connect = page.getByRole('link', { name: 'Connect an existing group to Meadow' })
  await until('the team is found', async () => {
    await page.goto(`${pages}/existing`)
    return connect.isVisible()
  })
  await connect.click()

  await heading(page, 'Connect an existing group to Meadow')
  await looksRight(page, 'connect-empty')
  await page.getByLabel('Name or address begins with').fill('light')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText('1 found.').waitFor()
  await looksRight(page, 'connect')
  await page.getByRole('link', { name: 'Lighthouse' }).click()

  await heading(page, 'Meadow and the group Lighthouse')
  await page.getByText('The team “Meadow” is renamed to “Lighthouse”').waitFor()
  await looksRight(page, 'union')
  await page.getByRole('button', { name: 'Sign in with Microsoft' }).click()
  await signIn(page, 'Ben Bellini', null)
  await page.getByText('who neither owns this group nor administers the directory').waitFor()
  await looksRight(page, 'union-refused')
  await page.getByRole('button', { name: 'Sign in with Microsoft' }).click()
  await signIn(page, 'Full Administrator', null)
  await page.getByText('who administers the directory').waitFor()
  await looksRight(page, 'union-proven')
  await page.getByRole('button', { name: 'Connect this group' }).click()

  await page.getByText('The group is connected.').waitFor()
  await until('both sides are united', async () => {
    await page.reload()
    return page.getByRole('heading', { name: 'Lighthouse', level: 1 }).isVisible()
  })
  await page.getByRole('heading', { name: 'In step' }).waitFor()
  await page.getByText('connected the group “Lighthouse”, which was there before.').waitFor()
  await looksRight(page, 'team-connected')
  await page.goBack()
  await page.goBack()
  assert.deepEqual(page.faults, [])
})

test('without JavaScript and without a mouse, everything can be reached', async () => {
  const page = await chromium.page({ javaScriptEnabled: false })
  await page.goto(pages)
  const press = async (name) => {
    for (let steps = 0; steps < 60; steps++) {
      await page.keyboard.press('Tab')
      const focused = page.locator(':focus')
      if ((await focused.count()) && (await focused.innerText()).trim() === name) return page.keyboard.press('Enter')
    }
    assert.fail(`no way to ${name} with the keyboard`)
  }
  await press('Sign in with Webex')
  await signIn(page, 'Full Administrator')
  await heading(page, 'Overview')
  for (const name of ['Prerequisites', 'Teams', 'People', 'Activity', 'Settings', 'Overview']) {
    await press(name)
    await heading(page, name === 'People' ? 'People who are left out' : name)
  }
  await press('Sign out')
  await page.getByText('You are signed out').waitFor()
  assert.deepEqual(page.faults, [])
})
