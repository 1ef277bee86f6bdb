// `node dist/bench/load.js URL SECONDS CLIENTS`: a steady load; exit code 1 where a request failed.
import { photographs } from './support/photographs.ts'
import { startSteadyLoad } from './support/steady-load.ts'

const [url = 'http://127.0.0.1:8080/v1/classify', seconds = '10', clients = '8'] =
  process.argv.slice(2)

const load = startSteadyLoad({ url, clients: Number(clients), bodies: await photographs() })
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000))
const { answered, failed, failures, p50Ms, p99Ms } = await load.stop()
for (const failure of failures) process.stderr.write(`${failure}\n`)
process.stdout.write(
  `${answered} answered, ${failed} failed, p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms\n`,
)
process.exitCode = failed === 0 && answered > 0 ? 0 : 1
