// Takes a function's HTTP requests to the egress proxy, in a Node.js that does not do so by itself (before 24).
//
// `http`, `https` and `fetch` tunnel through it, as Node.js 24 does with NODE_USE_ENV_PROXY. It changes nothing about requests that
// bring an agent or a dispatcher of their own, and nothing about the hosts that NO_PROXY names.

import http from 'node:http';
import https from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

const { env } = process;
const HEAD_BYTES_MAX = 16 * 1024;
const DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/** The proxy for a host, read anew each time: functions may change their variables. */
function proxyFor(host, secure) {
  const address = secure ? (env.https_proxy ?? env.HTTPS_PROXY) : (env.http_proxy ?? env.HTTP_PROXY);
  const direct = (env.no_proxy ?? env.NO_PROXY ?? '').split(',').map((name) => name.trim().toLowerCase());
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  const isDirect = (own) => own === '*' || own === name || (own && name.endsWith(own.startsWith('.') ? own : `.${own}`));
  return address && !direct.some(isDirect) ? new URL(address) : undefined;
}

/** A connection to host and port through the proxy. */
function tunnel(proxy, host, port, done) {
  const name = host.includes(':') ? `[${host.replace(/^\[|\]$/g, '')}]` : host;
  const socket = connectTcp(Number(proxy.port || 80), proxy.hostname);
  let received = Buffer.alloc(0);
  const end = (error) => {
    socket.removeAllListeners('error').removeAllListeners('close').removeListener('readable', read);
    if (error) socket.destroy();
    done(error, error ? undefined : socket);
  };
  const read = () => {
    for (let data; (data = socket.read()) !== null; ) {
      received = Buffer.concat([received, data]);
      const at = received.indexOf('\r\n\r\n');
      if (at < 0 && received.length > HEAD_BYTES_MAX) return end(new Error('the egress proxy makes no sense'));
      if (at < 0) continue;
      const [, status] = received.subarray(0, at).toString().split(' ');
      if (status === '200') {
        const rest = received.subarray(at + 4);
        if (rest.length) socket.unshift(rest);
        return end();
      }
      if (!socket.readableEnded && received.length < HEAD_BYTES_MAX) return socket.once('end', () => end(refusal(status, received, at)));
      return end(refusal(status, received, at));
    }
  };
  socket.on('readable', read);
  socket.once('error', end);
  socket.once('close', () => end(new Error('the egress proxy closed the connection')));
  socket.write(`CONNECT ${name}:${port} HTTP/1.1\r\nHost: ${name}:${port}\r\n\r\n`);
}

function refusal(status, received, at) {
  const body = received.subarray(at + 4).toString();
  let message = body;
  try {
    message = JSON.parse(body).message;
  } catch {
    // Not the platform's proxy: what it said stands as it is.
  }
  return Object.assign(new Error(`the egress proxy answered ${status}: ${message}`), { code: 'ECONNREFUSED' });
}

const through = (Agent, secure) =>
  class extends Agent {
    createConnection(options, done) {
      const host = options.host ?? 'localhost';
      const proxy = options.socketPath ? undefined : proxyFor(host, secure);
      if (!proxy) return super.createConnection(options, done);
      tunnel(proxy, host, options.port, (error, socket) => {
        if (error) return done(error);
        done(null, secure ? super.createConnection({ ...options, socket }) : socket);
      });
      return undefined;
    }
  };

/** `fetch` loads its client at its first call: only then is there a dispatcher to replace. */
function replaceFetch() {
  const native = globalThis.fetch;
  let ready = false;
  const prepare = () => {
    ready = true;
    void new globalThis.Headers();
    const dispatcher = globalThis[DISPATCHER];
    if (!dispatcher) return;
    globalThis[DISPATCHER] = new dispatcher.constructor({ connect: connectForFetch });
  };
  globalThis.fetch = function fetch(...args) {
    if (!ready) prepare();
    return native.apply(this, args);
  };
}

function connectForFetch(options, done) {
  const { hostname, protocol, servername } = options;
  const secure = protocol === 'https:';
  const port = Number(options.port || (secure ? 443 : 80));
  const established = (error, socket) => {
    if (error || !secure) return done(error, socket);
    const encrypted = connectTls({ socket, servername: servername || hostname, ALPNProtocols: ['http/1.1'] });
    encrypted.once('secureConnect', () => done(null, encrypted));
    return encrypted.once('error', done);
  };
  const proxy = proxyFor(hostname, secure);
  if (proxy) return tunnel(proxy, hostname, port, established);
  const socket = connectTcp(port, hostname.replace(/^\[|\]$/g, ''));
  socket.once('connect', () => established(null, socket));
  return socket.once('error', done);
}

/** Puts the proxy in place. */
export function useProxy() {
  http.globalAgent = new (through(http.Agent, false))({ keepAlive: true, timeout: 5000 });
  https.globalAgent = new (through(https.Agent, true))({ keepAlive: true, timeout: 5000 });
  replaceFetch();
}
