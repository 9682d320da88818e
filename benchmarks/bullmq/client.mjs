// Add jobs and wait for each: node client.mjs REDIS_URL QUEUE JOBS CLIENTS
// Prints {"seconds", "latencies_ms"}: from add to the completed event, one job at a time a client.
import { Queue, QueueEvents } from 'bullmq';
import IORedis from 'ioredis';

const [url, name, jobs, clients] = process.argv.slice(2);
const connect = () => new IORedis(url, { maxRetriesPerRequest: null });
const queue = new Queue(name, { connection: connect() });
const events = new QueueEvents(name, { connection: connect() });
await events.waitUntilReady();

const latencies = [];
let left = Number(jobs);
async function client() {
  while (left-- > 0) {
    const started = performance.now();
    const job = await queue.add('noop', { id: left }, { removeOnComplete: { count: 1000 } });
    await job.waitUntilFinished(events);
    latencies.push(performance.now() - started);
  }
}
const started = performance.now();
await Promise.all(Array.from({ length: Number(clients) }, client));
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, latencies_ms: latencies }));
await events.close();
await queue.close();
process.exit(0);
