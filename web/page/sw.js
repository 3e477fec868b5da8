// Keeps the page for when there is no network. What is newer on the server counts while there is one.
const CACHE = 'densenet-page-1';
const FILES = ['./', 'app.js', 'draw.js', 'maps.js', 'network.js', 'worker.js', 'style.css', 'manifest.webmanifest',
  'pkg/densenet_wgpu.js', 'pkg/densenet_wgpu_bg.wasm'];

addEventListener('install', event => {
  skipWaiting();
  event.waitUntil(caches.open(CACHE).then(cache => cache.addAll(FILES)));
});
addEventListener('activate', event => event.waitUntil(clients.claim()));
addEventListener('fetch', event => {
  const { request } = event;
  if (request.method !== 'GET' || new URL(request.url).origin !== location.origin) return;
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    try {
      const response = await fetch(request);
      if (response.ok) await cache.put(request, response.clone());
      return response;
    } catch (error) {
      const kept = await cache.match(request, { ignoreSearch: true });
      if (kept) return kept;
      throw error;
    }
  })());
});
