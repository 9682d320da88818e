// A BullMQ worker whose jobs do nothing: node worker.mjs REDIS_URL QUEUE
import { Worker } from 'bullmq';
import IORedis from 'ioredis';

const [url, queue] = process.argv.slice(2);
const connection = new IORedis(url, { maxRetriesPerRequest: null });
const worker = new Worker(queue, async () => null, { connection, concurrency: 1 });
await worker.waitUntilReady();
console.log('ready');
process.stdin.resume().on('end', async () => { await worker.close(); process.exit(0); });
