// What a page does with an API, one way for each kind of client; evaluated in the page, frame or
// worker that asks. It tells what the page got to know, and never throws:
//   {outcome: "resolved", status, body, headers}   or   {outcome: "rejected", error}
// or, where nothing happens for half a minute, {outcome: "late"}.
async (asked) => {
  const { api, url, init } = asked;

  const clients = {
    async fetch() {
      const response = await fetch(url, init);
      const headers = Object.fromEntries(response.headers);
      return { status: response.status, body: await response.text(), headers };
    },

    xhr() {
      return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        // A listener to uploads makes any request one with a preflight.
        if (asked.upload) request.upload.onprogress = () => {};
        request.open(init.method ?? "GET", url);
        request.withCredentials = init.credentials === "include";
        request.onload = () => resolve({ status: request.status, body: request.responseText });
        request.onerror = () => reject(new TypeError("xhr"));
        request.send(init.body);
      });
    },

    events() {
      return new Promise((resolve, reject) => {
        const source = new EventSource(url, { withCredentials: init.credentials === "include" });
        source.onmessage = ({ data }) => (source.close(), resolve({ status: 200, body: data }));
        source.onerror = () => (source.close(), reject(new TypeError("events")));
      });
    },

    // The pixel is read back: a canvas that was tainted throws a SecurityError.
    async image() {
      const image = new Image();
      if (asked.cors !== false) image.crossOrigin = "anonymous";
      image.src = url;
      await image.decode().catch(() => { throw new TypeError("image"); });
      const canvas = document.createElement("canvas").getContext("2d");
      canvas.drawImage(image, 0, 0);
      canvas.getImageData(0, 0, 1, 1);
      return { status: 200 };
    },

    async module() {
      return { status: 200, body: (await import(url)).word };
    },

    async font() {
      await new FontFace("dot", `url(${url})`).load().catch(() => { throw new TypeError("font"); });
      return { status: 200 };
    },

    worker() {
      const work = `onmessage = ({ data }) => fetch(data).then((r) => r.text()).then(
        (body) => postMessage({ status: 200, body }), () => postMessage(null))`;
      const worker = new Worker(URL.createObjectURL(new Blob([work])));
      return new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => (data ? resolve(data) : reject(new TypeError("worker")));
        worker.postMessage(url);
      });
    },

    // Nobody tells the page how it went.
    async beacon() {
      navigator.sendBeacon(url, new Blob([init.body], { type: asked.type }));
      return {};
    },

    socket() {
      return new Promise((resolve, reject) => {
        const socket = new WebSocket(url.replace("http", "ws"));
        socket.onopen = () => (socket.close(), resolve({ status: 101 }));
        socket.onerror = () => reject(new TypeError("socket"));
      });
    },

    // How much of a fetch's timing is shown; without leave it starts and ends, and no more.
    async timing() {
      await (await fetch(url, init)).text();
      const entry = await new Promise((resolve) => {
        new PerformanceObserver((list) => {
          const found = list.getEntriesByName(url)[0];
          if (found) resolve(found);
        }).observe({ type: "resource", buffered: true });
      });
      return { shown: entry.requestStart > 0 };
    },
  };

  return Promise.race([
    clients[api]().then(
      (told) => ({ outcome: "resolved", ...told }),
      (error) => ({ outcome: "rejected", error: error.name }),
    ),
    new Promise((resolve) => setTimeout(resolve, 30_000, { outcome: "late" })),
  ]);
}
