/** The listing of `status`. */

import type { ControllersStatus, Status, Verdict } from '../../api/shapes.ts';
import { verdictOf } from '../../api/verdict.ts';
import { VERSION } from '../../api/version.ts';
import { warningsOf } from '../../config/warnings.ts';
import { errnoName } from '../../native/system-error.ts';
import { PORT, PORT_FIELDS } from '../../tables/port-counters.ts';
import type { Host } from '../host.ts';

/** `startedAt`: ISO 8601. `uptimeMs`: since then, by a clock that cannot be set. */
export function statusOf(
  host: Host,
  { startedAt, uptimeMs }: { readonly startedAt: string; readonly uptimeMs: number },
  controllers: ControllersStatus,
  problems: Verdict['problems'],
): Status {
  const { configuration, thread, tables } = host;
  const { connections, affinities, portCounters } = tables;
  const drops: Record<string, number> = {};
  let frames = 0;
  // Removed ports count too, until their number is reused.
  for (let port = 0; port < host.builder.ids.portHighWater; port++) {
    frames += portCounters.fields[port * PORT_FIELDS + PORT.rxPackets]!;
    for (const [reason, count] of Object.entries(portCounters.read(port).drops)) {
      drops[reason] = (drops[reason] ?? 0) + count;
    }
  }
  for (const { name } of configuration.ports) host.queueLosses.addTo(drops, name);
  for (const { name } of configuration.uplinks ?? []) {
    const { lostFrames } = host.uplinks.view(name);
    if (lostFrames > 0) drops['receive-buffer-full'] = (drops['receive-buffer-full'] ?? 0) + lostFrames;
  }
  const { writeErrors, writeErrnos, writeQueueFull, readErrors, outOfBuffers } = thread.engineCounters;
  return {
    verdict: verdictOf(problems),
    version: VERSION,
    host: configuration.host,
    pid: process.pid,
    startedAt,
    uptimeMs,
    engine: thread.engine,
    engineReason: thread.engineReason,
    ports: configuration.ports.length,
    uplinks: (configuration.uplinks ?? []).map(({ name, interface: device }) => {
      const { state, changedAtMs, outages } = host.uplinks.view(name);
      return { uplink: name, interface: device, state, since: new Date(changedAtMs).toISOString(), outages };
    }),
    groups: configuration.groups.length,
    revision: host.publisher.revision,
    connections: { inUse: connections.inUse, max: connections.capacity, ...connections.totals },
    ioErrors: {
      failedWrites: writeErrors,
      failedWritesBy: failedWritesBy(writeErrnos),
      fullQueues: writeQueueFull,
      failedReads: readErrors,
      outOfBuffers,
    },
    affinities: { inUse: affinities.inUse, max: affinities.capacity, evicted: affinities.evicted },
    drops,
    frames,
    residentBytes: process.memoryUsage.rss(),
    controllers,
    warnings: warningsOf(configuration, host.runtime.wallMs()),
  };
}

/** Failed writes by errno name, e.g. EIO; `not-attached`: the port had no device. */
function failedWritesBy(errnos: Float64Array): Record<string, number> {
  const by: Record<string, number> = {};
  errnos.forEach((count, errno) => {
    if (count > 0) by[errno === 0 ? 'not-attached' : errnoName(errno)] = count;
  });
  return by;
}
