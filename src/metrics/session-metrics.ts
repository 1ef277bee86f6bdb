// The session processes: how many are in which state, and how often they had to be replaced.
import { Counter, Gauge, type Registry } from 'prom-client'

type State = 'starting' | 'idle' | 'busy'

/** The observer of one pool. */
export interface SessionsObserver {
  state(session: number, state: State | 'gone'): void
  died(session: number, reason: string): void
}

export function createSessionMetrics(
  registry: Registry,
): (model: string, device: string) => SessionsObserver {
  const sessions = new Gauge({
    name: 'sessions',
    help: 'Session processes by state',
    labelNames: ['model', 'device', 'state'],
    registers: [registry],
  })
  const restarts = new Counter({
    name: 'session_restarts_total',
    help: 'Session processes that ended without being asked to, by reason',
    labelNames: ['model', 'device', 'reason'],
    registers: [registry],
  })
  return (model, device) => {
    const states = new Map<number, State>()
    return {
      state(session, state) {
        const before = states.get(session)
        if (before !== undefined) sessions.dec({ model, device, state: before })
        if (state === 'gone') {
          states.delete(session)
          return
        }
        states.set(session, state)
        sessions.inc({ model, device, state })
      },
      died(_session, reason) {
        restarts.inc({ model, device, reason })
      },
    }
  }
}
