// A real browser before real pages: starts the sandbox, drives Chromium, and fails whatever shows an error that nobody expected.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import assert from 'node:assert/strict'

const root = resolve(import.meta.dirname, '../..')
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? 'target')
const tools = createRequire(resolve(root, 'target/tools') + '/')

const { chromium } = tools('playwright-core')
const { default: unpacked } = await import(pathToFileURL(tools.resolve('@sparticuz/chromium')))

/** Starts the sandbox with these arguments, and says what it printed until `ready` matched. */
export async function sandbox(args, ready) {
  const child = spawn(resolve(target, 'debug/sandbox'), args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (said += piece))
  const over = once(child, 'exit')
  while (!ready.test(said)) {
    const ended = await Promise.race([over, once(child.stdout, 'data')])
    if (child.exitCode !== null) throw new Error(`the sandbox ended with ${ended[0]}: ${said}`)
  }
  return {
    said,
    async stop() {
      child.kill('SIGINT')
      await over
    },
  }
}

/** A browser; each of its pages has an identity of its own. */
export async function browser() {
  const launched = await chromium.launch({ executablePath: await unpacked.executablePath(), args: unpacked.args, headless: true })
  return {
    /** A page in light or dark, on a desk or a phone. What it shows in its console must be expected. */
    async page({ scheme = 'light', width = 1100, javaScriptEnabled = true, expected = [] } = {}) {
      const context = await launched.newContext({ colorScheme: scheme, reducedMotion: 'reduce', viewport: { width, height: 800 }, javaScriptEnabled })
      const page = await context.newPage()
      page.setDefaultTimeout(20_000)
      const faults = []
      page.on('console', (message) => {
        if (message.type() === 'error' && !expected.some((one) => one.test(message.text()))) faults.push(message.text())
      })
      page.on('pageerror', (error) => faults.push(String(error)))
      return Object.assign(page, { faults })
    },
    close: () => launched.close(),
  }
}

/** That axe-core finds nothing on the page as it stands. */
export async function isAccessible(page) {
  const source = tools.resolve('axe-core/axe.min.js')
  // The pages allow no script at all: it is run from outside, and not as one of theirs.
  const text = await (await import('node:fs/promises')).readFile(source, 'utf8')
  const found = await page.evaluate(`${text}; axe.run()`)
  const named = found.violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `    ${node.html}\n    ${node.failureSummary}`).join('\n')}`)
  assert.deepEqual(named, [], `${page.url()}`)
}

/** That nothing is wider than the window. */
export async function fits(page) {
  const beyond = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  assert.equal(beyond, 0, `${page.url()} is too wide by ${beyond}`)
}
