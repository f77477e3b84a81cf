// Answer and time the cases of ../rows.py with cors (Express middleware) and @fastify/cors.
//
//   node --expose-gc peers.js CASES.json                               one command per line of
//                                                                      standard input, as JSON
//   node --expose-gc peers.js CASES.json --check                       every answer to every case
//   node --expose-gc peers.js CASES.json --run SUBJECT CASE N BLOCKS   nanoseconds per request,
//                                                                      [gross, floor] a block
//
// judge.py judges the answers. The time does not include a server's work: requests are ready, and
// a response keeps its headers and goes nowhere.
'use strict'

const fs = require('node:fs')
const http = require('node:http')
const readline = require('node:readline')

// The number of separate requests that bring the code into the caches before the clock runs. It is
// at most the number of timed requests.
const WARM_UP = 20

// Every case has its own copy of the library's modules, because an application has one policy. The
// JIT compiler must not see fourteen policies at one call site.
function anew (name) {
  for (const key of Object.keys(require.cache)) delete require.cache[key]
  return require(name)
}

// Both libraries send a single string to every client and leave the comparison to the browser, as
// their manuals recommend. Subdomains are a regular expression.
function originOption (policy) {
  const patterns = policy.subdomains_of.map((domain) =>
    new RegExp(`^https://(?:[a-z0-9-]+\\.)+${domain.replaceAll('.', '\\.')}$`))
  const all = [...policy.origins, ...patterns]
  return all.length === 1 ? all[0] : all
}

function options (policy) {
  return {
    origin: originOption(policy),
    methods: policy.methods,
    allowedHeaders: policy.headers,
    exposedHeaders: policy.expose,
    credentials: policy.credentials,
    maxAge: policy.max_age
  }
}

// The application, which is behind the middleware and also measures the floor.
function bare (req, res) {
  res.statusCode = 200
  res.setHeader('Content-Type', 'text/plain')
  res.setHeader('Content-Length', '0')
  res.end()
}

// Each makes a pair of functions of (req, res): with the CORS layer, and without.
const SUBJECTS = {
  async cors (policy) {
    const middleware = anew('cors')(options(policy))
    return [(req, res) => middleware(req, res, () => bare(req, res)), bare]
  },
  async '@fastify/cors' (policy) {
    const answer = (req, reply) => {
      reply.header('Content-Type', 'text/plain').header('Content-Length', '0').send('')
    }
    const layered = anew('fastify')()
    await layered.register(require('@fastify/cors'), options(policy))
    layered.get('/', answer)
    await layered.ready()
    const plain = anew('fastify')()
    plain.route({ method: ['GET', 'OPTIONS'], url: '/', handler: answer })
    await plain.ready()
    return [(req, res) => layered.routing(req, res), (req, res) => plain.routing(req, res)]
  }
}

// A real response that keeps its head and end, because writing them is the server's work.
class Response extends http.ServerResponse {
  writeHead (status, headers) {
    this.statusCode = status
    this.head = headers
    return this
  }

  end () {
    this.finished = true
    return this
  }

  fields () {
    const all = Object.entries({ ...this.getHeaders(), ...this.head })
    return all.flatMap(([name, values]) => [values].flat().map((value) => [name, String(value)]))
  }
}

// Make new strings, as the HTTP parser does.
const fresh = (text) => Buffer.from(text, 'latin1').latin1Slice()

function exchange (given) {
  const req = new http.IncomingMessage(null)
  req.method = given.method
  req.url = '/'
  req.httpVersionMajor = req.httpVersionMinor = 1
  const headers = {}
  for (const [name, value] of given.fields) headers[name] = fresh(value)
  req.headers = headers // ready, because node would otherwise parse them at first use
  return [req, new Response(req)]
}

function exchanges (given, n) {
  return Array.from({ length: n }, () => exchange(given))
}

function serve (call, prepared) {
  for (let i = 0; i < prepared.length; i++) call(prepared[i][0], prepared[i][1])
}

// One timed loop: nanoseconds per request. It collects young objects before the loop.
function block (call, given, n) {
  const warm = exchanges(given, Math.min(WARM_UP, n))
  const prepared = exchanges(given, n)
  global.gc({ type: 'minor' })
  serve(call, warm)
  const start = process.hrtime.bigint()
  serve(call, prepared)
  const taken = Number(process.hrtime.bigint() - start) / n
  if (!prepared[n - 1][1].finished) throw new Error(`${given.name}: not answered at once`)
  return taken
}

class Bench {
  constructor (cases) {
    this.cases = new Map(cases.map((given) => [given.name, given]))
    this.built = new Map()
  }

  async pair (subject, name) {
    const key = `${subject}|${name}`
    if (!this.cases.has(name) || !(subject in SUBJECTS)) throw new Error(`no ${key}`)
    if (!this.built.has(key)) {
      this.built.set(key, await SUBJECTS[subject](this.cases.get(name).policy))
    }
    return this.built.get(key)
  }

  async check () {
    const answers = []
    for (const subject of Object.keys(SUBJECTS)) {
      for (const [name, given] of this.cases) {
        const [call] = await this.pair(subject, name)
        const [req, res] = exchange(given)
        call(req, res)
        if (!res.finished) throw new Error(`${subject}, ${name}: not answered at once`)
        answers.push({ subject, case: name, status: res.statusCode, headers: res.fields() })
      }
    }
    return answers
  }

  async run (subject, name, n, blocks) {
    const [call, floor] = await this.pair(subject, name)
    const given = this.cases.get(name)
    const figures = []
    for (let i = 0; i < blocks; i++) {
      const figure = [0, 0]
      // The order of the two is random.
      for (const side of Math.random() < 0.5 ? [0, 1] : [1, 0]) {
        figure[side] = block(side === 0 ? call : floor, given, n)
      }
      figures.push(figure)
    }
    return figures
  }

  // Execute ["check"] or ["run", SUBJECT, CASE, N, BLOCKS].
  obey ([verb, ...rest]) {
    if (verb === 'check' && rest.length === 0) return this.check()
    if (verb === 'run' && rest.length === 4) {
      return this.run(rest[0], rest[1], Number(rest[2]), Number(rest[3]))
    }
    throw new Error(`no such command: ${verb}`)
  }
}

async function main ([file, verb, ...rest]) {
  if (file === undefined) throw new Error('usage: peers.js CASES.json [--check | --run ...]')
  const bench = new Bench(JSON.parse(fs.readFileSync(file, 'utf8')))
  const reply = async (command) => {
    fs.writeSync(1, JSON.stringify(await bench.obey(command)) + '\n')
  }
  if (verb !== undefined) return reply([verb.replace(/^--/, ''), ...rest])
  for await (const line of readline.createInterface({ input: process.stdin })) {
    await reply(JSON.parse(line))
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error)
  process.exit(1)
})
