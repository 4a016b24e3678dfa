// Writes what is in a folder to standard output as a zip, with one date; nothing where there are no files.
const fs = require("fs"), zlib = require("zlib");

const [root, prefix] = process.argv.slice(-2);
const table = Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte >>> 0;
});
const crc32 = (bytes) => {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
};
const directory = [];
let offset = 0;
const write = (bytes) => {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
  offset += bytes.length;
};
const add = (path, name) => {
  const content = fs.readFileSync(path), packed = zlib.deflateRawSync(content, { level: 1 });
  const executable = fs.statSync(path).mode & 0o111, label = Buffer.from(name);
  // Version, flags (UTF-8), deflated, time, date, checksum, sizes, length of the name, no extra field.
  const common = Buffer.alloc(26);
  [[20, 0], [0x0800, 2], [8, 4], [0, 6], [33, 8]].forEach(([value, at]) => common.writeUInt16LE(value, at));
  [[crc32(content), 10], [packed.length, 14], [content.length, 18]].forEach(([value, at]) => common.writeUInt32LE(value, at));
  common.writeUInt16LE(label.length, 22);
  const tail = Buffer.alloc(14);
  tail.writeUInt32LE((executable ? 0o100755 : 0o100644) * 65536, 6);
  tail.writeUInt32LE(offset, 10);
  directory.push(Buffer.concat([Buffer.from([80, 75, 1, 2, 20, 3]), common, tail, label]));
  write(Buffer.concat([Buffer.from([80, 75, 3, 4]), common, label, packed]));
};
// A package beside the application's own code is a link to it; links to programs are of no use to functions.
const source = fs.realpathSync(root + "/..") + "/";
const walk = (folder, name, above) => {
  const here = fs.realpathSync(folder);
  if (above.includes(here) || !here.startsWith(source)) return;
  const entries = fs.readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const [path, inside] = [`${folder}/${entry.name}`, `${name}/${entry.name}`];
    const found = fs.statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() && entry.name !== ".bin") walk(path, inside, [...above, here]);
    else if (entry.isFile()) add(path, inside);
  }
};
walk(root, prefix, []);
if (directory.length > 65535) throw new Error("more files than a package may hold");
if (directory.length) {
  const begin = offset, entries = Buffer.concat(directory), end = Buffer.alloc(22);
  write(entries);
  end.write("PK\x05\x06", "latin1");
  [8, 10].forEach((at) => end.writeUInt16LE(directory.length, at));
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(begin, 16);
  write(end);
}
