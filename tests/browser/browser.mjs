// Helpers for tests in a real browser: they start the sandbox, drive Chromium, and collect unexpected errors.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import assert from 'node:assert/strict'

const root = resolve(import.meta.dirname, '../..')
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? 'target')
const tools = resolve(root, 'target/tools')
const packages = createRequire(tools + '/')

const { chromium } = packages('playwright-core')

/** Unpacks Chromium with its libraries and fonts; concurrent runs find a complete copy or none. */
async function unpacked() {
  const carrier = join(tools, 'node_modules/@sparticuz/chromium')
  const home = join(tools, `chromium-${packages(join(carrier, 'package.json')).version}`)
  if (existsSync(home)) return home
  const { default: packed, inflate } = await import(pathToFileURL(join(carrier, 'build/index.js')))
  const part = await mkdtemp(`${home}.part-`)
  const before = process.env.TMPDIR
  // The package unpacks to TMPDIR.
  process.env.TMPDIR = part
  try {
    await packed.executablePath(join(carrier, 'bin'))
    await inflate(join(carrier, 'bin/al2023.tar.br'))
  } finally {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  }
  const fonts = [join(home, 'fonts'), '/usr/share/fonts'].map((dir) => `<dir>${dir}</dir>`).join('')
  await writeFile(join(part, 'fonts.conf'), `<?xml version="1.0"?><fontconfig>${fonts}<cachedir>${home}/cache</cachedir></fontconfig>`)
  await rename(part, home).catch(async (error) => {
    await rm(part, { recursive: true })
    if (!existsSync(home)) throw error
  })
  return home
}

/** Starts the sandbox; `output` is what it printed until `ready` matched. */
export async function sandbox(args, ready) {
  const child = spawn(resolve(target, 'debug/sandbox'), args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += piece))
  const over = once(child, 'exit')
  while (!ready.test(output)) {
    const ended = await Promise.race([over, once(child.stdout, 'data')])
    if (child.exitCode !== null) throw new Error(`the sandbox ended with ${ended[0]}: ${output}`)
  }
  return {
    output,
    async stop() {
      child.kill('SIGINT')
      await over
    },
  }
}

/** Launches a browser; each page has its own cookies. */
export async function browser() {
  const home = await unpacked()
  const env = { ...process.env, FONTCONFIG_FILE: join(home, 'fonts.conf'), LD_LIBRARY_PATH: join(home, 'al2023/lib') }
  const launched = await chromium.launch({ executablePath: join(home, 'chromium'), env, args: ['--font-render-hinting=none'] })
  return {
    /** Opens a page in light or dark, at any width; collects unexpected console errors in `faults`. */
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

/** Asserts that axe-core finds no violation on the page. */
export async function isAccessible(page) {
  // The setup pages allow no script, so axe-core runs from outside the page.
  const text = await readFile(packages.resolve('axe-core/axe.min.js'), 'utf8')
  const found = await page.evaluate(`${text}; axe.run()`)
  const named = found.violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `    ${node.html}\n    ${node.failureSummary}`).join('\n')}`)
  assert.deepEqual(named, [], `${page.url()}`)
}

/** Asserts that the page is not wider than the window. */
export async function fits(page) {
  const beyond = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  assert.equal(beyond, 0, `${page.url()} is too wide by ${beyond}`)
}
