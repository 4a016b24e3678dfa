// The stream into which a Node.js handler writes its answer while it runs.
//
// Nothing is sent before the first byte, so that the handler can still say what its answer is. It knows neither the Runtime
// API nor the invocation: whoever makes a stream says how an answer begins.

import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

const BYTES = 'application/octet-stream';
const WITH_HEAD = 'application/vnd.awslambda.http-integration-response';
const MARK_BYTES = 8;

/** Puts status, headers and cookies of an HTTP answer before what a handler writes. */
export class HttpResponseStream {
  static from(underlyingStream, prelude) {
    underlyingStream.setContentType(WITH_HEAD);
    const head = JSON.stringify(prelude);
    underlyingStream._onBeforeFirstWrite = (write) => {
      write(head);
      write(new Uint8Array(MARK_BYTES));
    };
    return underlyingStream;
  }
}

const isPiece = (value) => typeof value === 'string' || value instanceof Uint8Array;

/**
 * A stream for one answer: `begin` is called with its media type before its first byte, and gives what takes the pieces.
 */
export function makeResponseStream(begin, highWaterMark) {
  let contentType = BYTES;
  let answer;
  const begun = () => {
    if (answer) return answer;
    answer = begin(contentType);
    stream._onBeforeFirstWrite?.((piece) => answer.write(Buffer.from(piece), () => {}));
    return answer;
  };
  const stream = new Writable({
    highWaterMark,
    write(chunk, _encoding, done) {
      // A piece of no bytes would be the end.
      if (chunk.length === 0) return void done();
      begun().write(chunk, done);
    },
    final(done) {
      begun();
      done();
    },
  });
  const write = stream.write.bind(stream);
  stream.write = (chunk, ...rest) => write(isPiece(chunk) ? chunk : JSON.stringify(chunk), ...rest);
  stream.setContentType = (type) => {
    contentType = type;
  };
  const done = finished(stream);
  // Whoever waits for it learns of its failure; nobody else has to.
  done.catch(() => {});
  return { stream, done, begun: () => answer };
}
