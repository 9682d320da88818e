// Add jobs and wait for each: node client.mjs REDIS_URL QUEUE JOBS CLIENTS
// Prints {"seconds", "latencies_ms"}: from add to the completed event, one job at a time a client.
import { Queue, QueueEvents } from 'bullmq';
import IORedis from 'ioredis';

const [url, name, jobs, clients] = process.argv.slice(2);
const connect = () => new IORedis(url, { maxRetriesPerRequest: null });
const redis = connect();
const queue = new Queue(name, { connection: redis });

// QueueEvents hears what comes after it began to listen, which is later than it says; jobs that end
// before would be waited for for ever. So it is told the last event that we need not hear.
const [[last] = ['0-0']] = await redis.xrevrange(queue.toKey('events'), '+', '-', 'COUNT', 1);
const events = new QueueEvents(name, { connection: connect(), lastEventId: last });

// One listener for all: it keeps the ends that nobody waits for yet.
const waiting = new Map();
const ended = new Set();
events.on('completed', ({ jobId }) => {
  const resolve = waiting.get(jobId);
  if (resolve) {
    waiting.delete(jobId);
    resolve();
  } else {
    ended.add(jobId);
  }
});
const completed = (id) =>
  ended.delete(id) ? Promise.resolve() : new Promise((resolve) => waiting.set(id, resolve));
await events.waitUntilReady();

const latencies = [];
let left = Number(jobs);
async function client() {
  while (left-- > 0) {
    const started = performance.now();
    const job = await queue.add('noop', { id: left }, { removeOnComplete: { count: 1000 } });
    await completed(job.id);
    latencies.push(performance.now() - started);
  }
}
const started = performance.now();
await Promise.all(Array.from({ length: Number(clients) }, client));
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, latencies_ms: latencies }));
await events.close();
await queue.close();
process.exit(0);
