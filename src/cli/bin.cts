#!/usr/bin/env node
// The program's entry. It is CommonJS because libuv reads UV_THREADPOOL_SIZE when its first job is
// queued, and loading an ES module already queues file reads: the variable must be set before that.
require('./refuse-old-node.cjs')(require('../../../package.json').engines.node)

const os: typeof import('node:os') = require('node:os')

/** libuv's own default; fewer would starve file and DNS work on small machines. */
const minThreads = 4
// sharp decodes on libuv's threads, one image a thread: more of them than there are cores, so that
// files and names are still read while every core decodes.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(minThreads, os.availableParallelism() + 2))

void import('./main.js').then(({ main }) => main(process.argv.slice(2)))
