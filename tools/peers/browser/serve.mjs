// A server of files on 127.0.0.1, a secure context, in which browsers have WebGPU.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const KINDS = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.png': 'image/png' };

/** Starts it and gives its address. A mount is the beginning of a path and the folder or the bytes that it stands for. */
export async function serve(mounts) {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://127.0.0.1');
    const content = find(mounts, decodeURIComponent(pathname));
    if (!content) return response.writeHead(404).end();
    // Nothing is kept: every page is somebody's first visit.
    response.writeHead(200, {
      'content-type': KINDS[path.extname(pathname)] ?? 'application/octet-stream', 'content-length': content.length, 'cache-control': 'no-store',
    });
    response.end(content);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return `http://127.0.0.1:${server.address().port}`;
}

function find(mounts, pathname) {
  for (const [start, content] of Object.entries(mounts)) {
    if (!pathname.startsWith(start)) continue;
    if (typeof content !== 'string') return content;
    // Nothing above the folder.
    const file = path.join(content, path.posix.normalize(`/${pathname.slice(start.length)}`));
    return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ? fs.readFileSync(file) : null;
  }
  return null;
}
