// Runs one Node.js function: loads its handler, then answers invocations of the Runtime API until it is killed.
//
// Standard library only, for every Node.js from 18 on. It knows no AWS API and opens no connection but the one to the
// Runtime API. How a streamed answer is written is `streaming.mjs`'s.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire, Module, syncBuiltinESMExports } from 'node:module';
import { connect, Socket } from 'node:net';
import os from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { format, types } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { HttpResponseStream, makeResponseStream } from './streaming.mjs';

const env = process.env;
const API = '/2018-06-01/runtime/';
const taskRoot = () => env.LAMBDA_TASK_ROOT ?? '/var/task';
const logsJson = () => env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON';
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const REQUEST_ID = Symbol.for('aws.lambda.runtime.requestId');
const HEAD_END = Buffer.from('\r\n\r\n');
const EXIT_UNHANDLED_REJECTION = 128;
const EXIT_UNCAUGHT_EXCEPTION = 129;

// ---- Errors -------------------------------------------------------------------------------------------------------

/** An error with a name of the platform's: the function cannot be run. */
class Fault extends Error {
  constructor(name, message, stack) {
    super(message);
    this.name = `Runtime.${name}`;
    if (stack) this.stack = stack;
  }
}

const isError = (value) =>
  types.isNativeError(value) ||
  ['name', 'message', 'stack'].every((member) => value && typeof value[member] === 'string');

/** An error, or whatever else was thrown, as the platform reports it. */
function describe(thrown) {
  try {
    if (isError(thrown)) {
      return { errorType: thrown.name, errorMessage: thrown.message, trace: thrown.stack.split('\n') };
    }
    return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
  } catch {
    return { errorType: 'handled', errorMessage: 'The error could not be read', trace: [] };
  }
}

/** An error with its members that JSON would leave out, for the log. */
function enumerable(_key, value) {
  if (!(value instanceof Error)) return value;
  const { name: errorType, message: errorMessage, code, stack } = value;
  const lines = typeof stack === 'string' ? { stack: stack.split('\n') } : {};
  return { errorType, errorMessage, code, ...value, ...lines };
}

function logError(title, thrown) {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (logsJson()) return console.error(error);
  let text;
  try {
    text = JSON.stringify(error, enumerable);
  } catch {
    text = JSON.stringify(describe(error));
  }
  console.error(title, `\t${text}`);
}

// ---- The log ------------------------------------------------------------------------------------------------------

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

const textLine = (level, args) => `${new Date().toISOString()}\t${globalThis[REQUEST_ID]}\t${level}\t${format(...args)}`;

function jsonLine(level, args) {
  const entry = { timestamp: new Date().toISOString(), level, requestId: globalThis[REQUEST_ID] };
  const described = (_key, value) => {
    if (!(value instanceof Error)) return value;
    const { errorType, errorMessage, trace } = describe(value);
    return { ...value, errorType, errorMessage, stackTrace: trace };
  };
  try {
    return JSON.stringify({ ...entry, message: args.length === 1 ? args[0] : format(...args) }, described);
  } catch {
    return JSON.stringify({ ...entry, message: format(...args) });
  }
}

/** A line end within one event: a line feed would begin the next event. The platform makes a line feed of it again. */
const EVENT_LINE = '\r\0';

function patchConsole() {
  const line = logsJson() ? jsonLine : textLine;
  const least = Math.max(0, LEVELS.indexOf(env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()));
  for (const [rank, level] of LEVELS.entries()) {
    const write = (...args) => void process.stdout.write(`${line(level, args).replaceAll('\n', EVENT_LINE)}\n`);
    console[level.toLowerCase()] = rank >= least || level === 'FATAL' ? write : () => {};
  }
  console.log = console.info;
}

/** What the function names may not end the header that it stands in. */
const clean = (text) => String(text).replace(/[^\x20-\x7e]/g, '?');

/** The end of a streamed answer, with what went wrong if something did. */
function lastChunk(description, errorType) {
  if (errorType === undefined) return '0\r\n\r\n';
  const body = Buffer.from(description).toString('base64');
  const type = `Lambda-Runtime-Function-Error-Type: ${clean(errorType)}`;
  return `0\r\n${type}\r\nLambda-Runtime-Function-Error-Body: ${body}\r\n\r\n`;
}

// ---- The Runtime API ----------------------------------------------------------------------------------------------

/**
 * One connection, kept alive. An answer and the request for the next invocation leave in one write, so that an
 * invocation costs one round trip.
 */
class RuntimeApi {
  #host;
  #port;
  #socket;
  #received = Buffer.alloc(0);
  #waiting;
  #next;
  /** The connection on which an answer has begun and not ended. */
  #streamed;

  constructor(address) {
    const colon = address.lastIndexOf(':');
    this.#host = address.slice(0, colon);
    this.#port = Number(address.slice(colon + 1));
    this.#next = this.#head('GET', 'invocation/next');
  }

  /** The next invocation: its headers, lower-case, and its body. */
  async next() {
    this.#send([this.#next]);
    return this.#receive();
  }

  /** Answers an invocation and waits for the next one. */
  async answer(requestId, body, errorType) {
    const what = errorType === undefined ? 'response' : 'error';
    const head = this.#head('POST', `invocation/${requestId}/${what}`, Buffer.byteLength(body), errorType);
    this.#send([head, body, this.#next]);
    return this.#answered();
  }

  async #answered() {
    try {
      // What the platform thinks of the answer is the caller's to learn: the function goes on either way.
      const { headers } = await this.#receive();
      if (headers.connection !== 'close') return await this.#receive();
    } catch {
      // An answer over the limit may not be read to its end.
    }
    const lost = this.#socket;
    this.#socket = undefined;
    lost?.destroy();
    return this.next();
  }

  /**
   * Begins an answer of unknown length: `write` takes a piece and calls back once it has left, `end` ends the answer,
   * with what went wrong if something did, and waits for the next invocation.
   */
  stream(requestId, contentType) {
    const head = [
      `POST ${API}invocation/${requestId}/response HTTP/1.1`,
      `Host: ${this.#host}:${this.#port}`,
      `Content-Type: ${clean(contentType)}`,
      'Lambda-Runtime-Function-Response-Mode: streaming',
      'Transfer-Encoding: chunked',
      'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
    ];
    this.#send([`${head.join('\r\n')}\r\n\r\n`]);
    this.hold(false);
    const socket = this.#socket;
    this.#streamed = socket;
    return {
      write(piece, done) {
        // Where the platform takes no more, the rest is for nobody; the function goes on to its end.
        if (socket.destroyed) return void done();
        socket.cork();
        socket.write(`${piece.length.toString(16)}\r\n`);
        socket.write(piece);
        socket.write('\r\n', () => done());
        socket.uncork();
      },
      end: async (description, errorType) => {
        this.#streamed = undefined;
        if (this.#socket !== socket) return this.next();
        this.#send([lastChunk(description, errorType), this.#next]);
        return this.#answered();
      },
    };
  }

  /** What this process is for: the environment variables of its function. */
  async assignment() {
    this.#send(['GET /2018-06-01/fastness/assignment HTTP/1.1\r\nHost: runtime\r\n\r\n']);
    return JSON.parse((await this.#receive()).body);
  }

  /** Reports the error of an invocation after which the process ends. */
  async fail(requestId, thrown) {
    await this.#post(requestId === undefined ? 'init/error' : `invocation/${requestId}/error`, describe(thrown));
  }

  async #post(path, description) {
    const body = JSON.stringify(description);
    if (this.#streamed && this.#streamed === this.#socket) {
      this.#send([lastChunk(body, description.errorType)]);
      return void (await this.#receive().catch(() => {}));
    }
    this.#send([this.#head('POST', path, Buffer.byteLength(body), description.errorType), body]);
    await this.#receive().catch(() => {});
  }

  /** Whether waiting for the Runtime API keeps the process alive. */
  hold(holds) {
    if (holds) this.#socket?.ref();
    else this.#socket?.unref();
  }

  #head(method, path, length, errorType) {
    const lines = [`${method} ${API}${path} HTTP/1.1`, `Host: ${this.#host}:${this.#port}`, 'User-Agent: fastness-node'];
    if (length !== undefined) lines.push('Content-Type: application/json', `Content-Length: ${length}`);
    if (errorType !== undefined) {
      lines.push(`Lambda-Runtime-Function-Error-Type: ${clean(errorType)}`);
    }
    return `${lines.join('\r\n')}\r\n\r\n`;
  }

  #send(parts) {
    if (!this.#socket) this.#connect();
    this.#socket.ref();
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  #connect() {
    this.#received = Buffer.alloc(0);
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    // A connection that was given up says nothing any more.
    socket.on('data', (data) => {
      if (this.#socket !== socket) return;
      this.#received = this.#received.length ? Buffer.concat([this.#received, data]) : data;
      this.#waiting?.resolve();
    });
    const lost = (error) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#waiting?.reject(error ?? new Error('the Runtime API closed the connection'));
    };
    socket.on('error', lost);
    socket.on('close', () => lost());
    this.#socket = socket;
  }

  #more() {
    return new Promise((resolve, reject) => {
      if (!this.#socket) reject(new Error('the Runtime API closed the connection'));
      this.#waiting = { resolve, reject };
    });
  }

  async #take(length) {
    while (this.#received.length < length) await this.#more();
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }

  async #until(mark) {
    let end;
    while ((end = this.#received.indexOf(mark)) < 0) await this.#more();
    const taken = this.#received.subarray(0, end).toString();
    this.#received = this.#received.subarray(end + mark.length);
    return taken;
  }

  async #receive() {
    for (;;) {
      const [status, ...lines] = (await this.#until(HEAD_END)).split('\r\n');
      if (/^HTTP\/1\.1 1/.test(status)) continue;
      const headers = {};
      for (const line of lines) {
        const colon = line.indexOf(':');
        headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
      }
      const chunked = headers['transfer-encoding']?.toLowerCase() === 'chunked';
      const body = chunked ? await this.#chunks() : await this.#take(Number(headers['content-length'] ?? 0));
      return { headers, body: body.toString() };
    }
  }

  async #chunks() {
    const parts = [];
    for (;;) {
      const length = parseInt(await this.#until('\r\n'), 16);
      if (length === 0) {
        while ((await this.#until('\r\n')) !== '');
        return Buffer.concat(parts);
      }
      parts.push(Buffer.from(await this.#take(length)));
      await this.#take(2);
    }
  }
}

// ---- The handler --------------------------------------------------------------------------------------------------

/** Whether the runtime that the function names still has callbacks, whichever Node.js stands in for it: those from 24 on have none. */
function knowsCallbacks() {
  const named = /^AWS_Lambda_nodejs(\d+)\.x$/.exec(env.AWS_EXECUTION_ENV ?? '')?.[1];
  return Number(named ?? process.versions.node.split('.')[0]) < 24;
}

const NO_CALLBACKS =
  'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a ' +
  'supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.';

/** Who asks for the handler, as errors name it: `Require stack: - /var/runtime/index.mjs`. */
const ASKING = '/var/runtime/index.mjs';

/** Whether `.js` files of a folder are ES modules, by the nearest package.json. */
function isModuleFolder(folder) {
  if (folder.endsWith('/node_modules')) return false;
  const manifest = join(folder, 'package.json');
  if (existsSync(manifest)) {
    try {
      return JSON.parse(readFileSync(manifest, 'utf8'))?.type === 'module';
    } catch {
      console.warn(`${manifest} cannot be read, it will be ignored for ES module detection purposes.`);
      return false;
    }
  }
  return folder !== '/' && isModuleFolder(dirname(folder));
}

async function loadModule(root, name) {
  const path = resolve(taskRoot(), root, name);
  const require = createRequire(ASKING);
  const scriptsAreModules = isModuleFolder(dirname(path));
  const loaders = [
    ['', require],
    ['.js', scriptsAreModules ? (file) => import(file) : require],
    ['.mjs', (file) => import(file)],
    ['.cjs', require],
  ];
  for (const [extension, load] of loaders) {
    if (existsSync(path + extension) && (extension || !existsSync(join(path, '.')))) return load(path + extension);
  }
  return require(require.resolve(name, { paths: [taskRoot(), resolve(taskRoot(), root)] }));
}

/** The function that `folder/module.member.function` names. */
async function loadHandler(name) {
  if (name.includes('..')) {
    const advice = 'Use absolute paths when specifying root directories in handler names.';
    throw new Fault('MalformedHandlerName', `'${name}' is not a valid handler name. ${advice}`);
  }
  const last = basename(name);
  const root = name.slice(0, name.indexOf(last));
  const dot = last.indexOf('.');
  if (dot < 0) throw new Fault('MalformedHandlerName', 'Bad handler');
  let loaded;
  try {
    loaded = await loadModule(root, last.slice(0, dot));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Fault('UserCodeSyntaxError', String(error), error.stack);
    if (['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'].includes(error?.code)) {
      throw new Fault('ImportModuleError', String(error), error.stack);
    }
    throw error;
  }
  const members = last.slice(dot + 1).split('.');
  const handler = members.reduce((value, member) => value?.[member], loaded);
  if (!handler) throw new Fault('HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw new Fault('HandlerNotFound', `${name} is not a function`);
  const streaming = handler[STREAMING];
  if (streaming && streaming !== 'response') {
    throw new Fault('MalformedStreamingHandler', 'Only response streaming is supported.');
  }
  if (!streaming && handler.length > 2 && !knowsCallbacks()) throw new Fault('CallbackHandlerDeprecated', NO_CALLBACKS);
  return handler;
}

// ---- An invocation ------------------------------------------------------------------------------------------------

const parsed = (headers, name) => (headers[name] ? JSON.parse(headers[name]) : undefined);

/** Members of a context that went with the callbacks. */
const OF_CALLBACKS = ['callbackWaitsForEmptyEventLoop', 'succeed', 'fail', 'done'];

/** What a handler may know about the invocation and the function; `settle` ends the invocation. */
function makeContext(headers, settle) {
  const deadline = Number(headers['lambda-runtime-deadline-ms'] ?? 0);
  let waits = true;
  const succeed = (result) => settle({ result }, waits);
  const fail = (error) => settle({ error: error ?? 'handled' }, waits);
  const done = (error, result) => (error === undefined || error === null ? succeed(result) : fail(error));
  const context = {
    get callbackWaitsForEmptyEventLoop() {
      return waits;
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waits = Boolean(value);
    },
    succeed: (result) => settle({ result }, false),
    fail: (error) => settle({ error: error ?? 'handled' }, false),
    done: (error, result) =>
      settle(error === undefined || error === null ? { result } : { error }, false),
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(headers, 'lambda-runtime-client-context'),
    identity: parsed(headers, 'lambda-runtime-cognito-identity'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  if (!knowsCallbacks()) for (const name of OF_CALLBACKS) delete context[name];
  return { context, callback: done };
}

/** Waits for work, or for the event loop to run dry: then nothing of it can come any more. */
async function untilDry(work) {
  let dry;
  const ranDry = new Promise((resolve) => process.once('beforeExit', (dry = resolve)));
  try {
    await Promise.race([work, ranDry]);
  } finally {
    process.off('beforeExit', dry);
  }
}

/** Runs a handler that writes its answer while it runs; gives the next invocation. */
async function runStreaming(api, handler, headers, body) {
  const requestId = headers['lambda-runtime-aws-request-id'];
  const answer = makeResponseStream((type) => api.stream(requestId, type), handler[HIGH_WATER_MARK]);
  const { context } = makeContext(headers, () => {});
  for (const name of ['succeed', 'fail', 'done']) delete context[name];
  try {
    const work = async () => {
      const returned = handler(JSON.parse(body), answer.stream, context);
      if (typeof returned?.then !== 'function') throw new Error('Streaming does not support non-async handlers.');
      await returned;
      await answer.done;
    };
    await untilDry(work());
    // SECURITY: what nobody ended may lack its end: it is never told as whole.
    if (!answer.stream.writableEnded) throw new Error('Response stream is not finished.');
  } catch (error) {
    const { body: description, errorType } = failed(error);
    const begun = answer.begun();
    return begun ? begun.end(description, errorType) : api.answer(requestId, description, errorType);
  }
  return answer.begun().end();
}

const NEVER_SETTLED =
  'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. ' +
  'For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes';

/** Waits for what the handler returns, or for its callback, or for the event loop to run dry. */
function run(handler, headers, body) {
  return new Promise((resolve) => {
    let settled;
    const finish = () => {
      process.off('beforeExit', finish);
      // An asynchronous handler had promised to settle: its work is lost, and whoever asked may ask again.
      const nothing = types.isAsyncFunction(handler) ? { error: new Fault('NodeJsExit', NEVER_SETTLED) } : { result: null };
      resolve(settled ?? nothing);
    };
    const settle = (outcome, waits) => {
      if (settled) return;
      settled = outcome;
      if (!waits) finish();
    };
    process.on('beforeExit', finish);
    try {
      const { context, callback } = makeContext(headers, settle);
      const returned = handler(JSON.parse(body), context, callback);
      if (typeof returned?.then === 'function') {
        returned.then(
          (result) => settle({ result }, false),
          (error) => settle({ error: error ?? 'handled' }, false),
        );
      }
    } catch (error) {
      settle({ error: error ?? 'handled' }, false);
    }
  });
}

function serialise(result) {
  try {
    return { body: JSON.stringify(result === undefined ? null : result) ?? 'null' };
  } catch {
    return failed(new Error('Unable to stringify response body'));
  }
}

function failed(error) {
  logError('Invoke Error', error);
  const description = describe(error);
  return { body: JSON.stringify(description), errorType: description.errorType };
}

// ---- The process --------------------------------------------------------------------------------------------------

/** What nobody catches ends the environment, after it has been reported. */
function dieOnUncaught(api) {
  const die = (title, code) => (thrown) => {
    logError(title, thrown);
    api.fail(globalThis[REQUEST_ID], thrown).finally(() => process.exit(code));
  };
  process.on('uncaughtException', die('Uncaught Exception', EXIT_UNCAUGHT_EXCEPTION));
  const onRejection = die('Unhandled Promise Rejection', EXIT_UNHANDLED_REJECTION);
  process.on('unhandledRejection', (reason) => {
    const fault = new Fault('UnhandledPromiseRejection', String(reason));
    fault.reason = reason;
    onRejection(fault);
  });
}

/** As on Lambda: what is required by no path is looked for in the layers, then in the package itself. */
function addModulePaths() {
  const major = process.versions.node.split('.')[0];
  const layers = [`/opt/nodejs/node${major}/node_modules`, '/opt/nodejs/node_modules'];
  const own = ['/var/runtime/node_modules', '/var/runtime', taskRoot()];
  env.NODE_PATH = [...(env.NODE_PATH ? [env.NODE_PATH] : []), ...layers, ...own].join(':');
  Module._initPaths();
}

async function serve(api, handler) {
  let { headers, body } = await api.next();
  for (;;) {
    const requestId = headers['lambda-runtime-aws-request-id'];
    globalThis[REQUEST_ID] = requestId;
    if (headers['lambda-runtime-trace-id']) env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
    else delete env._X_AMZN_TRACE_ID;
    // While the handler runs, only its own work keeps the event loop going.
    api.hold(false);
    if (handler[STREAMING]) {
      ({ headers, body } = await runStreaming(api, handler, headers, body));
      continue;
    }
    const outcome = await run(handler, headers, body);
    const answer = 'error' in outcome ? failed(outcome.error) : serialise(outcome.result);
    ({ headers, body } = await api.answer(requestId, answer.body, answer.errorType));
  }
}

/** Takes the function's requests to the egress proxy, where this Node.js does not know how to. */
async function addProxy() {
  const knows = process.allowedNodeEnvironmentFlags.has('--use-env-proxy');
  if (knows || !(env.HTTP_PROXY ?? env.http_proxy ?? env.HTTPS_PROXY ?? env.https_proxy)) return;
  const { useProxy } = await import('./proxy.mjs');
  useProxy();
}

/** Waits for a function, with what every function needs loaded already. */
async function awaitAssignment(api) {
  await import('./proxy.mjs');
  const variables = await api.assignment();
  for (const name of Object.keys(env)) if (!(name in variables)) delete env[name];
  Object.assign(env, variables);
  // The package was attached over the folder of this name: where it is now must be looked up anew.
  process.chdir(taskRoot());
}

/**
 * The heap was made as large as it may be when V8 began. With its flags as they are by default again, V8 takes what Node.js
 * brings compiled instead of compiling each of its modules anew, which costs a cold start some ten milliseconds.
 */
function forgetHeapFlags() {
  const flags = { 'max-semi-space-size': '0', 'max-old-space-size': '0' };
  for (const [name, value] of Object.entries(flags)) setFlagsFromString(`--${name}=${value}`);
  setFlagsFromString('--no-expose-gc');
}

/** From how many MiB on a function has one virtual processor more than two. */
const MORE_PROCESSORS_FROM = [3009, 5308, 7077, 8846];
const PROCESSOR = { model: '', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } };
const LOOPBACK = { address: '127.0.0.1', netmask: '255.0.0.0', family: 'IPv4', mac: '00:00:00:00:00:00', internal: true, cidr: '127.0.0.1/8' };

/**
 * Of the machine there is nothing to be seen inside but processes, and libraries make pools as large as `os.cpus()` is long: they are
 * told as many processors as Lambda gives, and the one network interface that there is.
 */
function tellMachine() {
  const { cpus, networkInterfaces } = os;
  os.cpus = () => {
    const seen = cpus();
    if (seen.length > 0) return seen;
    const memory = Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? 0);
    const count = 2 + MORE_PROCESSORS_FROM.filter((from) => memory >= from).length;
    return Array.from({ length: count }, () => structuredClone(PROCESSOR));
  };
  os.networkInterfaces = () => {
    try {
      return networkInterfaces();
    } catch {
      return { lo: [{ ...LOOPBACK }] };
    }
  };
  syncBuiltinESMExports();
}

/** The platform's stages and function URLs, and where they are inside. */
const OWN_ADDRESS = /^[^.]+\.(execute-api|lambda-url)\.([^.]+\.)?localhost\.?$/i;
const DOOR = { host: '127.0.0.1', port: 4566 };

/** They have names below `localhost` (RFC 6761, 6.3), which no file lists: whoever connects to one is led to the platform's door. */
function findOwnAddresses() {
  const { connect: connectSocket } = Socket.prototype;
  Socket.prototype.connect = function connect(...args) {
    // `net` says everything in one array.
    const said = Array.isArray(args[0]) ? args[0] : args;
    const host = said[0]?.host;
    if (typeof host === 'string' && OWN_ADDRESS.test(host)) said[0] = { ...said[0], ...DOOR };
    return connectSocket.apply(this, args);
  };
}

async function main() {
  forgetHeapFlags();
  findOwnAddresses();
  tellMachine();
  const api = new RuntimeApi(env.AWS_LAMBDA_RUNTIME_API);
  if (env.FASTNESS_PARKED) await awaitAssignment(api);
  patchConsole();
  addModulePaths();
  await addProxy();
  globalThis.awslambda = {
    streamifyResponse: (handler, options) => {
      handler[STREAMING] = 'response';
      if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
      return handler;
    },
    HttpResponseStream,
  };
  dieOnUncaught(api);
  let handler;
  try {
    handler = await loadHandler(env._HANDLER ?? '');
  } catch (error) {
    logError('Uncaught Exception', error);
    await api.fail(undefined, error);
    process.exit(1);
  }
  await serve(api, handler);
}

// Not awaited here: a module that never finishes loading would end the process when the event loop runs dry.
main();
