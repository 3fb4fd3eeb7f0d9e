// Charts of the report, on canvas: one time axis for all, a cursor in step, zoom by dragging.
"use strict";
(() => {
  const PAD = { left: 62, right: 14, top: 8, bottom: 24 };
  const root = document.getElementById("charts");
  const view = { from: 0, to: 1, all: [0, 1], cursor: null, drag: null };

  const undoDeltas = (coded, scale) => {
    let last = 0;
    return coded.map((step) => (step === null ? NaN : (last += step) * scale));
  };
  const element = (parent, tag, properties = {}) => parent.appendChild(Object.assign(document.createElement(tag), properties));
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  // Round tick marks: 1, 2 or 5 times a power of ten.
  const ticks = (low, high, count) => {
    const raw = (high - low) / count;
    const power = Math.pow(10, Math.floor(Math.log10(raw)));
    const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= raw);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
    return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  };
  // The same for time: from a minute up, parts of an hour or a day.
  const CLOCK = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400];
  const timeTicks = (from, to, count) => {
    const step = CLOCK.find((s) => s >= (to - from) / count);
    if (to - from < 1200 || !step) return ticks(from, to, count).found;
    const found = [];
    for (let k = Math.ceil(from / step); k * step <= to; k++) found.push(k * step);
    return found;
  };
  const timeText = (t, span) => {
    if (span < 1200) return `${+t.toFixed(3)} s`;
    const sign = t < 0 ? "-" : "", whole = Math.abs(Math.round(t));
    const two = (n) => String(n).padStart(2, "0");
    const clock = `${sign}${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}`;
    return span < 7200 ? `${clock}:${two(whole % 60)}` : `${clock} h`;
  };
  // Index of the first time at or after t.
  const after = (times, t) => {
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < t) low = middle + 1; else high = middle;
    }
    return low;
  };

  class Chart {
    constructor(spec) {
      this.spec = spec;
      this.t = undoDeltas(spec.t_ms, 1e-3);
      this.curves = spec.curves.map((curve) => ({ ...curve, v: undoDeltas(curve.v, spec.resolution), shown: true }));
      this.digits = Math.max(0, Math.round(-Math.log10(spec.resolution)));
      const box = element(root, "div", { className: "chart" });
      element(box, "h2", { textContent: `${spec.title} [${spec.unit}]` });
      if (spec.note) element(box, "p", { className: "hint", textContent: spec.note });
      this.legend(element(box, "div", { className: "legend" }));
      this.canvas = element(box, "canvas", { tabIndex: 0 });
      this.canvas.setAttribute("role", "img");
      this.canvas.setAttribute("aria-label", `${spec.title}: ${this.curves.map((c) => c.name).join(", ")}`);
      this.table(element(box, "details"));
      this.listen();
    }

    legend(parent) {
      for (const curve of this.curves) {
        const button = element(parent, "button", { type: "button" });
        button.setAttribute("aria-pressed", "true");
        const line = element(button, "i", { className: curve.style });
        line.style.borderTopColor = `var(--${curve.colour})`;
        element(button, "span", { textContent: curve.name });
        curve.output = element(button, "output");
        button.onclick = () => {
          curve.shown = !curve.shown;
          button.setAttribute("aria-pressed", curve.shown);
          this.draw();
        };
      }
      this.time = element(parent, "output", { className: "time" });
    }

    // A table of the values in view, made when it is opened.
    table(details) {
      element(details, "summary", { textContent: "values" });
      details.ontoggle = () => {
        if (!details.open) return;
        details.querySelector("div")?.remove();
        const table = element(element(details, "div", { className: "scroll" }), "table");
        const head = table.createTHead().insertRow();
        for (const name of ["t [s]", ...this.curves.map((c) => `${c.name} [${this.spec.unit}]`)]) {
          element(head, "th", { textContent: name });
        }
        const body = table.createTBody();
        const [first, last] = [after(this.t, view.from), after(this.t, view.to)];
        const every = Math.max(1, Math.ceil((last - first) / 200));
        for (let k = first; k < last; k += every) {
          const row = body.insertRow();
          row.insertCell().textContent = +this.t[k].toFixed(3);
          for (const value of this.curves.map((c) => c.v[k])) {
            row.insertCell().textContent = Number.isNaN(value) ? "–" : value.toFixed(this.digits);
          }
        }
      };
    }

    listen() {
      const timeAt = (event) => {
        const box = this.canvas.getBoundingClientRect();
        const share = (event.clientX - box.left - PAD.left) / (box.width - PAD.left - PAD.right);
        return view.from + Math.min(1, Math.max(0, share)) * (view.to - view.from);
      };
      this.canvas.onpointermove = (event) => { view.cursor = timeAt(event); drawAll(); };
      this.canvas.onpointerleave = () => { if (!view.drag) { view.cursor = null; drawAll(); } };
      this.canvas.onpointerdown = (event) => {
        if (event.pointerType === "touch") return;
        view.drag = timeAt(event);
        this.canvas.setPointerCapture(event.pointerId);
      };
      this.canvas.onpointerup = (event) => {
        if (view.drag === null) return;
        const [low, high] = [view.drag, timeAt(event)].sort((a, b) => a - b);
        view.drag = null;
        if (high - low > 0.01 * (view.to - view.from)) [view.from, view.to] = [low, high];
        drawAll();
      };
      this.canvas.ondblclick = () => { [view.from, view.to] = view.all; drawAll(); };
      this.canvas.onkeydown = (event) => {
        const step = { ArrowLeft: -0.01, ArrowRight: 0.01 }[event.key];
        if (event.key === "Escape") [view.from, view.to] = view.all;
        else if (step) view.cursor = (view.cursor ?? view.from) + step * (view.to - view.from);
        else return;
        event.preventDefault();
        drawAll();
      };
    }

    // Smallest and largest value in view, with some air.
    bounds() {
      let low = Infinity, high = -Infinity;
      const first = Math.max(0, after(this.t, view.from) - 1), last = Math.min(this.t.length, after(this.t, view.to) + 1);
      for (const curve of this.curves) {
        if (!curve.shown) continue;
        for (let k = first; k < last; k++) {
          if (curve.v[k] < low) low = curve.v[k];
          if (curve.v[k] > high) high = curve.v[k];
        }
      }
      const level = this.spec.level;
      if (level !== null) { low = Math.min(low, level); high = Math.max(high, level); }
      if (!(low <= high)) [low, high] = [0, 1];
      const air = (high - low || Math.abs(high) * 0.01 || 1) * 0.06;
      return [low - air, high + air];
    }

    draw() {
      const scale = window.devicePixelRatio || 1;
      const { clientWidth: width, clientHeight: height } = this.canvas;
      this.canvas.width = width * scale;
      this.canvas.height = height * scale;
      const c = this.canvas.getContext("2d");
      c.scale(scale, scale);
      c.font = "12px system-ui, sans-serif";
      const [low, high] = this.bounds();
      const x = (t) => PAD.left + ((t - view.from) / (view.to - view.from)) * (width - PAD.left - PAD.right);
      const y = (v) => height - PAD.bottom - ((v - low) / (high - low)) * (height - PAD.top - PAD.bottom);
      this.axes(c, x, y, low, high, width, height);
      c.save();
      c.beginPath();
      c.rect(PAD.left, 0, width - PAD.left - PAD.right, height - PAD.bottom + 1);
      c.clip();
      this.marks(c, x, height);
      for (const curve of this.curves) if (curve.shown) this.line(c, x, y, curve);
      c.restore();
      this.readOut(c, x, y, height);
    }

    axes(c, x, y, low, high, width, height) {
      const values = ticks(low, high, 5), times = timeTicks(view.from, view.to, Math.max(2, width / 100));
      c.strokeStyle = colour("grid");
      c.fillStyle = colour("soft");
      c.lineWidth = 1;
      c.textAlign = "right";
      c.textBaseline = "middle";
      for (const value of values.found) {
        const at = Math.round(y(value)) + 0.5;
        c.beginPath(); c.moveTo(PAD.left, at); c.lineTo(width - PAD.right, at); c.stroke();
        c.fillText(value.toFixed(values.digits), PAD.left - 8, at);
      }
      c.textAlign = "center";
      c.textBaseline = "alphabetic";
      for (const t of times) {
        const text = timeText(t, view.to - view.from), half = c.measureText(text).width / 2;
        c.fillText(text, Math.min(x(t), width - half - 1), height - 6);
      }
      if (this.spec.level !== null) {
        c.strokeStyle = colour("grey");
        c.beginPath(); c.moveTo(PAD.left, y(this.spec.level)); c.lineTo(width - PAD.right, y(this.spec.level)); c.stroke();
      }
    }

    marks(c, x, height) {
      c.strokeStyle = c.fillStyle = colour("red");
      c.setLineDash([3, 3]);
      for (const [t, text] of this.spec.marks) {
        c.beginPath(); c.moveTo(x(t), 0); c.lineTo(x(t), height - PAD.bottom); c.stroke();
        c.textAlign = "left";
        c.fillText(text, x(t) + 5, 12);
      }
      c.setLineDash([]);
    }

    line(c, x, y, curve) {
      c.strokeStyle = colour(curve.colour);
      c.lineWidth = 1.6;
      c.lineJoin = "round";
      c.setLineDash(curve.style === "dashed" ? [6, 4] : []);
      c.beginPath();
      let down = false;
      const first = Math.max(0, after(this.t, view.from) - 1), last = Math.min(this.t.length, after(this.t, view.to) + 1);
      for (let k = first; k < last; k++) {
        if (Number.isNaN(curve.v[k])) { down = false; continue; }
        if (down) c.lineTo(x(this.t[k]), y(curve.v[k])); else c.moveTo(x(this.t[k]), y(curve.v[k]));
        down = true;
      }
      c.stroke();
      c.setLineDash([]);
    }

    readOut(c, x, y, height) {
      const t = view.cursor;
      const k = t === null ? -1 : Math.min(this.t.length - 1, after(this.t, t));
      this.time.textContent = k < 0 ? "" : `t = ${+this.t[k].toFixed(2)} s`;
      for (const curve of this.curves) {
        const known = k >= 0 && !Number.isNaN(curve.v[k]);
        curve.output.textContent = known ? curve.v[k].toFixed(this.digits) : "";
        if (!known || !curve.shown || this.t[k] < view.from || this.t[k] > view.to) continue;
        c.fillStyle = colour(curve.colour);
        c.beginPath(); c.arc(x(this.t[k]), y(curve.v[k]), 3, 0, 7); c.fill();
      }
      if (k < 0) return;
      c.strokeStyle = colour("soft");
      c.lineWidth = 1;
      c.beginPath(); c.moveTo(x(t), 0); c.lineTo(x(t), height - PAD.bottom); c.stroke();
      if (view.drag !== null) {
        c.fillStyle = colour("blue") + "22";
        c.fillRect(x(view.drag), 0, x(t) - x(view.drag), height - PAD.bottom);
      }
    }
  }

  const charts = JSON.parse(document.getElementById("data").textContent).map((spec) => new Chart(spec));
  const drawAll = () => charts.forEach((chart) => chart.draw());
  view.from = Math.min(...charts.map((chart) => chart.t[0]));
  view.to = Math.max(...charts.map((chart) => chart.t[chart.t.length - 1]));
  view.all = [view.from, view.to];
  window.addEventListener("resize", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  drawAll();
})();
