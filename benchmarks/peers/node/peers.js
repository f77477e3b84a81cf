// Answer and time requests with cors (Express middleware) and @fastify/cors:
// node --expose-gc peers.js REQUESTS.json
//
// programs.py describes the protocol. The time does not include a server's work: requests are
// ready, and a response keeps its headers and goes nowhere.
'use strict'

const fs = require('node:fs')
const http = require('node:http')
const readline = require('node:readline')

// The number of separate requests that bring the code into the caches before the clock runs. It is
// at most the number of timed requests.
const WARM_UP = 20

// Every request has its own copy of the library's modules, because an application has one policy.
// The JIT compiler must not see fourteen policies at one call site.
function load (name) {
  for (const key of Object.keys(require.cache)) delete require.cache[key]
  return require(name)
}

// Both libraries send a single string to every client and leave the comparison to the browser, as
// their manuals recommend. Subdomains are a regular expression.
function options (policy) {
  const patterns = policy.subdomains_of.map((domain) =>
    new RegExp(`^https://(?:[a-z0-9-]+\\.)+${domain.replaceAll('.', '\\.')}$`))
  const origins = [...policy.origins, ...patterns]
  return {
    origin: origins.length === 1 ? origins[0] : origins,
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
    const middleware = load('cors')(options(policy))
    return [(req, res) => middleware(req, res, () => bare(req, res)), bare]
  },
  async '@fastify/cors' (policy) {
    const answer = (req, reply) => {
      reply.header('Content-Type', 'text/plain').header('Content-Length', '0').send('')
    }
    const layered = load('fastify')()
    await layered.register(require('@fastify/cors'), options(policy))
    layered.get('/', answer)
    await layered.ready()
    const plain = load('fastify')()
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

function exchange (given) {
  const req = new http.IncomingMessage(null)
  req.method = given.method
  req.url = '/'
  req.httpVersionMajor = req.httpVersionMinor = 1
  const headers = {}
  for (const [name, value] of given.fields) {
    headers[name] = Buffer.from(value, 'latin1').latin1Slice() // a new string, as by the parser
  }
  req.headers = headers // ready, because node would otherwise parse them at first use
  return [req, new Response(req)]
}

function serve (call, given, n) {
  const prepared = Array.from({ length: n }, () => exchange(given))
  return () => {
    for (let i = 0; i < n; i++) call(prepared[i][0], prepared[i][1])
    const res = prepared[n - 1][1]
    if (!res.finished) throw new Error(`${given.name}: not answered at once`)
    return res
  }
}

// One timed loop: nanoseconds per request. It collects young objects before the loop.
function block (call, given, n) {
  const warm = serve(call, given, Math.min(WARM_UP, n))
  const timed = serve(call, given, n)
  global.gc({ type: 'minor' })
  warm()
  const start = process.hrtime.bigint()
  timed()
  return Number(process.hrtime.bigint() - start) / n
}

function answer (pair, given, calls, blocks) {
  const res = serve(pair[0], given, 1)()
  const times = []
  for (let i = 0; i < blocks; i++) {
    const both = [0, 0]
    const first = Math.random() < 0.5 ? 0 : 1
    for (const side of [first, 1 - first]) both[side] = block(pair[side], given, calls)
    times.push(both)
  }
  return { status: res.statusCode, headers: res.fields(), times }
}

async function main () {
  const requests = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))
  const pairs = new Map()
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { subject, request, calls, blocks } = JSON.parse(line)
    const given = requests.find(({ name }) => name === request)
    const key = `${subject}|${request}`
    if (!pairs.has(key)) pairs.set(key, await SUBJECTS[subject](given.policy))
    fs.writeSync(1, JSON.stringify(answer(pairs.get(key), given, calls, blocks)) + '\n')
  }
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
